import type { Application, Policy } from '../../applications/index.ts'
import type { ApplicationDraft, DraftFaults } from '../applications/draft.ts'
import { csrfField } from './consent.ts'
import { type Html, html } from './html.ts'
import { policyFields, policySummary } from './policy.ts'

const PATH = '/-/profile/applications'

/** The body of the list of a user's applications. */
export function applicationListBody(applications: readonly Application[]): Html {
  return html`<main>
<h1>Your applications</h1>
<p class="soft">Programs that may ask users of this platform to let them in, by OAuth 2.</p>
${
  applications.length === 0
    ? html`<p>There are none yet.</p>`
    : html`<ul class="list">${applications.map(
        (application) => html`<li><a href="${PATH}/${application.id}"><strong>${application.name}</strong></a>
<span class="soft small">${application.confidential ? 'Confidential' : 'Public'}, application ID ${application.id}</span></li>`,
      )}</ul>`
}
<p><a class="button primary" href="${PATH}/new">New application</a></p>
</main>`
}

/** The body of one application's page. `secret` is displayed here only. */
export function applicationBody(page: {
  readonly application: Application
  readonly policy: Policy
  readonly secret: string | undefined
  readonly csrfToken: string
}): Html {
  const { application, policy, secret, csrfToken } = page
  const path = `${PATH}/${application.id}`
  return html`<main>
<h1>${application.name}</h1>
<dl>
<dt>Client ID</dt><dd><code>${application.client_id}</code></dd>
<dt>Client secret</dt><dd>${secretText(application, secret)}</dd>
<dt>Redirect URIs</dt><dd>${application.redirect_uris.map((address) => html`<code>${address}</code><br>`)}</dd>
<dt>Scopes</dt><dd>${
    application.scopes.length === 0
      ? 'All'
      : html`<ul class="scopes">${application.scopes.map((scope) => html`<li>${scope}</li>`)}</ul>`
  }</dd>
<dt>Kind</dt><dd>${application.confidential ? 'Confidential: it can keep a secret' : 'Public: a browser or device application without a secret'}</dd>
<dt>Security policy</dt><dd>${policySummary(policy)}</dd>
</dl>
<div class="row">
<a class="button primary" href="${path}/edit">Edit</a>
${application.confidential && html`<form action="${path}/renew" method="post">${csrfField(csrfToken)}<button type="submit">Renew secret</button></form>`}
<form action="${path}" method="post"><input type="hidden" name="_method" value="delete">${csrfField(csrfToken)}<button type="submit" class="danger">Delete</button></form>
<a href="${PATH}">All applications</a>
</div>
</main>`
}

function secretText(application: Application, secret: string | undefined): Html {
  if (secret !== undefined) {
    return html`<pre id="secret">${secret}</pre><p class="soft small">Copy it now. It is kept as a digest only and cannot be shown again.</p>`
  }
  if (application.secret_digest === null) return html`<span class="soft">None</span>`
  return html`<span class="soft">Kept as a digest; renew it if it is lost.</span>`
}

/** The body of the form for a new or an existing application. */
export function applicationFormBody(page: {
  readonly application: Application | undefined
  readonly draft: ApplicationDraft
  readonly faults: DraftFaults
  /** The scopes that the application may be limited to. */
  readonly scopes: readonly string[]
  readonly csrfToken: string
}): Html {
  const { application, draft, faults } = page
  const isInvalid = faults.length > 0
  return html`<main>
<h1>${application ? `Edit ${application.name}` : 'New application'}</h1>
${isInvalid && html`<div class="alert" role="alert" id="faults"><strong>Not saved.</strong><ul>${faults.map((fault) => html`<li>${fault}</li>`)}</ul></div>`}
<form action="${application ? `${PATH}/${application.id}` : PATH}" accept-charset="UTF-8" method="post"${isInvalid && html` aria-describedby="faults"`}>${
    application && html`<input type="hidden" name="_method" value="patch">`
  }${csrfField(page.csrfToken)}
<label for="application_name">Name</label>
<input type="text" id="application_name" name="application[name]" value="${draft.name}" maxlength="255" required>
<label for="application_redirect_uri">Redirect URIs, one a line</label>
<textarea id="application_redirect_uri" name="application[redirect_uri]" spellcheck="false" required>
${draft.redirectUris.join('\n')}</textarea>
<fieldset><legend>Kind</legend>
<label class="check"><input type="radio" name="application[confidential]" value="1"${draft.confidential && ' checked'}> Confidential: runs on a server and can keep a secret</label>
<label class="check"><input type="radio" name="application[confidential]" value="0"${!draft.confidential && ' checked'}> Public: runs in a browser or on a user's device</label>
</fieldset>
<fieldset><legend>Scopes</legend>
<p class="soft small">Choose none to allow them all.</p>
${page.scopes.map((scope) => html`<label class="check"><input type="checkbox" name="application[scopes][]" value="${scope}"${draft.scopes.includes(scope) && ' checked'}> ${scope}</label>`)}
</fieldset>
${policyFields(draft.policy ?? {})}
<div class="row">
<input type="submit" name="commit" value="Save application" class="primary">
<a class="button" href="${application ? `${PATH}/${application.id}` : PATH}">Cancel</a>
</div>
</form>
</main>`
}
