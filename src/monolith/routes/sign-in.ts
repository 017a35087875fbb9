import {
  type RequestLimits,
  type ResourceOwner,
  retryAfter,
  TooManyGuessesError,
} from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'
import { page, redirectTo } from '../browser/answers.ts'
import { csrfToken, newCsrfSecret } from '../browser/csrf.ts'
import type { Pages } from '../browser/routes.ts'
import type { Visit } from '../browser/visit.ts'
import { type LoginChallenges, rememberSignInFor } from '../handoff/login-challenge.ts'
import { signInBody } from '../pages/sign-in.ts'
import type { KnownBrowsers } from '../sessions/known-browser.ts'
import type { Flash } from '../sessions/session.ts'
import type { SignedInSessions } from '../sessions/signed-in-sessions.ts'
import { textIn, textOf } from '../text-parameters.ts'
import type { PasswordCheck } from '../users/password-checks.ts'
import type { Users } from '../users/users.ts'

/** What signing in and out depends on. */
export interface SignInOptions {
  readonly users: Users
  readonly sessions: SignedInSessions
  readonly checkPassword: PasswordCheck
  readonly browsers: KnownBrowsers
  readonly limits: RequestLimits
  readonly issuer: string
  /** Undefined when no IAM is configured; challenges are then ignored. */
  readonly challenges: LoginChallenges | undefined
}

const WRONG = 'Invalid login or password.'
const TOO_OFTEN = 'Too many failed attempts. Wait a few minutes, then try again.'

/** The sign-in form, its submission, and signing out. */
export function signInPages(options: SignInOptions): Pages {
  const { sessions, challenges } = options
  const signOut = async (visit: Visit) => {
    await endSession(visit, sessions)
    return redirectTo(visit, '/users/sign_in')
  }
  return {
    'GET /users/sign_in': async (visit) => {
      const challenge = challenges && textOf(visit.parameters['login_challenge'])
      if (!challenges || !challenge) return showForm(visit, { leadsTo: addressesAfter(visit) })
      const step = await challenges.begin(visit, challenge)
      if (typeof step !== 'string') return step
      if (step === 'end_session_and_ask') await endSession(visit, sessions)
      return showForm({ ...visit, owner: undefined }, { challenge, leadsTo: 'anywhere' })
    },
    'POST /users/sign_in': (visit) => signIn(visit, options),
    // Another tab has signed in since: this tab's request continues as that user's.
    'STALE_POST /users/sign_in': async (visit) => {
      const challenge = challenges && textOf(visit.parameters['login_challenge'])
      const address = challenge ? `/users/sign_in?login_challenge=${encodeURIComponent(challenge)}` : '/'
      return redirectTo(visit, address, 303)
    },
    'DELETE /users/sign_out': signOut,
    'POST /users/sign_out': signOut,
  }
}

async function signIn(visit: Visit, options: SignInOptions): Promise<HttpReply> {
  const login = textIn(visit.parameters['user'], 'login') ?? ''
  const password = textIn(visit.parameters['user'], 'password') ?? ''
  const challenge = options.challenges && (textOf(visit.parameters['login_challenge']) || undefined)
  const refuse = (text: string) =>
    showForm(visit, { challenge, login, flash: { kind: 'alert', text }, leadsTo: 'anywhere' })
  const { cookie } = visit.request.headers
  const { network } = options.limits.callerOf(visit.request).address
  const browser = options.browsers.markOf(cookie, login)
  const attempt = { username: login, network, browser }
  const owner = await options.checkPassword(attempt, password).catch(asTooMany)
  if (owner instanceof TooManyGuessesError) {
    options.limits.reached({ endpoint: 'sign_in', limit: 'password_guesses', network })
    const reply = refuse(TOO_OFTEN)
    return { ...reply, status: 429, headers: [...withoutEtag(reply.headers), retryAfter(owner.waitMs)] }
  }
  if (!owner) return refuse(WRONG)
  const isSecure = [visit.request.origin, options.issuer].some((origin) => origin.startsWith('https:'))
  const mark = options.browsers.remember(cookie, login, isSecure)
  const reply = await goOn(visit, owner, challenge, options)
  return mark === undefined ? reply : { ...reply, headers: [...reply.headers, ['Set-Cookie', mark]] }
}

function asTooMany(error: unknown): TooManyGuessesError {
  if (error instanceof TooManyGuessesError) return error
  throw error
}

function withoutEtag(headers: HttpReply['headers']): HttpReply['headers'] {
  return [...headers.filter(([name]) => name !== 'ETag' && name !== 'Cache-Control'), ['Cache-Control', 'no-store']]
}

async function goOn(
  visit: Visit,
  owner: ResourceOwner,
  challenge: string | undefined,
  options: SignInOptions,
): Promise<HttpReply> {
  const returnTo = visit.session.data.returnTo ?? '/'
  await beginSession(visit, owner, options)
  if (!options.challenges || challenge === undefined) return redirectTo(visit, returnTo)
  rememberSignInFor(visit, challenge)
  const known = (await options.users.find(owner.id)) ?? owner
  return options.challenges.accept({ ...visit, owner: known }, challenge, known)
}

/** Starts a new session at sign-in, without anything of the previous one, including its CSRF secret. */
async function beginSession(visit: Visit, owner: ResourceOwner, { users, sessions }: SignInOptions): Promise<void> {
  const { id: earlier, signedInFor } = visit.session.data
  if (earlier !== undefined) await sessions.end(earlier)
  await users.recordSignIn(owner.id)
  const id = await sessions.begin(owner.id)
  const kept = signedInFor && visit.owner?.id === owner.id ? { signedInFor } : {}
  // Sets the CSRF secret now; otherwise tabs that open next would each create one, and only the last one's forms would
  // work.
  visit.session.reset({ id, csrf: newCsrfSecret(), ...kept })
}

/** Ends a visit's session in the cookie and in the store. */
export async function endSession(visit: Visit, sessions: SignedInSessions): Promise<void> {
  const { id } = visit.session.data
  if (id !== undefined) await sessions.end(id)
  visit.session.reset({})
}

function showForm(
  visit: Visit,
  form: {
    readonly challenge?: string | undefined
    readonly login?: string
    readonly flash?: Flash
    readonly leadsTo: readonly string[] | 'anywhere'
  },
): HttpReply {
  return page(visit, {
    title: 'Sign in',
    leadsTo: form.leadsTo,
    flash: form.flash,
    body: signInBody({
      csrfToken: csrfToken(visit.session),
      loginChallenge: form.challenge,
      login: form.login ?? '',
      owner: visit.owner,
      continueTo: visit.session.data.returnTo ?? '/',
    }),
  })
}

/** Where the redirects after signing in may end: at a client, when an authorization needs no further consent. */
function addressesAfter(visit: Visit): readonly string[] | 'anywhere' {
  const { returnTo } = visit.session.data
  if (returnTo === undefined) return []
  const address = new URLSearchParams(returnTo.split('?')[1]).get('redirect_uri')
  return address === null ? 'anywhere' : [address]
}
