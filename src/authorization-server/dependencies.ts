import type { Database } from '../storage/index.ts'
import type { TokenMint } from './core/mint.ts'
import type { Settings } from './core/settings.ts'
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
  /** The schema that {@link authorizationMigrations} were run in. */
  readonly schema: string
  readonly resourceOwners: ResourceOwnerStore
  readonly mint: TokenMint
  readonly settings: Settings
  /** Called after every successful grant. Must not throw. */
  readonly onGrant?: (event: GrantEvent) => void
  /** Called once for each event, after it has been put on record. Must not throw. */
  readonly onSecurityEvent?: (event: SecurityEvent) => void
  /** Called when a signing key was made, given a time, erased or removed. Must not throw. */
  readonly onKeyChange?: (change: SigningKeyChange) => void
  /** Default: nothing is limited. */
  readonly limits?: RequestLimits
  /** How often user codes may be guessed. Default: as often as one likes. */
  readonly userCodeLimits?: UserCodeLimits | undefined
  /** Makes whole pages of the server's own titles and bodies. Default: a plain page. */
  readonly layout?: Layout
}
