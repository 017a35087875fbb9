import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ApplicationMemory } from './application-memory.ts'
import { LONGEST_COMPLETION_MS } from './completion-time.ts'
import { type Observation, UNTOLD } from './observation.ts'
import { type JoinChange, OutcomeJoin } from './outcome-join.ts'
import { testObservation } from './testing.ts'

const START = 1_800_000_000_000
const MINUTE = 60_000
const code = (hash: string) => [{ type: 'code' as const, hash, lifetime: 600 }]

/** The changes as text that is easy to compare. */
function words(changes: readonly JoinChange[]): string[] {
  return changes.map((change) =>
    change.kind === 'completion'
      ? `${change.start.isComplete ? 'complete' : 'incomplete'} ${change.start.requestId}`
      : `${change.kind} ${change.outcome.side} ${change.outcome.kind} ${change.outcome.cause} ${change.outcome.error ?? ''}`.trim(),
  )
}

function joinInto(changes: JoinChange[], memory: ApplicationMemory): OutcomeJoin {
  return new OutcomeJoin({ environment: 'production', memory, emit: (change) => changes.push(change), capacity: 1_024 })
}

function joined(observations: ReadonlyArray<Partial<Observation>>, until = START) {
  const changes: JoinChange[] = []
  const memory = new ApplicationMemory()
  const join = joinInto(changes, memory)
  join.advance(START)
  for (const each of observations) join.take(testObservation({ at: START, ...each }))
  join.advance(until)
  return { changes, memory, join, words: words(changes) }
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}

const page: Partial<Observation> = {
  request: 'authorize',
  status: 302,
  isGranted: false,
  flow: 'f1',
  requestId: 'start',
}
const withCode = { ...page, requestId: 'code', issued: code('c1') }
const exchange: Partial<Observation> = { request: 'authorization_code', presented: 'c1', requestId: 'exchange' }

