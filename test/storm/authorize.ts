import { createHash, randomBytes } from 'node:crypto'
import { type Form, formsIn } from '../../src/probes/index.ts'
import type { Holder, Walk } from './walk.ts'
import type { Answer } from './web.ts'

/** An authorization request in progress. */
export interface Asked {
  readonly scope: string
  readonly state: string
  readonly nonce: string
  /** Undefined without PKCE. */
  readonly verifier: string | undefined
  readonly url: URL
}

/** How the browser returned to the client. */
export type Back = { readonly code: string } | { readonly error: string }

const MAX_PAGES = 14

/** Generates an authorization request of the walk's application. */
export function ask(walk: Walk, scope: string): Asked {
  const { application, random } = walk
  const method = random.weighted([
    [application.kind === 'public' ? 0 : 2, undefined],
    [3, 'S256' as const],
    [1, 'plain' as const],
  ])
  const state = randomBytes(8).toString('hex')
  const nonce = randomBytes(8).toString('hex')
  const verifier = method === undefined ? undefined : randomBytes(32).toString('base64url')
  const challenge = method === 'S256' && verifier ? createHash('sha256').update(verifier).digest('base64url') : verifier
  const url = walk.url('/oauth/authorize', {
    client_id: application.clientId,
    redirect_uri: application.redirectUri,
    response_type: 'code',
    ...{ scope, state, nonce },
    ...(method === undefined ? {} : { code_challenge: challenge ?? '', code_challenge_method: method }),
  })
  return { scope, state, nonce, verifier, url }
}

/**
 * Signs the walk's browser in before any of its tabs requests authorization: if two tabs show the sign-in page at once,
 * the platform itself fails the second.
 */
export async function signIn(walk: Walk): Promise<void> {
  const page = await walk.send('sign-in page', 'legacy', {
    ...{ method: 'GET', url: walk.url('/users/sign_in'), jar: walk.jar },
  })
  const form = formsIn(page.body, walk.url('/')).find(isSignIn)
  walk.expect('sign-in page', form !== undefined, page)
  const answer = await submit(walk, 'sign in', form, credentialsOf(walk))
  walk.expect('sign in', answer.location !== undefined, answer)
}

/**
 * Opens an authorization request and continues until the browser is back at the client, or at a page with a consent
 * form.
 */
export async function toConsent(walk: Walk, asked: Asked): Promise<Back | Form[]> {
  const answer = await walk.send('authorize', 'new', { method: 'GET', url: asked.url, jar: walk.jar })
  return goOn(walk, asked, answer)
}

/** Submits a consent form and continues until the browser is back. */
export async function answerConsent(
  walk: Walk,
  asked: Asked,
  forms: readonly Form[],
  decision: 'authorize' | 'deny',
): Promise<Back> {
  const form = forms.find(({ buttons }) => buttons.some((text) => text.toLowerCase() === decision))
  walk.expect('consent', form !== undefined, `no ${decision} among the forms`)
  const back = await goOn(walk, asked, await submit(walk, decision, form))
  walk.expect('after consent', !Array.isArray(back), 'asked for consent again')
  return back
}

/** Completes an authorization request and returns its code. */
export async function authorize(walk: Walk, asked: Asked): Promise<string> {
  const reached = await toConsent(walk, asked)
  const back = Array.isArray(reached) ? await answerConsent(walk, asked, reached, 'authorize') : reached
  walk.expect('authorized', 'code' in back, JSON.stringify(back))
  return back.code
}

async function goOn(walk: Walk, asked: Asked, first: Answer): Promise<Back | Form[]> {
  let answer = first
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { location } = answer
    if (location === undefined) {
      walk.expect('page', answer.status === 200, answer)
      const forms = formsIn(answer.body, walk.url('/'))
      const form = forms.find(isSignIn)
      if (form === undefined) {
        walk.expect('page', isConsent(forms), `neither a sign-in nor a consent form: ${answer.body.slice(0, 200)}`)
        return forms
      }
      answer = await submit(walk, 'sign in', form, credentialsOf(walk))
      continue
    }
    const back = backAtClient(walk, asked, location)
    if (back !== undefined) return back
    answer = await walk.send(`follow ${location.pathname}`, holderOf(location), {
      ...{ method: 'GET', url: location, jar: walk.jar },
    })
  }
  walk.expect('pages', false, `more than ${MAX_PAGES} pages`)
  throw new Error('unreachable')
}

/** Whether a form asks for sign-in. */
export function isSignIn({ fields }: Form): boolean {
  return fields.some(([name]) => name === 'user[password]')
}

/** What the walk's user enters into such a form. */
export function credentialsOf({ user }: Walk): Record<string, string> {
  return { 'user[login]': user.username, 'user[password]': user.password }
}

function isConsent(forms: readonly Form[]): boolean {
  return forms.some(({ buttons }) => buttons.some((text) => text.toLowerCase() === 'authorize'))
}

function submit(walk: Walk, step: string, form: Form, more: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const fields = { ...Object.fromEntries(form.fields), ...more }
  // The monolith's pages send the decision to IAM.
  const holder = form.action.pathname.startsWith('/-/iam/') || step === 'sign in' ? 'either' : 'legacy'
  return walk.send(step, holder, { method: 'POST', url: form.action, form: fields, jar: walk.jar })
}

function holderOf(location: URL): Holder {
  return /_verifier=/.test(location.search) ? 'iam' : location.pathname === '/oauth/authorize' ? 'new' : 'either'
}

function backAtClient(walk: Walk, asked: Asked, location: URL): Back | undefined {
  const { redirectUri, kind } = walk.application
  const isBack = kind === 'native' ? location.pathname.endsWith('/native') : location.href.startsWith(redirectUri)
  if (!isBack) return undefined
  const error = location.searchParams.get('error')
  const code = location.searchParams.get('code')
  // An out-of-band code arrives without the state (recording B010).
  const state = location.searchParams.get('state')
  walk.expect('state', kind === 'native' || state === asked.state, `state ${state} instead of ${asked.state}`)
  return code === null ? { error: error ?? 'neither code nor error' } : { code }
}
