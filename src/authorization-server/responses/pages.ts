import { createHash } from 'node:crypto'
import { escapeHtml, type HttpReply, type HttpRequest } from '../../http/index.ts'
import { errorDocument } from './error-document.ts'

/** Wraps the inner HTML of a page, already escaped, into a document. */
export type Layout = (page: { readonly title: string; readonly body: string }) => string

/** A complete plain document: one column, readable in light and dark mode, no script. */
export const plainLayout: Layout = ({ title, body }) => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`

const STYLE = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:36rem;margin:4rem auto;padding:0 1.25rem}
h1{font-size:1.5rem;line-height:1.25}
pre,code{font-family:ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
pre{padding:1rem;border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:.5rem}`

/** The inner HTML of the error page of GET /oauth/authorize. */
export function authorizationErrorBody(description: string): string {
  return `<h1>An error has occurred</h1>
<main role="main">
<pre>${escapeHtml(description)}</pre>
</main>`
}

/** The inner HTML of the page that displays a code to users of clients without a redirect address. */
export function nativeCodeBody(code: string): string {
  return `<header><h1>Authorization code:</h1></header>
<main role="main">
<code id="authorization_code">${escapeHtml(code)}</code>
</main>`
}

/**
 * A document that automatically posts `fields` to `action`, with a button for browsers without scripts (OAuth 2.0 Form
 * Post Response Mode §2).
 */
export function formPostBody(action: string, fields: Readonly<Record<string, string>>): string {
  const inputs = Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
    .join('\n')
  return `<form id="form-post" method="post" action="${escapeHtml(action)}">
${inputs}
<noscript><p>Scripts are off. Press the button to go on.</p><button type="submit">Continue</button></noscript>
</form>
<script>${FORM_POST_SCRIPT}</script>`
}

const FORM_POST_SCRIPT = "document.getElementById('form-post').submit()"

/** The source that allows the script of that page in a content security policy. */
export const FORM_POST_SCRIPT_SOURCE = `'sha256-${createHash('sha256').update(FORM_POST_SCRIPT).digest('base64')}'`

/**
 * The framework's answer outside the endpoints: 404 for an unknown route, 422 for a rejected form, 400 for an
 * unparsable request (empty as HTML), 500. JSON or XML when the request specifies it by suffix or Accept.
 */
export function publicError(status: 400 | 404 | 422 | 500, request: HttpRequest | undefined): HttpReply {
  return errorDocument(status, request)
}
