import type { ResourceOwner } from '../../authorization-server/index.ts'
import { csrfField } from './consent.ts'
import { type Html, html } from './html.ts'

/** The contents of the sign-in page. */
export interface SignInPage {
  readonly csrfToken: string
  /** Sent along with the form, so that every tab keeps its own. */
  readonly loginChallenge: string | undefined
  readonly login: string
  readonly owner: ResourceOwner | undefined
  /** Where a signed-in user may continue without signing in again. */
  readonly continueTo: string
}

/** The body of the sign-in page. */
export function signInBody(page: SignInPage): Html {
  return html`<main>
<h1>Sign in</h1>
${page.owner && html`<p>You are signed in as <strong>${page.owner.username}</strong>. <a href="${page.continueTo}">Continue</a>, or sign in as someone else.</p>`}
<form action="/users/sign_in" accept-charset="UTF-8" method="post">${csrfField(page.csrfToken)}${
    page.loginChallenge !== undefined &&
    html`<input type="hidden" name="login_challenge" value="${page.loginChallenge}">`
  }
<label for="user_login">Username</label>
<input type="text" id="user_login" name="user[login]" value="${page.login}" autocomplete="username" autocapitalize="none" spellcheck="false" required${page.login === '' && ' autofocus'}>
<label for="user_password">Password</label>
<input type="password" id="user_password" name="user[password]" autocomplete="current-password" required${page.login !== '' && ' autofocus'}>
<input type="submit" value="Sign in" class="primary full">
</form>
</main>`
}
