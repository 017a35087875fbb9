import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CAUSE_TABLE, causeOf, type History, isStep } from './cause-table.ts'
import type { Observation } from './observation.ts'
import { testObservation } from './testing.ts'
import { OUTCOME_SIDES, type OutcomeCause } from './vocabulary.ts'

const NO_HISTORY: History = {
  credential: 'unknown',
  hasAuthenticated: false,
  hasAccepted: { scope: false, redirectUri: false, grant: false, form: false },
}

interface Row {
  readonly name: string
  readonly cause: OutcomeCause
  readonly error: string | undefined
  readonly seen: Partial<Observation>
  readonly history?: Partial<History>
}

const accepted = (...places: ReadonlyArray<keyof History['hasAccepted']>) => ({
  hasAccepted: { ...NO_HISTORY.hasAccepted, ...Object.fromEntries(places.map((place) => [place, true])) },
})

/** At least one request for each row of the table, and what the row must not take. */
const ROWS: readonly Row[] = [
  { name: 'granted', cause: 'success', error: undefined, seen: {} },
  { name: 'gateway at fault', cause: 'ours', error: 'circuit_open', seen: { status: 503, trouble: 'circuit_open' } },
  { name: 'gateway at fault', cause: 'ours', error: 'overloaded', seen: { status: 503, trouble: 'overloaded' } },
  { name: 'no usable answer', cause: 'server', error: 'timed_out', seen: { status: 503, trouble: 'timed_out' } },
  { name: 'no usable answer', cause: 'server', error: 'cut_off', seen: { status: 200, trouble: 'cut_off' } },
  { name: 'no usable answer', cause: 'server', error: 'unreadable', seen: { status: 200, trouble: 'unreadable' } },
  { name: 'caller at fault', cause: 'client', error: 'client_closed', seen: { status: 499, trouble: 'client_closed' } },
  { name: 'server error', cause: 'server', error: 'status_502', seen: { status: 502 } },
  { name: 'server error', cause: 'server', error: 'server_error', seen: { status: 302, error: 'server_error' } },
  { name: 'the user decided', cause: 'user', error: 'access_denied', seen: { status: 302, error: 'access_denied' } },
  { name: 'the user decided', cause: 'user', error: 'expired_token', seen: { status: 400, error: 'expired_token' } },
  {
    name: 'wrong user name or password',
    cause: 'user',
    error: 'invalid_grant',
    seen: { request: 'password', status: 400, error: 'invalid_grant' },
  },
  {
    name: 'diverted from IAM and refused',
    cause: 'ours',
    error: 'invalid_client',
    seen: { status: 401, error: 'invalid_client', isDiverted: true },
    history: { hasAuthenticated: true },
  },
  {
    name: 'client refused that authenticated before',
    cause: 'server',
    error: 'invalid_client',
    seen: { status: 401, error: 'invalid_client' },
    history: { hasAuthenticated: true },
  },
  { name: 'anything else', cause: 'client', error: 'invalid_client', seen: { status: 401, error: 'invalid_client' } },
  {
    name: 'live credential refused',
    cause: 'server',
    error: 'invalid_grant',
    seen: { status: 400, error: 'invalid_grant' },
    history: { credential: 'live' },
  },
  {
    name: 'live credential refused',
    cause: 'server',
    error: 'invalid_token',
    seen: { request: 'userinfo', status: 401, error: 'invalid_token' },
    history: { credential: 'live' },
  },
  {
    name: 'credential sent to the wrong side',
    cause: 'ours',
    error: 'invalid_grant',
    seen: { status: 400, error: 'invalid_grant' },
    history: { credential: 'foreign' },
  },
  ...(['used', 'expired', 'unknown'] as const).map((credential) => ({
    name: 'anything else',
    cause: 'client' as const,
    error: 'invalid_grant',
    seen: { status: 400, error: 'invalid_grant' },
    history: { credential, ...accepted('form') },
  })),
  {
    name: 'scope refused that legacy accepted',
    cause: 'server',
    error: 'invalid_scope',
    seen: { request: 'authorize', status: 302, error: 'invalid_scope' },
    history: accepted('scope'),
  },
  {
    name: 'anything else',
    cause: 'client',
    error: 'invalid_scope',
    seen: { request: 'authorize', status: 302, error: 'invalid_scope' },
    history: accepted('form'),
  },
  {
    name: 'redirect URI refused that legacy accepted',
    cause: 'server',
    error: 'status_400',
    seen: { request: 'authorize', status: 400 },
    history: accepted('redirectUri', 'scope', 'form'),
  },
  {
    name: 'anything else',
    cause: 'client',
    error: 'status_400',
    seen: { request: 'authorize', status: 400 },
    history: accepted('redirectUri', 'scope'),
  },
  {
    name: 'anything else',
    cause: 'client',
    error: 'status_400',
    seen: { request: 'authorize', status: 400 },
    history: accepted('redirectUri', 'grant', 'form'),
  },
  {
    name: 'redirect URI refused that legacy accepted',
    cause: 'server',
    error: 'invalid_redirect_uri',
    seen: { request: 'authorize', status: 400, error: 'invalid_redirect_uri' },
    history: accepted('redirectUri'),
  },
  {
    name: 'grant refused that legacy accepted',
    cause: 'server',
    error: 'unsupported_response_type',
    seen: { request: 'authorize', status: 302, isGranted: false, error: 'unsupported_response_type' },
    history: accepted('grant', 'form'),
  },
  {
    name: 'anything else',
    cause: 'client',
    error: 'unsupported_response_type',
    seen: { request: 'authorize', status: 302, isGranted: false, error: 'unsupported_response_type' },
    history: accepted('grant'),
  },
  {
    name: 'grant refused that legacy accepted',
    cause: 'server',
    error: 'unauthorized_client',
    seen: { status: 400, error: 'unauthorized_client' },
    history: accepted('grant'),
  },
  {
    name: 'form of request refused that legacy accepted',
    cause: 'server',
    error: 'invalid_request',
    seen: { status: 400, error: 'invalid_request' },
    history: accepted('form'),
  },
  { name: 'anything else', cause: 'client', error: 'status_429', seen: { status: 429 }, history: accepted('form') },
  { name: 'anything else', cause: 'client', error: 'invalid_request', seen: { status: 400, error: 'invalid_request' } },
]

