import type { OutcomeKind, OutcomeSide } from '../outcomes/index.ts'

/** A kind of flow that a probe runs: the same as the kinds of outcomes. */
export type ProbeKind = OutcomeKind

/** An application of the operator's that stands for the real ones of its cohort, with everything a client needs. */
export interface Twin {
  readonly clientId: string
  /** Undefined for a public client. */
  readonly clientSecret: string | undefined
  /** With Basic, the secret is sent as it is, since Doorkeeper does not decode it (RFC 6749 §2.3.1 would encode it). */
  readonly authentication: 'client_secret_basic' | 'client_secret_post' | 'none'
  readonly redirectUri: string
  /** Separated by spaces. */
  readonly scope: string
  readonly usesPkce: boolean
  /** In any order; the probe runs them in an order in which each finds the tokens it needs. */
  readonly kinds: readonly ProbeKind[]
  /** Signs in and consents. Required for `sign_in`, `device`, `password`, and for `userinfo`. */
  readonly user: { readonly username: string; readonly password: string } | undefined
  /** Sends a code verifier that does not belong to the challenge; set by `breakTwin`. */
  readonly sendsWrongVerifier?: boolean
}

/** How a twin is broken on purpose, to prove that a guard notices it. */
const BREAKAGES = ['wrong_secret', 'wrong_redirect_uri', 'wrong_verifier', 'unknown_scope'] as const
export type Breakage = (typeof BREAKAGES)[number]

/** The ways in which a twin can be broken; a public client has no secret, and a client without PKCE no verifier. */
export function breakagesOf(twin: Twin): readonly Breakage[] {
  return BREAKAGES.filter((way) => {
    if (way === 'wrong_secret') return twin.clientSecret !== undefined
    const signsIn = twin.kinds.includes('sign_in')
    if (way === 'wrong_verifier') return twin.usesPkce && signsIn
    return way === 'unknown_scope' || signsIn
  })
}

/** A twin that is broken in one way; the registration of the real one stays as it is. */
export function breakTwin(twin: Twin, way: Breakage): Twin {
  switch (way) {
    case 'wrong_secret':
      return { ...twin, clientSecret: `${twin.clientSecret ?? ''}-broken` }
    case 'wrong_redirect_uri':
      return { ...twin, redirectUri: `${twin.redirectUri}/broken` }
    case 'wrong_verifier':
      return { ...twin, sendsWrongVerifier: true }
    case 'unknown_scope':
      return { ...twin, scope: 'handover_unknown_scope' }
  }
}

/** One request of a probe. Contains no credential: a status, an error code, and where it went. */
export interface ProbeStep {
  readonly name: string
  readonly status: number | undefined
  /** An OAuth error code, or what the probe found wrong, such as `timed_out` or `unreadable`. */
  readonly error: string | undefined
  /** As the gateway says; undefined if it does not. */
  readonly side: OutcomeSide | undefined
  /** The reason of the gateway's decision; undefined if it gives none. */
  readonly reason: string | undefined
  readonly requestId: string | undefined
  readonly durationMs: number
}

/** How one kind of flow went. */
export interface ProbeResult {
  readonly kind: ProbeKind
  /** `not_tried`: an earlier flow had to deliver its token, and failed. */
  readonly verdict: 'succeeded' | 'failed' | 'not_tried'
  /** The step that failed, or the flow that did for `not_tried`. */
  readonly failedAt: string | undefined
  readonly status: number | undefined
  readonly error: string | undefined
  /** The side that served the flow: as the gateway says, otherwise by the prefix of its credentials. */
  readonly side: OutcomeSide | undefined
  readonly reason: string | undefined
  readonly requestId: string | undefined
  readonly durationMs: number
  readonly steps: readonly ProbeStep[]
}
