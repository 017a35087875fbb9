export type {
  AuthorizationContext,
  AuthorizationError,
  AuthorizationRequest,
  AuthorizationStep,
  PreAuthorization,
  ResponseMode,
} from './authorization/authorization-request.ts'
export type { DeviceApproval, PendingDevice } from './authorization/device-approval.ts'
export type { AuthorizationServer } from './authorization-server.ts'
export type { InstancePolicy } from './clients/policy.ts'
export { holdsReservedParameter } from './clients/redirect-uri.ts'
export type { Claim } from './core/claims.ts'
export { DEFAULT_CLAIMS } from './core/claims.ts'
export { securityEventLine, securityLogLine } from './core/security-event-line.ts'
export type { Settings, TokenSettings } from './core/settings.ts'
export type { AccessTokenGrant, TokenIssuer } from './core/token-issuer.ts'
export { createPrefixedTokenIssuer, hexTokenIssuer } from './core/token-issuer.ts'
export { preflightReply, withCors } from './cors.ts'
export type { AuthorizationServerDependencies } from './dependencies.ts'
export type { SigningAlgorithm } from './keys/algorithms.ts'
export type { SigningKeyChange, SigningKeyView, Withdrawal } from './keys/ring.ts'
export type { SigningKeySettings } from './keys/schedule.ts'
export type { Limit } from './limits/gcra.ts'
export { limitLog } from './limits/limit-log.ts'
export { type LimitTable, limitTable } from './limits/limit-table.ts'
export {
  type Caller,
  createRequestLimits,
  type LimitReached,
  type RequestLimitOptions,
  type RequestLimitSettings,
  type RequestLimits,
} from './limits/request-limits.ts'
export { retryAfter, TOO_MANY_TEXT, TooManyGuessesError, tooManyRequests } from './limits/too-many-requests.ts'
export type { UserCodeLimits } from './limits/user-code-guess.ts'
export type { Client } from './model/client.ts'
export type { DoorkeeperVersion } from './model/compatibility.ts'
export type { GrantEvent } from './model/grant-event.ts'
export type { ClaimValue, ResourceOwner, ResourceOwnerStore } from './model/resource-owner.ts'
export type {
  CredentialReuse,
  CredentialsRevoked,
  SecurityEvent,
  UserCredentialsEnded,
} from './model/security-event.ts'
export { SECURITY_EVENT_KINDS } from './model/security-event.ts'
export type { ReadParameters } from './parameters/read.ts'
export type { Parameters, ParameterValue } from './parameters/value.ts'
export type { Layout } from './responses/pages.ts'
export {
  authorizationErrorBody,
  plainLayout,
  publicError,
} from './responses/pages.ts'
export {
  conditional,
  emptyReply,
  type Headers,
  headerOf,
  jsonReply,
  pageReply,
  redirectReply,
  securityHeaders,
} from './responses/replies.ts'
export { routeOf } from './routes.ts'
export { createAuthorizationServer } from './server.ts'
export type { ApplicationDocument, ApplicationStore, IdRange, StoredVersion } from './store/applications.ts'
export type { LiveCount, LiveCredentials } from './store/live-credentials.ts'
export { authorizationMigrations } from './store/migrations.ts'
export type { StoredSecurityEvent } from './store/security-events.ts'
export type { StoreScope } from './store/statements.ts'
export type { AccessToken } from './store/tokens.ts'
export type { UserCodeGuess } from './store/user-code-guesses.ts'
export type { Grant, RevokedGrants } from './store/user-grants.ts'
