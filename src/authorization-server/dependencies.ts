import type { Database } from '../storage/index.ts'
import type { Settings } from './core/settings.ts'
import type { TokenIssuer } from './core/token-issuer.ts'
import type { SigningKeyChange } from './keys/ring.ts'
import type { RequestLimits } from './limits/request-limits.ts'
import type { UserCodeLimits } from './limits/user-code-guess.ts'
import type { GrantEvent } from './model/grant-event.ts'
import type { ResourceOwnerStore } from './model/resource-owner.ts'
import type { SecurityEvent } from './model/security-event.ts'
import type { Layout } from './responses/pages.ts'

/** What {@link createAuthorizationServer} needs. */
export interface AuthorizationServerDependencies {
  readonly database: Database
  /** The schema that contains the tables of {@link authorizationMigrations}. */
  readonly schema: string
  readonly resourceOwners: ResourceOwnerStore
  readonly tokenIssuer: TokenIssuer
  readonly settings: Settings
  /** Called after every successful grant. Must not throw. */
  readonly onGrant?: (event: GrantEvent) => void
  /** Called once for each event, after the event is stored. Must not throw. */
  readonly onSecurityEvent?: (event: SecurityEvent) => void
  /** Called when a signing key is created, scheduled, erased or removed. Must not throw. */
  readonly onKeyChange?: (change: SigningKeyChange) => void
  /** Default: no limits. */
  readonly limits?: RequestLimits
  /** The rate limits for guesses of user codes. Default: none. */
  readonly userCodeLimits?: UserCodeLimits | undefined
  /** Wraps the server's titles and bodies into whole pages. Default: a plain page. */
  readonly layout?: Layout
}
