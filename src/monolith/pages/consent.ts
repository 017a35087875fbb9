import { type Html, html } from './html.ts'
import { shownName } from './shown-name.ts'

/** The contents of the consent page, for either server. */
export interface ConsentPage {
  readonly clientName: string
  readonly scopes: readonly string[]
  readonly csrfToken: string
  readonly approve: ConsentForm
  readonly deny: ConsentForm
}

/** One of its two forms. */
export interface ConsentForm {
  readonly action: string
  /** The value of `_method`. */
  readonly override?: 'delete'
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>
}

/** The body of "Authorization required" (A001): two forms, each with all request parameters. */
export function consentBody(page: ConsentPage): Html {
  return html`<main>
<h1>Authorization required</h1>
<p>Authorize <strong dir="auto">${shownName(page.clientName)}</strong> to use your account?</p>
<ul class="scopes" aria-label="Scopes">${page.scopes.map((scope) => html`<li>${shownName(scope)}</li>`)}</ul>
<div class="actions">
${form(page.approve, page.csrfToken, html`<input type="submit" name="commit" value="Authorize" class="primary">`)}
${form(page.deny, page.csrfToken, html`<input type="submit" name="commit" value="Deny">`)}
</div>
</main>`
}

function form({ action, override, fields }: ConsentForm, token: string, button: Html): Html {
  return html`<form action="${action}" accept-charset="UTF-8" method="post">${
    override && html`<input type="hidden" name="_method" value="${override}">`
  }${csrfField(token)}${fields.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}${button}</form>`
}

/** The hidden field with a CSRF token. */
export function csrfField(token: string): Html {
  return html`<input type="hidden" name="authenticity_token" value="${token}" autocomplete="off">`
}
