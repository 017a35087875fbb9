import { createHash, randomBytes } from 'node:crypto'
import { boundedError } from '../../credentials/index.ts'
import { Browser, consentForm, filledSignIn, redirectOf, signInForm } from '../browser/browser.ts'
import { faultOf, StepFailure, StepFault } from '../trace.ts'
import type { ProbeAnswer } from '../wire.ts'
import { type Grant, requestToken, type Walk } from './token.ts'

const MAX_PAGES = 12

/**
 * Signs in with an authorization code (RFC 6749 §4.1; PKCE: RFC 7636), as a browser without scripts: sign-in page,
 * consent page, redirect, exchange of the code. Rejects with `StepFailure`.
 */
export async function signIn(walk: Walk): Promise<Grant> {
  const { twin } = walk
  const state = randomBytes(16).toString('hex')
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: twin.clientId,
    redirect_uri: twin.redirectUri,
    response_type: 'code',
    scope: twin.scope,
    state,
  })
  if (twin.usesPkce) {
    query.set('code_challenge', createHash('sha256').update(verifier).digest('base64url'))
    query.set('code_challenge_method', 'S256')
  }
  const code = await authorize(walk, `/oauth/authorize?${query}`, state)
  const form = { grant_type: 'authorization_code', code, redirect_uri: twin.redirectUri }
  const sent = twin.sendsWrongVerifier === true ? randomBytes(32).toString('base64url') : verifier
  return requestToken(walk, 'token', twin.usesPkce ? { ...form, code_verifier: sent } : form)
}

/** Follows the pages until the browser is back at the client. Resolves with the code. */
async function authorize(walk: Walk, path: string, state: string): Promise<string> {
  const browser = new Browser(walk.wire)
  const { twin, trace } = walk
  let next: Visit = { step: 'authorize', go: () => browser.open(path) }
  let hasSignedIn = false
  for (let page = 0; page < MAX_PAGES; page++) {
    const { step, go }: Visit = next
    const found = await trace.step<Visit | { readonly code: string }>(step, go, (answer) => {
      const target = redirectOf(answer)
      if (target !== undefined) {
        if (isBack(answer.location ?? '', target, twin.redirectUri)) return codeIn(target, state)
        return { step: nameOf(target), go: () => browser.open(target) }
      }
      if (answer.status >= 500) return faultOf(answer)
      const form = signInForm(answer)
      if (form !== undefined) {
        if (hasSignedIn || twin.user === undefined) return new StepFault('sign_in_refused')
        hasSignedIn = true
        const filledIn = filledSignIn(form, twin.user)
        return { step: 'sign_in', go: () => browser.submit(form, filledIn) }
      }
      const consent = answer.status === 200 ? consentForm(answer) : undefined
      if (consent === undefined) return pageFault(answer)
      return { step: 'consent', go: () => browser.submit(consent) }
    })
    if ('code' in found) return found.code
    next = found
  }
  throw new StepFailure(next.step, 'too_many_pages')
}

interface Visit {
  readonly step: string
  readonly go: () => Promise<ProbeAnswer>
}

/** Whether a redirect leads to the client, whatever the server added to the query (RFC 6749 §4.1.2). */
function isBack(location: string, target: URL, redirectUri: string): boolean {
  if (location.startsWith(redirectUri)) return true
  const registered = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined
  return (
    registered !== undefined &&
    registered.host === target.host &&
    registered.protocol === target.protocol &&
    registered.pathname === target.pathname
  )
}

function codeIn(target: URL, state: string): { readonly code: string } | StepFault {
  const { searchParams } = target
  const error = searchParams.get('error')
  if (error !== null) return new StepFault(boundedError(error))
  if (searchParams.get('state') !== state) return new StepFault('state_mismatch')
  const code = searchParams.get('code')
  return code === null || code === '' ? new StepFault('no_code') : { code }
}

/** A name for the page that a redirect leads to, without its query. */
function nameOf({ pathname }: URL): string {
  if (pathname.endsWith('/oauth/authorize')) return 'authorize'
  if (/sign_in|login/.test(pathname)) return 'sign_in_page'
  return /consent/.test(pathname) ? 'consent_page' : 'redirect'
}

/** An error page of the authorization endpoint names its error only in words, so the status must do. */
function pageFault(answer: ProbeAnswer): StepFault {
  return answer.status === 200 ? new StepFault('no_form') : faultOf(answer)
}
