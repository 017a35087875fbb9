import { type Headers, pageReply, redirectReply } from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'
import { layout, type Page } from '../pages/layout.ts'
import { messageBody } from '../pages/message.ts'
import { STYLE_SOURCE } from '../pages/style.ts'
import { csrfToken } from './csrf.ts'
import type { Visit } from './visit.ts'

/** A page before the visit's own matter is added. */
export type PageContent = Pick<Page, 'title' | 'body' | 'isWide'> & {
  readonly status?: number
  /** Addresses that a form of this page may lead to by redirects, beside our own. */
  readonly leadsTo?: readonly string[] | 'anywhere'
  /** Whether the page shows something that must not be kept by any cache. */
  readonly isSecret?: boolean
  /** Shown on this page; else the session's message is. */
  readonly flash?: Page['flash']
}

/** A page for this visit: with its user, its message, which is thereby used up, and its CSRF token. */
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

/** A page that tells of a fault, with a way on where there is one. */
export function messagePage(
  visit: Visit,
  status: number,
  message: Parameters<typeof messageBody>[0],
  headers: Headers = [],
): HttpReply {
  const reply = page(visit, { status, title: message.heading, body: messageBody(message) })
  return { ...reply, headers: [...reply.headers, ...headers] }
}

/** A redirect to an address of ours, given as a path, or to an absolute one. */
export function redirectTo(visit: Visit, address: string, status: 302 | 303 = 302): HttpReply {
  const absolute = address.startsWith('/') ? visit.request.origin + address : address
  return { ...redirectReply(absolute), status }
}

/** To the sign-in page, and from there back to `returnTo`. */
export function askToSignIn(visit: Visit, returnTo: string): HttpReply {
  visit.session.set('returnTo', returnTo)
  return redirectTo(visit, '/users/sign_in')
}

/**
 * The policy of our pages. Chrome holds `form-action` also against the redirects that follow a form, so the scheme of
 * the client's own address is let through, as a client may well redirect on.
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
