import { csrfField } from './consent.ts'
import { type Html, html } from './html.ts'

/** The body of the page on which a user types a device's code (N022). */
export function deviceBody(page: {
  readonly csrfToken: string
  readonly action: string
  readonly userCode: string
}): Html {
  return html`<main>
<h1>Authorize device</h1>
<form action="${page.action}" accept-charset="UTF-8" method="post">${csrfField(page.csrfToken)}
<label for="user_code">User code</label>
<input type="text" name="user_code" id="user_code" value="${page.userCode}" autocomplete="off" autocapitalize="characters" spellcheck="false"${page.userCode === '' && ' autofocus'}>
<div class="actions">
<input type="submit" name="commit" value="Authorize" class="primary">
<a class="button" href="/oauth/device">Cancel</a>
</div>
</form>
</main>`
}
