import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRAFT, readPlanObject } from '../../rollouts/index.ts'
import type { StoredRollout } from '../rollouts/store/rollout-store.ts'
import { rolloutNeeds, stateSentence } from './overview.ts'

const NOW = Date.parse('2026-11-30T17:00:00Z')
const WRITTEN = {
  ...{ version: 1, name: 'wave', flag: 'proxy_oauth_requests_to_iam_service', environment: 'dev' },
  steps: [{ percentage: 100 }],
}

function rolloutWith(reasons: readonly string[]): StoredRollout {
  const read = readPlanObject(WRITTEN, { now: undefined, allowsShort: true })
  assert.ok('plan' in read)
  const excluded = reasons.map((sentence, index) => {
    const at = new Date(NOW - 60_000 + index).toISOString()
    return { application_id: index + 1, guard: 'failures', cause: 'invalid_client', sentence, at }
  })
  const dates = { createdAt: new Date(NOW), changedAt: new Date(NOW) }
  return {
    ...{ ...DRAFT, id: 7, version: 1, plan: read.plan, written: WRITTEN, forecast: {}, reason: null },
    ...{ createdBy: 'alice', elapsedMs: 0, watch: undefined, state: 'running', excluded, ...dates },
  }
}

const COUNTS = { on_rails: 1, waiting: 0, not_arrived: 0, failing: 0 }

const sentencesOf = (reasons: readonly string[]) =>
  rolloutNeeds([rolloutWith(reasons)], [], { now: NOW, nameOf: (id) => `${id} "App ${id}"` }).map(
    ({ sentence, path }) => `${path}: ${sentence}`,
  )

test('an application that was taken back on its own is named, and several for one reason are one line', () => {
  assert.deepEqual(sentencesOf(['3 of 3 failed.', 'The cohort fails.', 'The cohort fails.']), [
    'applications/1: Application 1 "App 1" was taken back: 3 of 3 failed.',
    'rollouts/7: 2 applications were taken back: The cohort fails.',
  ])
})

test('the newest three reasons are listed, and the rest are counted', () => {
  const lines = sentencesOf(['a', 'b', 'c', 'd', 'e'])
  assert.equal(lines.length, 4)
  assert.match(lines[0] ?? '', /taken back: c$/)
  assert.equal(lines[3], 'rollouts/7: Rollout "wave" took back 2 more within a day')
})

test('a share that is almost none or almost all of the traffic is not rounded to it', () => {
  const sentenceOf = (share: number) =>
    stateSentence({ ...COUNTS, all: 2, on_iam: 1 }, { share_on_iam: share, flows_per_minute: { rails: 0, iam: 0 } })
  const shares = [0, 0.0003, 0.001, 0.004, 0.5, 0.996, 0.9997, 1].map((share) => sentenceOf(share).split(': ')[1])
  assert.deepEqual(shares, [
    ...['0 % of the traffic.', 'under 0.1 % of the traffic.', '0.1 % of the traffic.', '0.4 % of the traffic.'],
    ...['50 % of the traffic.', '99.6 % of the traffic.', 'over 99.9 % of the traffic.', '100 % of the traffic.'],
  ])
})