describe('the table of causes', () => {
  for (const side of OUTCOME_SIDES) {
    for (const { name, cause, error, seen, history } of ROWS) {
      test(`${error ?? 'a grant'} on ${side} counts as ${cause}: ${name}`, () => {
        const observation = testObservation({ side, ...seen })
        const past = { ...NO_HISTORY, ...history }
        assert.equal(CAUSE_TABLE.find(({ applies }) => applies(observation, past))?.name, name)
        assert.deepEqual(causeOf(observation, past), { cause, error })
      })
    }
  }

  test('has a test for each of its rows', () => {
    assert.deepEqual(
      CAUSE_TABLE.map(({ name }) => name),
      [...new Set(CAUSE_TABLE.map(({ name }) => name))],
    )
    const tested = new Set(ROWS.map(({ name }) => name))
    assert.deepEqual(
      CAUSE_TABLE.filter(({ name }) => !tested.has(name)).map(({ name }) => name),
      [],
    )
  })

  test('pages, codes and waiting devices are steps; errors and troubles are not', () => {
    const page = { request: 'authorize', isGranted: false } as const
    assert.ok(isStep(testObservation({ ...page, status: 200 })))
    assert.ok(isStep(testObservation({ ...page, status: 302 })))
    assert.ok(!isStep(testObservation({ ...page, status: 302, error: 'access_denied' })))
    assert.ok(!isStep(testObservation({ ...page, status: 400 })))
    assert.ok(!isStep(testObservation({ ...page, status: 200, trouble: 'cut_off' })))
    assert.ok(isStep(testObservation({ request: 'authorize_device' })))
    const poll = { request: 'device_code', status: 400 } as const
    assert.ok(isStep(testObservation({ ...poll, error: 'authorization_pending' })))
    assert.ok(isStep(testObservation({ ...poll, error: 'slow_down' })))
    assert.ok(!isStep(testObservation({ ...poll, error: 'access_denied' })))
  })
})
