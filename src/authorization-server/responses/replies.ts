import { hash } from 'node:crypto'
import { escapeHtml, type HttpReply } from '../../http/index.ts'

export type Headers = ReadonlyArray<readonly [name: string, value: string]>

/** An answer of an endpoint. */
export interface OAuthReply extends HttpReply {
  /** The OAuth error of a refused request; the limits count wrong credentials by it. */
  readonly oauthError?: string
}

/** The headers of every answer of a page or an endpoint except error pages. */
export const securityHeaders: Headers = [
  ['X-Frame-Options', 'SAMEORIGIN'],
  ['X-XSS-Protection', '1; mode=block'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Download-Options', 'noopen'],
  ['X-Permitted-Cross-Domain-Policies', 'none'],
  ['Referrer-Policy', 'strict-origin-when-cross-origin'],
]

const JSON_TYPE = 'application/json; charset=utf-8'
const HTML_TYPE = 'text/html; charset=utf-8'
const REVALIDATE = 'max-age=0, private, must-revalidate'

/** A JSON answer. 200 gets an ETag and, unless `headers` say otherwise, private caching with revalidation. */
export function jsonReply(status: number, body: unknown, headers: Headers = []): HttpReply {
  return bodied(status, JSON.stringify(body), JSON_TYPE, [['Vary', 'Accept'], ...headers])
}

/** An HTML page, with the caching headers of {@link jsonReply}. */
export function pageReply(status: number, html: string, headers: Headers = []): HttpReply {
  return bodied(status, html, HTML_TYPE, [['Vary', 'Accept'], ...headers])
}

/** 302 to an absolute URL, with the short page that Rails sends. */
export function redirectReply(location: string, headers: Headers = []): HttpReply {
  return {
    status: 302,
    headers: [
      ...securityHeaders,
      ['Location', location],
      ['Content-Type', headerOf(headers, 'content-type') ?? HTML_TYPE],
      ['Cache-Control', headerOf(headers, 'cache-control') ?? 'no-cache'],
      ...headers.filter(([name]) => !/^(content-type|cache-control)$/i.test(name)),
    ],
    body: `<html><body>You are being <a href="${escapeHtml(location)}">redirected</a>.</body></html>`,
  }
}

/** An answer without a body, as protected resources send when they reject a token. */
export function emptyReply(status: number, headers: Headers = []): HttpReply {
  return { status, headers: [...securityHeaders, ...headers, ['Content-Type', 'text/html']], body: '' }
}

/** Answers 304 when GET or HEAD specifies the ETag of a 200 (RFC 9110 §13.1.2). */
export function conditional(method: string, ifNoneMatch: string | undefined, reply: HttpReply): HttpReply {
  if (ifNoneMatch === undefined || reply.status !== 200 || (method !== 'GET' && method !== 'HEAD')) return reply
  const etag = headerOf(reply.headers, 'etag')
  if (etag === undefined || !listedIn(ifNoneMatch).includes(etag)) return reply
  return { status: 304, headers: reply.headers.filter(([name]) => name !== 'Content-Type'), body: '' }
}

/** The members of a header that is a list (RFC 9110 §5.6.1). In linear time, whatever a client sends. */
function listedIn(header: string): string[] {
  return header.split(',').map((member) => member.trim())
}

/** The value of a header; `name` is in lower case. Undefined when absent. */
export function headerOf(headers: Headers, name: string): string | undefined {
  return headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1]
}

function bodied(status: number, body: string, type: string, extra: Headers): HttpReply {
  const headers: Array<readonly [string, string]> = [...securityHeaders, ['Content-Type', type], ...extra]
  if (status === 200) headers.push(['ETag', `W/"${hash('sha256', body).slice(0, 32)}"`])
  if (headerOf(extra, 'cache-control') === undefined) {
    headers.push(['Cache-Control', status === 200 ? REVALIDATE : 'no-cache'])
  }
  return { status, headers, body }
}
