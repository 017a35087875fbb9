import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FailingGuards, type GuardReading } from '../../../guards/index.ts'
import type { ProbeResult, Twin } from '../../../probes/index.ts'
import { type DrilledGuards, guardDrill } from './guard-drill.ts'
import type { ProbeRunner } from './probes.ts'
import type { KnownTwin } from './twins.ts'

const SECRET = 'right'
const TWIN: KnownTwin = {
  ...{ name: 'web', cohort: undefined, sides: ['iam'], isForDrills: true, faults: [], applicationId: 9 },
  twin: {
    ...{ clientId: 'twin', clientSecret: SECRET, authentication: 'client_secret_post', scope: 'openid' },
    ...{ redirectUri: 'https://c.test/cb', usesPkce: true, kinds: ['sign_in'], user: undefined },
  },
}

/** A system whose outcomes reach its guards; `sees` tells whether a result counts as a failure there. */
function system(sees: (twin: Twin) => boolean, notices = true) {
  const pure = new FailingGuards()
  const attempts = new Map<string, number>()
  const counts = { outcomes: 0, failures: 0, requestIds: [] as string[] }
  let [slot, requests] = [0, 0]
  const guards: DrilledGuards = {
    async begin({ flag }) {
      slot = pure.open(0.115)
      attempts.set(flag, slot)
      Object.assign(counts, { outcomes: 0, failures: 0, requestIds: [] })
    },
    async end(_environment, flag) {
      pure.close(attempts.get(flag) ?? 0)
      attempts.delete(flag)
    },
    readings() {
      const evidence = pure.evidence(slot)
      const level = evidence >= 1_000 ? 'act' : 'quiet'
      const requestIds = [...counts.requestIds]
      return [{ applicationId: 9, guard: 'probes', evidence, level, ...counts, requestIds } as unknown as GuardReading]
    },
  }
  const runner: Pick<ProbeRunner, 'try'> = {
    async try(twin) {
      const isFailure = sees(twin)
      if (attempts.size > 0 && notices) {
        pure.record(slot, isFailure)
        counts.outcomes++
        if (isFailure) counts.failures = counts.requestIds.push(`request-${++requests}`)
      }
      return [{ kind: 'sign_in', verdict: isFailure ? 'failed' : 'succeeded', error: undefined } as ProbeResult]
    },
  }
  return { guards, runner, attempts }
}

const isBroken = (twin: Twin) => twin.clientSecret !== SECRET || twin.sendsWrongVerifier === true
const drill = (parts: ReturnType<typeof system>) =>
  guardDrill({ environment: 'staging', ...parts, twin: TWIN, iamVersion: '1.2.3', outcomeLimitMs: 20 })

describe('the guard drill', () => {
  test('passes when the guard catches each way of breaking the twin within seven outcomes', async () => {
    const parts = system(isBroken)
    const result = await drill(parts)
    assert.equal(result.hasPassed, true)
    assert.equal(result.iamVersion, '1.2.3')
    assert.ok(result.outcomes >= 3 && result.outcomes <= 7, String(result.outcomes))
    assert.equal(parts.attempts.size, 0)
  })

  test('fails when failures count as successes, as with swapped sides', async () => {
    const result = await drill(system((twin) => !isBroken(twin)))
    assert.equal(result.hasPassed, false)
  })

  test('fails when one way of breaking the twin is not noticed', async () => {
    const result = await drill(system((twin) => twin.clientSecret !== SECRET))
    assert.equal(result.hasPassed, false)
    assert.match(result.sentence, /wrong verifier/)
  })

  test('fails when outcomes do not reach the guard', async () => {
    assert.equal((await drill(system(isBroken, false))).hasPassed, false)
  })

  test('proves nothing with a twin that does not work, or that cannot be broken', async () => {
    assert.match((await drill(system(() => true))).sentence, /fails without being broken/)
    const parts = system(isBroken)
    const twin = { ...TWIN, twin: { ...TWIN.twin, kinds: ['client_credentials'] as const } }
    const result = await guardDrill({ environment: 'staging', ...parts, twin, iamVersion: undefined })
    assert.match(result.sentence, /cannot be broken/)
  })
})
