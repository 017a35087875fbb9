import type { Store } from '../state/store.ts'
import type { BrowserPlace } from './browser-request.ts'
import { FailureLimit } from './failure-limit.ts'
import { OidcSignIn } from './oidc/oidc.ts'
import type { OidcSettings } from './oidc/oidc-settings.ts'
import { SessionBook } from './sessions/session-book.ts'

/** How people sign in. */
export interface AccessSettings {
  /** The public origin of the control plane; where it is https, cookies go by https alone. */
  readonly publicOrigin?: string | undefined
  /** Default an hour. */
  readonly idleMs?: number | undefined
  /** Default twelve hours. */
  readonly lifeMs?: number | undefined
  readonly oidc?: OidcSettings | undefined
}

/** What the doors for people work with. */
export interface Access {
  readonly sessions: SessionBook
  readonly failures: FailureLimit
  readonly place: BrowserPlace
  readonly issuer: OidcSettings | undefined
  readonly oidc: OidcSignIn | undefined
}

const HOUR_MS = 3_600_000

/** Makes what the doors for people need. */
export function openAccess(store: Store, { publicOrigin, idleMs, lifeMs, oidc }: AccessSettings = {}): Access {
  const rules = { idleMs: idleMs ?? HOUR_MS, lifeMs: lifeMs ?? 12 * HOUR_MS, people: oidc }
  return {
    sessions: new SessionBook(store, rules),
    failures: new FailureLimit(),
    place: { publicOrigin },
    issuer: oidc,
    oidc: oidc && new OidcSignIn(oidc),
  }
}
