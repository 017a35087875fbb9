import type { ClientDirectory } from '../clients/client-directory.ts'
import type { KeyRing } from '../keys/ring.ts'
import type { RequestLimits } from '../limits/request-limits.ts'
import type { GrantEvent } from '../model/grant-event.ts'
import type { ResourceOwnerStore } from '../model/resource-owner.ts'
import type { SecurityEvent } from '../model/security-event.ts'
import type { Layout } from '../responses/pages.ts'
import type { DeviceStore } from '../store/devices.ts'
import type { GrantStore } from '../store/grants.ts'
import type { SecurityEventStore } from '../store/security-events.ts'
import type { TokenStore } from '../store/tokens.ts'
import type { ResolvedSettings } from './settings.ts'
import type { TokenIssuer } from './token-issuer.ts'

/** What the endpoints depend on. */
export interface Core {
  readonly settings: ResolvedSettings
  readonly clients: ClientDirectory
  readonly owners: ResourceOwnerStore
  readonly tokens: TokenStore
  readonly grants: GrantStore
  readonly devices: DeviceStore
  readonly securityEvents: SecurityEventStore
  readonly keys: KeyRing
  readonly tokenIssuer: TokenIssuer
  readonly layout: Layout
  readonly limits: RequestLimits
  readonly onGrant: (event: GrantEvent) => void
  readonly onSecurityEvent: (event: SecurityEvent) => void
}
