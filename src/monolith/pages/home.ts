import type { ResourceOwner } from '../../authorization-server/index.ts'
import type { GrantList } from '../grants/shared-grants.ts'
import { authorizedApplicationsList } from './authorized-applications.ts'
import { csrfField } from './consent.ts'
import { type Html, html } from './html.ts'

/** The body of the home page: the signed-in user, and links. */
export function homeBody(page: {
  readonly owner: ResourceOwner | undefined
  readonly csrfToken: string
  /** The authorized applications of the signed-in user. */
  readonly authorized: GrantList | undefined
}): Html {
  const { owner } = page
  if (!owner) {
    return html`<main>
<h1>Welcome</h1>
<p>You are signed out.</p>
<p><a class="button primary" href="/users/sign_in">Sign in</a></p>
</main>`
  }
  return html`<main>
<h1>Hello, ${owner.name}</h1>
<p class="soft">Signed in as ${owner.username}, ${owner.email}</p>
<div class="row">
<a class="button" href="/-/profile/applications">Your applications</a>
<a class="button" href="/oauth/device">Authorize a device</a>
<form action="/users/sign_out" method="post">${csrfField(page.csrfToken)}<button type="submit">Sign out</button></form>
</div>
<h2>Authorized applications</h2>
${page.authorized && authorizedApplicationsList(page.authorized, page.csrfToken)}
</main>`
}
