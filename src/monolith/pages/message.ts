import { type Html, html } from './html.ts'

/** The body of a page that reports what went wrong and what the user can do. */
export function messageBody(page: {
  readonly heading: string
  readonly text: string
  readonly link?: { readonly href: string; readonly label: string }
}): Html {
  return html`<main>
<h1>${page.heading}</h1>
<p>${page.text}</p>
${page.link && html`<p><a class="button primary" href="${page.link.href}">${page.link.label}</a></p>`}
</main>`
}
