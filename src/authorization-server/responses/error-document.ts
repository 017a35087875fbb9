import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { escapeHtml } from '../../http/index.ts'

const NAMES = {
  400: 'Bad Request',
  404: 'Not Found',
  422: 'Unprocessable Entity',
  500: 'Internal Server Error',
} as const

interface Wording {
  readonly heading: string
  readonly advice: string
}

const WORDINGS: Readonly<Record<keyof typeof NAMES, Wording | undefined>> = {
  400: undefined,
  404: {
    heading: "The page you were looking for doesn't exist.",
    advice: 'You may have mistyped the address or the page may have moved.',
  },
  422: {
    heading: 'The change you wanted was rejected.',
    advice: "Maybe you tried to change something you didn't have access to.",
  },
  500: { heading: "We're sorry, but something went wrong.", advice: '' },
}

/** Renders a framework error in the format that the request accepts; see `publicError`. */
export function errorDocument(status: keyof typeof NAMES, request: HttpRequest | undefined): HttpReply {
  const form = formOf(status, request)
  if (form === 'json') return reply(status, 'application/json', JSON.stringify({ status, error: NAMES[status] }))
  if (form === 'xml') return reply(status, 'application/xml', xmlOf(status))
  return reply(status, 'text/html', htmlOf(status))
}

function reply(status: number, type: string, body: string): HttpReply {
  return { status, headers: [['Content-Type', `${type}; charset=UTF-8`]], body }
}

function formOf(status: keyof typeof NAMES, request: HttpRequest | undefined): 'html' | 'json' | 'xml' {
  if (request === undefined) return 'html'
  // A path without a route has no format, whatever its suffix.
  const suffix = status === 404 ? undefined : /\.([^./?]+)\/*$/.exec(request.path)?.[1]
  if (suffix !== undefined) return suffix === 'json' || suffix === 'xml' ? suffix : 'html'
  const accept = request.headers.accept ?? ''
  // A list with a wildcard comes from a browser, which gets HTML whatever else it accepts.
  if (/,\s*\*\/\*|\*\/\*\s*,/.test(accept)) return 'html'
  const first = accept.split(',')[0]?.split(';')[0]?.trim().toLowerCase()
  if (first === 'application/json' || first === 'text/x-json') return 'json'
  return first === 'application/xml' || first === 'text/xml' ? 'xml' : 'html'
}

function xmlOf(status: keyof typeof NAMES): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<hash>
  <status type="integer">${status}</status>
  <error>${NAMES[status]}</error>
</hash>
`
}

function htmlOf(status: keyof typeof NAMES): string {
  const wording = WORDINGS[status]
  if (wording === undefined) return ''
  const title = `${wording.heading.replace(/\.$/, '')} (${status})`
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:34rem;margin:4rem auto;padding:0 1.25rem;text-align:center}
h1{font-size:1.25rem}
footer{margin-top:2rem;opacity:.75}
</style>
</head>
<body>
<main>
<h1>${escapeHtml(wording.heading)}</h1>${wording.advice === '' ? '' : `\n<p>${escapeHtml(wording.advice)}</p>`}
</main>
<footer><p>If you are the application owner check the logs for more information.</p></footer>
</body>
</html>
`
}
