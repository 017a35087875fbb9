import { csrfField } from './consent.ts'
import { type Html, html } from './html.ts'
import { shownName } from './shown-name.ts'

/** The page where a user enters a device's code. */
export interface DevicePage {
  readonly csrfToken: string
  readonly action: string
  readonly userCode: string
  /** A device has just been approved: the form is collapsed. */
  readonly isDone: boolean
}

/**
 * Its body (N022). After a success it still contains the form, as in Doorkeeper's page (N025), for users with another
 * device.
 */
export function deviceBody(page: DevicePage): Html {
  if (!page.isDone) return html`<main>${deviceForm(page)}</main>`
  return html`<main data-next="You can go back to your device now.">
<details><summary data-label="Authorize another device" aria-label="Authorize another device"></summary>${deviceForm(page)}</details>
</main>`
}

function deviceForm(page: DevicePage): Html {
  return html`
<h1>Authorize device</h1>
<form action="${page.action}" accept-charset="UTF-8" method="post">${csrfField(page.csrfToken)}
<label for="user_code">User code</label>
<input type="text" name="user_code" id="user_code" value="${page.userCode}" autocomplete="off" autocapitalize="characters" spellcheck="false"${page.userCode === '' && !page.isDone && ' autofocus'}>
<div class="actions">
<input type="submit" name="commit" value="Authorize" class="primary">
<a class="button" href="/oauth/device">Cancel</a>
</div>
</form>
`
}

/** The request of a device. */
export interface DeviceWish {
  readonly clientName: string
  readonly scopes: readonly string[]
}

/** The body of the page that shows which device a code approves, before it does (RFC 8628 §5.4). */
export function confirmDeviceBody(page: {
  readonly csrfToken: string
  readonly action: string
  readonly userCode: string
  readonly wish: DeviceWish
}): Html {
  return html`<main>
<h1>Authorize device</h1>
<p>Allow <strong dir="auto">${shownName(page.wish.clientName)}</strong> to use your account on a device?</p>
<ul class="scopes" aria-label="Scopes">${page.wish.scopes.map((scope) => html`<li>${shownName(scope)}</li>`)}</ul>
<p>Continue only if you started this yourself and your device shows the code <strong>${page.userCode}</strong>. If someone sent it to you, cancel.</p>
<form action="${page.action}" accept-charset="UTF-8" method="post">${csrfField(page.csrfToken)}<input type="hidden" name="user_code" value="${page.userCode}"><input type="hidden" name="confirmed" value="${page.userCode}">
<div class="actions">
<input type="submit" name="commit" value="Authorize" class="primary">
<a class="button" href="/oauth/device">Cancel</a>
</div>
</form>
</main>`
}
