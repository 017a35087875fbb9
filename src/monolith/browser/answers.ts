import { type Headers, pageReply, redirectReply } from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'
import { layout, type Page } from '../pages/layout.ts'
import { messageBody } from '../pages/message.ts'
import { STYLE_SOURCE } from '../pages/style.ts'
import { csrfToken } from './csrf.ts'
import type { Visit } from './visit.ts'

/** A page before visit-specific content is added. */
export type PageContent = Pick<Page, 'title' | 'body' | 'isWide'> & {
  readonly status?: number
  /** Addresses, besides our own, that a form on this page may redirect to. */
  readonly leadsTo?: readonly string[] | 'anywhere'
  /** Whether the page shows a secret that must not be cached. */
  readonly isSecret?: boolean
  /** Shown on this page instead of the session's message. */
  readonly flash?: Page['flash']
}

/** A page for this visit: with its user, its one-time message, which this consumes, and its CSRF token. */
export function page(visit: Visit, content: PageContent): HttpReply {
  const flash = content.flash ?? visit.session.data.flash
  visit.session.set('flash', undefined)
  const document = layout({
    title: content.title,
    body: content.body,
    owner: visit.owner,
    flash,
    csrfToken: csrfToken(visit.session),
    isWide: content.isWide === true,
  })
  const policy = contentSecurityPolicy(content.leadsTo ?? [])
  const caching = content.isSecret ? ([['Cache-Control', 'no-store']] as const) : []
  return pageReply(content.status ?? 200, document, [['Content-Security-Policy', policy], ...caching])
}

/** A page that reports a fault, with a link to continue when there is one. */
export function messagePage(
  visit: Visit,
  status: number,
  message: Parameters<typeof messageBody>[0],
  headers: Headers = [],
): HttpReply {
  const reply = page(visit, { status, title: message.heading, body: messageBody(message) })
  return { ...reply, headers: [...reply.headers, ...headers] }
}

/** A redirect to an address of this server, given as a path, or to an absolute URL. */
export function redirectTo(visit: Visit, address: string, status: 302 | 303 = 302): HttpReply {
  const absolute = address.startsWith('/') ? visit.request.origin + address : address
  return { ...redirectReply(absolute), status }
}

/** A redirect to the sign-in page, which returns to `returnTo` afterwards. */
export function askToSignIn(visit: Visit, returnTo: string): HttpReply {
  visit.session.set('returnTo', returnTo)
  return redirectTo(visit, '/users/sign_in')
}

/**
 * The policy of our pages. Chrome applies `form-action` also to the redirects that follow a form, so the scheme of the
 * client's address is allowed, as a client may redirect again.
 */
export function contentSecurityPolicy(leadsTo: readonly string[] | 'anywhere'): string {
  const fixed = `default-src 'none'; style-src ${STYLE_SOURCE}; base-uri 'none'; frame-ancestors 'self'`
  if (leadsTo === 'anywhere') return fixed
  const schemes = new Set<string>()
  for (const address of leadsTo) {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase()
    if (scheme !== undefined && scheme !== 'urn') schemes.add(`${scheme}:`)
  }
  return `${fixed}; form-action ${["'self'", ...schemes].join(' ')}`
}
