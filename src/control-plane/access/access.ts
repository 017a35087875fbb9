import type { Store } from '../state/store.ts'
import type { BrowserPlace } from './browser-request.ts'
import { FailureLimit } from './failure-limit.ts'
import { OidcSignIn } from './oidc/oidc.ts'
import type { OidcSettings } from './oidc/oidc-settings.ts'
import { SessionStore } from './sessions/session-store.ts'

/** How people sign in. */
export interface AccessSettings {
  /** The public origin of the control plane; if it is https, cookies are sent only over https. */
  readonly publicOrigin?: string | undefined
  /** Default: one hour. */
  readonly idleMs?: number | undefined
  /** Default: twelve hours. */
  readonly lifeMs?: number | undefined
  readonly oidc?: OidcSettings | undefined
}

/** The dependencies of the sign-in and session routes. */
export interface Access {
  readonly sessions: SessionStore
  readonly failures: FailureLimit
  readonly place: BrowserPlace
  readonly issuer: OidcSettings | undefined
  readonly oidc: OidcSignIn | undefined
}

const HOUR_MS = 3_600_000

/** Creates the dependencies of the sign-in and session routes. */
export function openAccess(store: Store, { publicOrigin, idleMs, lifeMs, oidc }: AccessSettings = {}): Access {
  const rules = { idleMs: idleMs ?? HOUR_MS, lifeMs: lifeMs ?? 12 * HOUR_MS, people: oidc }
  return {
    sessions: new SessionStore(store, rules),
    failures: new FailureLimit(),
    place: { publicOrigin },
    issuer: oidc,
    oidc: oidc && new OidcSignIn(oidc),
  }
}
