import type { Observation } from './observation.ts'

/** An observation for tests: a granted refresh on legacy, unless `changes` say otherwise. */
export function testObservation(changes: Partial<Observation> = {}): Observation {
  return {
    applicationId: 1,
    request: 'refresh_token',
    side: 'rails',
    at: 1_800_000_000_000,
    durationMs: 12,
    status: 200,
    error: undefined,
    trouble: undefined,
    isGranted: changes.error === undefined && changes.trouble === undefined && (changes.status ?? 200) < 400,
    isDiverted: false,
    presented: undefined,
    flow: undefined,
    caller: 'ca11e4',
    asked: { scope: 1, redirectUri: 2, form: 3 },
    issued: [],
    shape: undefined,
    requestId: 'request-1',
    ...changes,
  }
}
