import type { ExchangeState } from './exchange-state.ts'
import { traceOf } from './trace-of.ts'

/**
 * Step 6: records an exchange that has ended, once.
 *
 * @param isFinished the client has the whole response
 */
export function recordExchange(state: ExchangeState, isFinished: boolean): void {
  const { context, response } = state
  if (isFinished) {
    state.ending = 'complete'
    if (response !== undefined) {
      state.oauthError = response.oauthError
      state.granted = response.grants
    }
  }
  state.durationMs = performance.now() - state.startedAt
  traceOf(state)?.end(state, context.recorder.applicationOf(state))
  context.recorder.record(state)
}
