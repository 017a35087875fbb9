import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AttemptFailure } from '../responses/failure.ts'
import { afterFailure, type FailureContext } from './after-failure.ts'

const FAILURES = [
  'not_connected',
  'overloaded',
  'closed',
  'timed_out',
  'server_error',
  'unexpected_content_type',
] as const
const BOTH = [true, false]

/** One failed attempt; every combination exists once in {@link CASES}. */
type Case = FailureContext & { readonly failure: AttemptFailure }

const CASES: readonly Case[] = FAILURES.flatMap((failure) =>
  (['legacy', 'iam'] as const).flatMap((side) =>
    [1, 2].flatMap((attempts) =>
      BOTH.flatMap((startsFlow) =>
        BOTH.flatMap((isRepeatable) =>
          BOTH.map((carriesIamCredential) => ({
            ...{ failure, side, attempts, startsFlow, isRepeatable, carriesIamCredential },
          })),
        ),
      ),
    ),
  ),
)

/** Rule · what it applies to · action. Exactly one rule applies to each case. */
const RULES: ReadonlyArray<readonly [name: string, applies: (one: Case) => boolean, action: string]> = [
  ['a new flow at IAM falls back to legacy', (one) => isNewFlowAtIam(one), 'fail_over'],
  ['any other request at IAM gets 503', (one) => one.side === 'iam' && !isNewFlowAtIam(one), 'temporarily_unavailable'],
  ['a 5xx of legacy is passed on', (one) => one.side === 'legacy' && one.failure === 'server_error', 'pass_on'],
  [
    'a page of legacy for a program is passed on',
    (one) => one.side === 'legacy' && one.failure === 'unexpected_content_type',
    'pass_on',
  ],
  ['a repeatable request on a closed connection to legacy is sent again', (one) => isRetried(one), 'retry'],
  [
    'any other request on a closed connection to legacy gets 502',
    (one) => one.side === 'legacy' && one.failure === 'closed' && !isRetried(one),
    'bad_gateway',
  ],
  [
    'a request that cannot connect to legacy gets 502',
    (one) => one.side === 'legacy' && one.failure === 'not_connected',
    'bad_gateway',
  ],
  [
    'a request for which legacy has no free connection gets 503',
    (one) => one.side === 'legacy' && one.failure === 'overloaded',
    'overloaded',
  ],
  [
    'a request that legacy does not answer in time gets 504',
    (one) => one.side === 'legacy' && one.failure === 'timed_out',
    'gateway_timeout',
  ],
]

function isNewFlowAtIam({ side, attempts, startsFlow, carriesIamCredential }: Case): boolean {
  return side === 'iam' && attempts === 1 && startsFlow && !carriesIamCredential
}

function isRetried({ side, failure, attempts, isRepeatable, carriesIamCredential }: Case): boolean {
  return side === 'legacy' && failure === 'closed' && attempts === 1 && isRepeatable && !carriesIamCredential
}

function actionAfter(one: Case): string {
  const action = afterFailure(one.failure, one)
  return action.do === 'respond' ? action.error : action.do
}

describe('after a failed attempt,', () => {
  for (const [name, applies, action] of RULES) {
    test(name, () => {
      const cases = CASES.filter(applies)
      assert.ok(cases.length > 0)
      for (const one of cases) assert.equal(actionAfter(one), action, JSON.stringify(one))
    })
  }

  test('exactly one rule applies to each of the 192 combinations', () => {
    assert.equal(CASES.length, 192)
    for (const one of CASES) assert.equal(RULES.filter(([, applies]) => applies(one)).length, 1, JSON.stringify(one))
  })

  test('a request with a credential of IAM is never sent again, to neither side', () => {
    for (const one of CASES.filter(({ carriesIamCredential }) => carriesIamCredential))
      assert.doesNotMatch(actionAfter(one), /fail_over|retry/, JSON.stringify(one))
  })

  test('no request is sent a third time, and none twice to IAM', () => {
    for (const one of CASES) {
      if (one.attempts > 1) assert.doesNotMatch(actionAfter(one), /fail_over|retry/, JSON.stringify(one))
      if (one.side === 'iam') assert.notEqual(actionAfter(one), 'retry', JSON.stringify(one))
    }
  })

  test('a response of IAM that shows a failure is never passed on', () => {
    for (const one of CASES.filter(({ side }) => side === 'iam')) assert.notEqual(actionAfter(one), 'pass_on')
  })
})
