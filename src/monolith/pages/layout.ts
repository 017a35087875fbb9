import type { ResourceOwner } from '../../authorization-server/index.ts'
import type { Flash } from '../sessions/session.ts'
import { type Html, html, trusted } from './html.ts'
import { STYLE } from './style.ts'

/** The contents of a page. */
export interface Page {
  readonly title: string
  /** The markup around and inside `main`. */
  readonly body: Html
  readonly owner?: ResourceOwner | undefined
  readonly flash?: Flash | undefined
  readonly csrfToken?: string
  /** Wide, for lists; other pages are one narrow column. */
  readonly isWide?: boolean
}

/**
 * Renders the document of a page. The signed-in user and the mark at the top are labels and decoration rather than
 * text, so that the page's text equals the recorded one.
 */
export function layout(page: Page): string {
  const { owner, flash } = page
  const initial = owner?.username.slice(0, 1).toUpperCase()
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title}</title>
${
  page.csrfToken !== undefined &&
  html`<meta name="csrf-param" content="authenticity_token">
<meta name="csrf-token" content="${page.csrfToken}">`
}
<style>${trusted(STYLE)}</style>
</head>
<body${page.isWide === true && html` class="wide"`}>
<header class="top">
<a class="mark" href="/" aria-label="Home">${MARK}</a>
${owner && html`<span class="who" role="img" aria-label="Signed in as ${owner.username}" data-name="${owner.username}" data-initial="${initial}"></span>`}
</header>
<div class="shell">
${flash && html`<p class="${flash.kind}" role="${flash.kind === 'alert' ? 'alert' : 'status'}">${flash.text}</p>`}
${page.body}
</div>
</body>
</html>
`.toString()
}

const MARK = trusted(
  '<svg viewBox="0 0 32 32" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"><circle cx="16" cy="16" r="14"/><path d="M7 19h13m-4-4 4 4-4 4M25 13H12m4-4-4 4 4 4"/></svg>',
)

/** Renders the same document for the protocol core's own pages, with a body that is already escaped. */
export function coreLayout(page: { readonly title: string; readonly body: string }): string {
  return layout({
    title: page.title,
    body: html`<div class="card">${trusted(page.body.replaceAll('<main role="main">', '<main role="main" class="bare">'))}</div>`,
  })
}
