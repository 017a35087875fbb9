import { type Application, applicationSchema } from './application.ts'

/** The members of a registration that decide how a client speaks to an authorization server. */
export type Registration = Pick<Application, 'confidential' | 'redirect_uris' | 'trusted' | 'policy'>

/** How a client can be answered at its redirect URI; `none` for one that never sends a browser. */
export const REDIRECT_FORMS = ['none', 'https', 'http', 'loopback', 'custom_scheme', 'out_of_band'] as const
export type RedirectForm = (typeof REDIRECT_FORMS)[number]

/** What the members of a cohort have in common. */
export interface Cohort {
  /** `web` when the client can use the authorization endpoint, `machine` when it cannot. */
  readonly kind: 'web' | 'machine'
  /** The forms of its redirect URIs, each once, in the order of {@link REDIRECT_FORMS}. */
  readonly redirects: readonly RedirectForm[]
  /** Whether the client authenticates with a secret (RFC 6749 §2.1). */
  readonly isConfidential: boolean
  /** Whether users skip the consent page. */
  readonly isTrusted: boolean
  /** Whether the client must send a code challenge (RFC 7636). */
  readonly pkce: 'required' | 'optional'
}

/** Describes the cohort of a registration. Reads nothing that the applications of one platform do not share. */
export function cohortTraits({ confidential, redirect_uris, trusted, policy }: Registration): Cohort {
  const forms = new Set(redirect_uris.map(redirectForm))
  const required = policy?.require_pkce ?? (policy?.preset === 'strict' ? 'all' : 'none')
  return {
    kind: forms.size === 0 ? 'machine' : 'web',
    redirects: forms.size === 0 ? ['none'] : REDIRECT_FORMS.filter((form) => forms.has(form)),
    isConfidential: confidential,
    isTrusted: trusted,
    pkce: required === 'all' || (required === 'public' && !confidential) ? 'required' : 'optional',
  }
}

/**
 * The name of the cohort of a registration, such as `web/https/confidential/consent/pkce_optional`. Applications of one
 * cohort take the same paths through an authorization server, so a fault that breaks one is likely to break the others.
 */
export function cohortOf(registration: Registration): string {
  const { kind, redirects, isConfidential, isTrusted, pkce } = cohortTraits(registration)
  const words = [kind, redirects.join('+'), isConfidential ? 'confidential' : 'public']
  return [...words, isTrusted ? 'trusted' : 'consent', `pkce_${pkce}`].join('/')
}

// A stored document has more members than these; `pick` alone would refuse them, as the strict schema does.
const registrationSchema = applicationSchema
  .pick({ confidential: true, redirect_uris: true, trusted: true, policy: true })
  .strip()

/** The cohort of a stored registration; undefined for a document that is not one, such as an empty object. */
export function cohortOfDocument(document: unknown): string | undefined {
  const read = registrationSchema.safeParse(document)
  return read.success ? cohortOf(read.data) : undefined
}

/** The form of one redirect URI (RFC 8252 §7; `urn:ietf:wg:oauth:2.0:oob` shows the code on a page). */
function redirectForm(uri: string): RedirectForm {
  if (/^urn:ietf:wg:oauth:2\.0:oob\b/i.test(uri)) return 'out_of_band'
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase()
  if (scheme === 'https') return 'https'
  if (scheme !== 'http') return 'custom_scheme'
  return /^http:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])([:/?#]|$)/i.test(uri) ? 'loopback' : 'http'
}
