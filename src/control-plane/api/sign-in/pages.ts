import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { escapeHtml } from '../../../http/index.ts'
import type { Caller } from '../../access/roles/roles.ts'
import type { SessionRecord } from '../../access/sessions/session-store.ts'

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1f2430}' +
  'table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #d8dbe2}' +
  'button,.button{font:inherit;padding:.4rem .9rem;border:1px solid #4a5068;border-radius:.3rem;background:#fff;' +
  'color:inherit;text-decoration:none;cursor:pointer}form{display:inline}code{background:#f0f1f5;padding:.1rem .3rem}'

const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; style-src " +
    `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

/**
 * Sets the security headers of every response to a browser: no scripts, no framing, no caching, no referrer for other
 * origins. (Without any referrer, browsers would send `Origin: null` with our own forms.)
 */
export function secureHeaders(reply: FastifyReply, isHttps: boolean): FastifyReply {
  if (isHttps) reply.header('Strict-Transport-Security', 'max-age=31536000')
  return reply.headers(HEADERS)
}

/** Sends a page without scripts. `body` is HTML; the caller must have escaped its values. */
export function sendPage(reply: FastifyReply, status: number, title: string, body: string): FastifyReply {
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)} · Handover</title><style>${STYLE}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>
${body}
</main></body></html>
`
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .serializer((text: unknown) => String(text))
    .send(page)
}

/** The body of the page for those who are not signed in. `issuer` is where a sign-in at an OpenID provider begins. */
export function signInBody(issuer: string | undefined, said?: string): string {
  const provider =
    issuer === undefined ? '' : `<p><a class="button" href="${escapeHtml(issuer)}">Sign in with your account</a></p>`
  return `${said === undefined ? '' : `<p role="alert">${escapeHtml(said)}</p>`}${provider}
<p>To sign in with a token, run <code>handover sign-in</code> and open the link it prints.</p>`
}

/** The body of the page that a sign-in link opens; the button sends the secret to `action`, which redeems the link. */
export function confirmBody(action: string, secret: string): string {
  return `<p>This link signs you in to Handover once. Continue only if you asked for it yourself.</p>
<form method="post" action="${escapeHtml(action)}"><input type="hidden" name="secret" value="${escapeHtml(secret)}">
<button>Sign in</button></form>`
}

/** The body of the page that says who is signed in, and where; its buttons lead to `sign-out` next to it. */
export function accountBody(caller: Caller, csrfToken: string, sessions: readonly SessionRecord[]): string {
  const where = caller.role === 'operator' ? ` of ${caller.environments.join(', ')}` : ''
  const button = (label: string, which: string) =>
    `<form method="post" action="./sign-out"><input type="hidden" name="csrf_token" value="${escapeHtml(csrfToken)}">` +
    `<button name="which" value="${which}">${label}</button></form>`
  const rows = sessions.map((session) => {
    const here = caller.by.kind === 'session' && caller.by.id === session.id
    const times = [session.created_at, session.last_seen_at].map((at) => `<td>${at.toISOString().slice(0, 16)}Z</td>`)
    const place = `<td>${escapeHtml(session.browser)}</td><td>${escapeHtml(session.address)}</td>`
    return `<tr>${place}${times.join('')}<td>${here ? 'this one' : button('End', String(session.id))}</td></tr>`
  })
  return `<p><a href="./console/">Open the console</a></p>
<p>Signed in as <strong>${escapeHtml(caller.name)}</strong>, ${caller.role}${where}.</p>
<table><tr><th>Browser</th><th>Address</th><th>Since</th><th>Last seen</th><th></th></tr>${rows.join('')}</table>
<p>${button('Sign out', 'this')} ${button('Sign out everywhere', 'all')}</p>`
}
