import type { AuthorizedApplication } from '../grants/authorized-applications.ts'
import type { GrantList } from '../grants/shared-grants.ts'
import { csrfField } from './consent.ts'
import { type Html, html } from './html.ts'
import { shownName } from './shown-name.ts'

/** Where users view and revoke authorized applications. */
export const AUTHORIZED_APPLICATIONS_PATH = '/-/profile/authorized_applications'

/** The body of the separate page. */
export function authorizedApplicationsBody(grants: GrantList, csrfToken: string): Html {
  return html`<main>
<h1>Authorized applications</h1>
${authorizedApplicationsList(grants, csrfToken)}
</main>`
}

/**
 * The applications that may use an account, each with a button to revoke it, and notes on what is unknown or pending.
 */
export function authorizedApplicationsList(grants: GrantList, csrfToken: string): Html {
  const { applications, isCurrent, ending } = grants
  return html`${
    applications.length === 0
      ? html`<p class="soft">No application may use your account.</p>`
      : html`<ul class="list">${applications.map((application) => item(application, csrfToken))}</ul>`
  }${ending.map(
    (name) =>
      html`<p class="soft small">You have revoked <strong dir="auto">${shownName(name)}</strong>. The sign-in service has not confirmed this yet, so tokens that it has issued may still work; they end as soon as it does.</p>`,
  )}${
    !isCurrent &&
    html`<p class="soft small">The sign-in service did not answer. This list may be incomplete; please reload it in a moment.</p>`
  }`
}

function item({ id, name, scopes, authorizedAt }: AuthorizedApplication, csrfToken: string): Html {
  const time = authorizedAt.toISOString()
  return html`<li><strong dir="auto">${shownName(name)}</strong>
<ul class="scopes">${scopes.map((scope) => html`<li>${shownName(scope)}</li>`)}</ul>
<span class="soft small">Authorized <time datetime="${time}">${time.slice(0, 16).replace('T', ' ')} UTC</time></span>
<form action="${AUTHORIZED_APPLICATIONS_PATH}/${id}" method="post"><input type="hidden" name="_method" value="delete">${csrfField(csrfToken)}<button type="submit" class="danger" aria-label="Revoke ${shownName(name)}">Revoke</button></form></li>`
}
