import type { Endpoint } from '../../routing/index.ts'

/** A response that the gateway itself produces. */
export interface LocalResponse {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly body: string
}

/** What went wrong, in the detail that a client may see. */
export type GatewayError =
  | 'body_too_large'
  | 'body_too_slow'
  | 'too_many_parameters'
  /** The only side that can answer this request is unreachable; a retry may succeed. */
  | 'temporarily_unavailable'
  /** All connections to the only side that can answer are in use. */
  | 'overloaded'
  | 'bad_gateway'
  | 'gateway_timeout'

interface Wording {
  readonly status: number
  /** RFC 6749 §5.2 and §4.1.2.1. */
  readonly code: string
  readonly title: string
  readonly text: string
}

const WORDING: Readonly<Record<GatewayError, Wording>> = {
  body_too_large: {
    status: 413,
    code: 'invalid_request',
    title: 'Request too large',
    text: 'The request body is larger than this server accepts.',
  },
  body_too_slow: {
    status: 408,
    code: 'invalid_request',
    title: 'Request timed out',
    text: 'The request body did not arrive in time.',
  },
  too_many_parameters: {
    status: 400,
    code: 'invalid_request',
    title: 'Invalid request',
    text: 'The request has too many parameters or is nested too deeply.',
  },
  temporarily_unavailable: {
    status: 503,
    code: 'temporarily_unavailable',
    title: 'Please try again shortly',
    text: 'The authorization server cannot answer this request right now. Please try again in a few seconds.',
  },
  overloaded: {
    status: 503,
    code: 'temporarily_unavailable',
    title: 'Please try again shortly',
    text: 'The server behind this address has too many requests to answer. Please try again in a few seconds.',
  },
  bad_gateway: {
    status: 502,
    code: 'temporarily_unavailable',
    title: 'Please try again shortly',
    text: 'The server behind this address could not be reached.',
  },
  gateway_timeout: {
    status: 504,
    code: 'temporarily_unavailable',
    title: 'Please try again shortly',
    text: 'The server behind this address did not answer in time.',
  },
}

/** The code of an error in OAuth's terms (RFC 6749 §5.2 and §4.1.2.1). */
export function oauthErrorOf(error: GatewayError): string {
  return WORDING[error].code
}

/** Pages for browsers; every other endpoint is called by programs. */
const PAGES: ReadonlySet<Endpoint> = new Set(['authorize', 'authorize_native', 'device', 'other'])
const RETRY_AFTER_SECONDS = '5'

/**
 * Builds the response for an error: OAuth's JSON on OAuth endpoints, a small page for a browser on pages, plain text
 * elsewhere. Never cacheable; carries `Retry-After` where a retry may help.
 */
export function errorResponse(error: GatewayError, endpoint: Endpoint, accept: string | undefined): LocalResponse {
  const wording = WORDING[error]
  const headers: Array<readonly [string, string]> = [['Cache-Control', 'no-store']]
  if (wording.status >= 502) headers.push(['Retry-After', RETRY_AFTER_SECONDS])
  const isPage = PAGES.has(endpoint)
  if (isPage && accept?.includes('text/html')) {
    headers.push(
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"],
      ['X-Content-Type-Options', 'nosniff'],
    )
    return { status: wording.status, headers, body: page(wording) }
  }
  if (endpoint === 'other') {
    headers.push(['Content-Type', 'text/plain; charset=utf-8'])
    return { status: wording.status, headers, body: `${wording.text}\n` }
  }
  headers.push(['Content-Type', 'application/json; charset=utf-8'])
  return {
    status: wording.status,
    headers,
    body: JSON.stringify({ error: wording.code, error_description: wording.text }),
  }
}

function page(wording: Wording): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${wording.title}</title>
<style>
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif; color: #1f2430; background: #f5f6f8 }
main { max-width: 26rem; margin: 1rem; padding: 2rem; background: #fff; border: 1px solid #dcdfe5; border-radius: 8px }
h1 { margin: 0 0 .5rem; font-size: 1.25rem }
p { margin: 0 }
@media (prefers-color-scheme: dark) { body { color: #e8eaee; background: #16181d } main { background: #1f2229; border-color: #343842 } }
</style>
</head>
<body><main><h1>${wording.title}</h1><p>${wording.text}</p></main></body>
</html>
`
}