describe('the join of observations', () => {
  test('a sign-in is one outcome and one completion, whichever gateways saw its steps', () => {
    const { words: said } = joined([page, page, withCode, exchange], START + LONGEST_COMPLETION_MS + 2_000)
    assert.deepEqual(said, ['counted rails sign_in success', 'complete start'])
  })

  test('a first step that its gateway reports after the code begins no second sign-in', () => {
    const late = { ...page, at: START - 50 }
    const until = START + LONGEST_COMPLETION_MS + 2_000
    const once = ['counted rails sign_in success', 'complete code']
    assert.deepEqual(joined([withCode, late, exchange], until).words, once)
    assert.deepEqual(joined([withCode, exchange, late], until).words, once)
    const middle = { ...page, at: START - 20, requestId: 'middle' }
    assert.deepEqual(joined([late, withCode, middle, exchange], until).words, [once[0], 'complete start'])
    const next = { ...page, at: START + 50, requestId: 'next' }
    assert.ok(joined([withCode, exchange, next], until).words.includes('incomplete next'))
  })

  test('a sign-in at IAM, whose last step names no application, is one outcome in whatever order gateways report it', () => {
    const first: Partial<Observation> = { ...page, side: 'iam', requestId: 'first' }
    const last: Partial<Observation> = { ...first, at: START + 20, applicationId: UNTOLD, requestId: 'last' }
    const ended: Partial<Observation> = { ...last, issued: code('c1') }
    const redeemed: Partial<Observation> = { ...exchange, side: 'iam', at: START + 25 }
    const until = START + LONGEST_COMPLETION_MS + 2_000
    for (const order of permutations([first, ended, redeemed])) {
      assert.deepEqual(joined(order, until).words, ['counted iam sign_in success', 'complete first'])
    }
    const denied: Partial<Observation> = { ...last, error: 'access_denied' }
    for (const order of permutations([first, denied])) {
      assert.deepEqual(joined(order, until).words, ['counted iam sign_in user access_denied', 'incomplete first'])
    }
    const skewed = { ...redeemed, at: START + 19 }
    assert.deepEqual(joined([skewed, ended, first], until).words, ['counted iam sign_in success', 'complete first'])
  })

  test('a sign-in at IAM that receives a second code is complete whichever code is redeemed', () => {
    const first: Partial<Observation> = { ...page, side: 'iam', requestId: 'first' }
    const again = (hash: string, at: number) => ({ ...first, at, applicationId: UNTOLD, issued: code(hash) })
    const until = START + LONGEST_COMPLETION_MS + 2_000
    for (const presented of ['c1', 'c2']) {
      const redeemed: Partial<Observation> = { ...exchange, side: 'iam', at: START + 60, presented }
      const { words: said } = joined([first, again('c1', START + 20), again('c2', START + 40), redeemed], until)
      assert.deepEqual(said, ['counted iam sign_in success', 'complete first'])
    }
  })

  test('a refusal in a later step of a sign-in at IAM is judged by what its first step asked for, and counts once', () => {
    const asked = { scope: 5, redirectUri: 6, form: 7 }
    const onLegacy = [{ ...page, asked }, { ...withCode, asked }, exchange]
    const first: Partial<Observation> = { ...page, side: 'iam', flow: 'f2', at: START + 10, asked, requestId: 'first' }
    const later = { ...first, at: START + 20, asked: { scope: 0, redirectUri: 0, form: 0 } } as const
    const until = START + LONGEST_COMPLETION_MS + 2_000
    const refusals = {
      invalid_scope: { ...later, applicationId: UNTOLD, error: 'invalid_scope' },
      // A page identifies no flow, but its request names the client.
      status_400: { ...later, flow: undefined, status: 400 },
      server_error: { ...later, flow: undefined, status: 500, error: 'server_error' },
    }
    for (const [error, refusal] of Object.entries(refusals)) {
      const again = { ...refusal, at: START + 900, requestId: 'again' }
      const { words: said } = joined([...onLegacy, first, refusal, again], until)
      const ofIam = said.filter((one) => !one.includes('rails') && one !== 'complete start')
      assert.deepEqual(ofIam, [`counted iam sign_in server ${error}`, 'incomplete first'])
    }
    const elsewhere = { ...refusals.status_400, caller: 'another' }
    assert.ok(joined([...onLegacy, first, elsewhere], until).words.includes('counted iam sign_in client status_400'))
  })

  test('a last step whose first step no gateway reports is dropped after the wait for slow gateways', () => {
    const last = { ...page, side: 'iam', applicationId: UNTOLD, issued: code('c1') } as const
    const { words: said, join } = joined([last], START + LONGEST_COMPLETION_MS + 2_000)
    assert.deepEqual(said, [])
    assert.equal(join.starts.followed, 0)
  })

  test('a code counts as issued although the gateway that issued it reports after the one that refused it', () => {
    const refused = { ...exchange, at: START + 10, status: 400, isGranted: false, error: 'invalid_grant' }
    const until = START + LONGEST_COMPLETION_MS + 2_000
    assert.deepEqual(joined([refused, page, withCode], until).words, [
      'counted rails sign_in server invalid_grant',
      'incomplete start',
    ])
    const granted = { ...exchange, at: START + 10 }
    const { words: said } = joined([granted, page, withCode], until)
    assert.deepEqual(said, ['counted rails sign_in success', 'complete start'])
  })

  test('a credential whose issue no gateway reports is judged after the wait for slow gateways', () => {
    const changes: JoinChange[] = []
    const join = joinInto(changes, new ApplicationMemory())
    const refused = { ...exchange, at: START, status: 400, isGranted: false, error: 'invalid_grant' }
    join.take(testObservation(refused))
    join.advance(START - 1)
    assert.deepEqual(words(changes), [])
    join.advance(START - 1, START)
    assert.deepEqual(words(changes), ['counted rails sign_in client invalid_grant'])
  })

  test('a start that is never completed is judged when its time is over, and its user walked away', () => {
    const { words: said } = joined([page, withCode], START + LONGEST_COMPLETION_MS + 2_000)
    assert.deepEqual(said, ['incomplete start', 'counted rails sign_in user walked_away'])
    assert.deepEqual(joined([page, withCode], START + LONGEST_COMPLETION_MS - 2_000).words, [])
  })

  test('a user who denies is one outcome, and the start stays incomplete', () => {
    const denied = { ...page, error: 'access_denied', requestId: 'denied' }
    const { words: said } = joined([page, denied], START + LONGEST_COMPLETION_MS + 2_000)
    assert.deepEqual(said, ['counted rails sign_in user access_denied', 'incomplete start'])
  })

  test('a live credential that is refused counts against the server, a used one against the client', () => {
    const issued = [{ type: 'refresh_token' as const, hash: 'r2', lifetime: 0 }]
    const later = { at: START + 2 * MINUTE, status: 400, error: 'invalid_grant' }
    const observations = [
      { presented: 'r1', issued },
      { presented: 'r2', ...later },
      { presented: 'r1', ...later },
    ]
    const { words: said } = joined(observations, START + 2 * MINUTE)
    assert.deepEqual(said, [
      'counted rails refresh success',
      'counted rails refresh server invalid_grant',
      'counted rails refresh client invalid_grant',
    ])
  })

  test('a refresh token that the server does not rotate stays live', () => {
    const same = [{ type: 'refresh_token' as const, hash: 'r1', lifetime: 0 }]
    const { changes } = joined([
      { presented: 'r0', issued: same },
      { presented: 'r1', issued: same, at: START + MINUTE },
      { presented: 'r1', at: START + 2 * MINUTE, status: 400, error: 'invalid_grant' },
    ])
    assert.deepEqual(words(changes).at(-1), 'counted rails refresh server invalid_grant')
  })

  test('a credential of the other side that is refused is our own fault', () => {
    const { words: said } = joined([
      { request: 'authorization_code', presented: 'c0', issued: [{ type: 'refresh_token', hash: 'r1', lifetime: 0 }] },
      { side: 'iam', presented: 'r1', status: 400, error: 'invalid_grant' },
    ])
    assert.deepEqual(said.at(-1), 'counted iam refresh ours invalid_grant')
  })

  test('an expired code that is refused is not the server’s fault', () => {
    const late = { ...exchange, at: START + 11 * MINUTE, status: 400, error: 'invalid_grant' }
    assert.deepEqual(joined([page, withCode, late]).words, ['counted rails sign_in client invalid_grant'])
  })

  test('after a request that timed out it is unknown whether its credential was used', () => {
    const { words: said } = joined([
      { presented: 'r0', issued: [{ type: 'refresh_token', hash: 'r1', lifetime: 0 }] },
      { presented: 'r1', at: START + MINUTE, status: 504, trouble: 'timed_out' },
      { presented: 'r1', at: START + MINUTE + 5_000, status: 400, error: 'invalid_grant' },
    ])
    assert.deepEqual(said, ['counted rails refresh success', 'counted rails refresh server timed_out'])
  })

  test('a client that authenticated within 30 days and is refused did not break itself', () => {
    const refused = { side: 'iam', status: 401, error: 'invalid_client', presented: 'r9' } as const
    const day = 86_400_000
    assert.deepEqual(
      joined([{ presented: 'r1' }, { ...refused, at: START + 29 * day }]).words.at(-1),
      'counted iam refresh server invalid_client',
    )
    assert.deepEqual(
      joined([{ presented: 'r1' }, { ...refused, at: START + 31 * day }]).words.at(-1),
      'counted iam refresh client invalid_client',
    )
    assert.deepEqual(joined([refused]).words, ['counted iam refresh client invalid_client'])
  })

  test('IAM is to blame for refusing the form, scope or redirect URI that legacy accepted from the first request on', () => {
    const first = { ...page, asked: { scope: 5, redirectUri: 6, form: 7 } }
    const consent = { ...withCode, asked: { scope: 5, redirectUri: 6, form: 70 } }
    const atIam = { ...first, side: 'iam', flow: 'f2' } as const
    const refusals: ReadonlyArray<Partial<Observation>> = [
      { ...atIam, error: 'invalid_request' },
      { ...atIam, flow: 'f3', error: 'invalid_scope' },
      { ...atIam, flow: 'f4', status: 400 },
    ]
    assert.deepEqual(joined([first, consent, ...refusals]).words, [
      'counted iam sign_in server invalid_request',
      'counted iam sign_in server invalid_scope',
      'counted iam sign_in server status_400',
    ])
    assert.deepEqual(joined(refusals).words, [
      'counted iam sign_in client invalid_request',
      'counted iam sign_in client invalid_scope',
      'counted iam sign_in client status_400',
    ])
  })

  test('client credentials count once a minute for each client and caller', () => {
    const one = { request: 'client_credentials', presented: undefined } as const
    const { words: said } = joined([
      { ...one, at: START },
      { ...one, at: START + 20_000 },
      { ...one, at: START + 59_000 },
      { ...one, at: START + 61_000 },
      { ...one, at: START + 61_000, caller: 'other' },
      { ...one, at: START + 61_000, applicationId: 2 },
    ])
    assert.equal(said.length, 4)
  })

  test('a password counts once a minute for each user, also while it fails', () => {
    const one = { request: 'password', presented: 'alice', side: 'iam', status: 400 } as const
    const refused = { ...one, error: 'unsupported_grant_type', isGranted: false, issued: [] }
    const { words: said } = joined([
      { ...refused, at: START },
      { ...refused, at: START + 20_000 },
      { ...refused, at: START + 61_000 },
      { ...refused, at: START + 122_000 },
      { ...refused, at: START + 122_000, presented: 'bob' },
    ])
    assert.equal(said.length, 4)
  })

  test('a device that waits is no outcome, and its grant is one', () => {
    const device: Partial<Observation> = {
      request: 'authorize_device',
      issued: [{ type: 'device_code', hash: 'd1', lifetime: 300 }],
      requestId: 'device',
    }
    const poll: Partial<Observation> = { request: 'device_code', presented: 'd1' }
    const pending = { ...poll, status: 400, error: 'authorization_pending' }
    const { words: said } = joined(
      [device, pending, pending, { ...poll, at: START + MINUTE }],
      START + LONGEST_COMPLETION_MS + 2_000,
    )
    assert.deepEqual(said, ['counted rails device success', 'complete device'])
  })

  test('the time to complete is learned from legacy, between 2 and 15 minutes', () => {
    const changes: JoinChange[] = []
    const memory = new ApplicationMemory()
    const join = joinInto(changes, memory)
    for (let number = 0; number < 200; number++) {
      const at = START + number * 100
      join.take(testObservation({ ...page, at, flow: `f${number}`, issued: code(`c${number}`) }))
      join.take(testObservation({ ...exchange, at: at + (number < 190 ? 20_000 : 200_000), presented: `c${number}` }))
    }
    const limit = memory.completionLimit(1, 'sign_in')
    assert.ok(limit >= 200_000 && limit <= 220_000, String(limit))
    assert.equal(memory.completionLimit(2, 'sign_in'), LONGEST_COMPLETION_MS)
  })

  test('starts are judged in the order in which they began, however they end', () => {
    const ends = fc.array(
      fc.record({ after: fc.nat(600_000), takes: fc.option(fc.nat(890_000), { nil: undefined }) }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(ends, (all) => {
        const changes: JoinChange[] = []
        const join = joinInto(changes, new ApplicationMemory())
        const events = all.flatMap(({ after, takes }, number) => {
          const start = {
            ...page,
            at: START + after,
            flow: `f${number}`,
            requestId: String(after),
            issued: code(`c${number}`),
          }
          const end = takes === undefined ? [] : [{ ...exchange, at: START + after + takes, presented: `c${number}` }]
          return [start, ...end]
        })
        events.sort((a, b) => a.at - b.at)
        for (const each of events) {
          join.advance(each.at)
          join.take(testObservation(each))
        }
        join.advance(START + 2 * LONGEST_COMPLETION_MS)
        const judged = changes.filter((change) => change.kind === 'completion').map(({ start }) => start)
        assert.equal(judged.length, all.length)
        const begins = judged.map(({ startedAt }) => startedAt)
        assert.deepEqual(
          begins,
          [...begins].sort((a, b) => a - b),
        )
        assert.equal(
          judged.filter(({ isComplete }) => isComplete).length,
          all.filter(({ takes }) => takes !== undefined).length,
        )
      }),
      { numRuns: 100, seed: 3 },
    )
  })
})
