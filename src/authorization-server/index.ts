export { holdsReservedParameter } from './clients/redirect-uri.ts'
export { DEFAULT_CLAIMS } from './core/claims.ts'
export { hexMint, prefixedMint } from './core/mint.ts'
export { securityEventLine, securityLogLine } from './core/security-event-line.ts'
export { preflightReply, withCors } from './cors.ts'
export type { SigningAlgorithm } from './keys/algorithms.ts'
export type { SigningKeyChange, SigningKeyView, Withdrawal } from './keys/ring.ts'
export type { Limit } from './limits/gcra.ts'
export { limitLog } from './limits/limit-log.ts'
export { type LimitTable, limitTable } from './limits/limit-table.ts'
export {
  type Caller,
  type LimitReached,
  type RequestLimitOptions,
  type RequestLimitSettings,
  type RequestLimits,
  requestLimits,
} from './limits/request-limits.ts'
export { retryAfter, TOO_MANY_TEXT, TooManyGuessesError, tooManyRequests } from './limits/too-many-requests.ts'
export type { UserCodeLimits } from './limits/user-code-guess.ts'
export type * from './model/contract.ts'
export type { DoorkeeperVersion } from './model/dialect.ts'
export type * from './model/ports.ts'
export { SECURITY_EVENT_KINDS } from './model/ports.ts'
export {
  authorizationErrorBody,
  plainLayout,
  publicError,
} from './responses/pages.ts'
export {
  conditional,
  emptyReply,
  escapeHtml,
  type Headers,
  headerOf,
  jsonReply,
  pageReply,
  redirectReply,
  securityHeaders,
} from './responses/replies.ts'
export { routeOf } from './routes.ts'
export { createAuthorizationServer } from './server.ts'
export type { LiveCredentials, Living } from './store/live-credentials.ts'
export { authorizationMigrations } from './store/migrations.ts'
