export type * from './contract.ts'
export { hexMint, prefixedMint } from './mint.ts'
export {
  authorizationErrorBody,
  plainLayout,
  publicError,
} from './pages.ts'
export type * from './ports.ts'
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
} from './replies.ts'
export { createAuthorizationServer } from './server.ts'
export { authorizationMigrations } from './store/migrations.ts'
