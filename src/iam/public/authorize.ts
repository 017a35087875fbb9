import {
  type AuthorizationRequest,
  type AuthorizationServer,
  type AuthorizationStep,
  type Caller,
  type Parameters,
  type RequestLimits,
  type ResourceOwner,
  TOO_MANY_TEXT,
} from '../../authorization-server/index.ts'
import type { VerifierKind } from '../../credentials/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { isFreshSignIn, presentedVerifierHash } from '../challenges/challenge.ts'
import type { AnsweredChallenge, ChallengeStore, StoredChallenge } from '../challenges/challenge-store.ts'
import { afterSignIn, consentParameters, isPromptNone, namedClient, plainText } from '../challenges/flow-parameters.ts'
import type { OpenLogins } from '../challenges/open-logins.ts'
import type { ResourceOwnerTable } from '../stores/resource-owner-store.ts'
import {
  type BrowserMark,
  browserMarks,
  dropMark,
  newBrowserMark,
  setMark,
  surplusMarks,
  youngestMark,
} from './browser-binding.ts'
import { errorPage, handOffRedirect, laterPage } from './pages.ts'

/** What `/oauth/authorize` depends on. */
export interface AuthorizeDependencies {
  readonly core: AuthorizationServer
  readonly limits: RequestLimits
  readonly challenges: ChallengeStore
  readonly owners: ResourceOwnerTable
  readonly logins: OpenLogins
  readonly verifierKey: Uint8Array
  readonly issuer: string
  readonly loginUrl: string
  readonly consentUrl: string
  /** How long a browser is recognised as the one that started a flow, counted from its last flow. */
  readonly browserSeconds: number
}

/** What a sign-in is required for. */
interface SignIn {
  readonly parameters: Parameters
  readonly promptNone: boolean
  readonly reauthenticate: boolean
}

/** A flow with a known user. */
interface Flow {
  readonly parameters: Parameters
  readonly owner: ResourceOwner
  readonly marks: readonly BrowserMark[]
  readonly mark: BrowserMark
  readonly reauthenticate: boolean
  /** The scopes that the user has granted at the monolith to the client of the challenge. */
  readonly granted: { readonly clientId: string; readonly scopes: readonly string[] }
}

const STALE =
  'This sign-in has expired, or it began in another browser. Please go back to the application and start again.'
const FULL = 'The authorization server is currently unable to handle the request. Please try again.'
const FULL_WAIT_MS = 30_000
const TOO_LARGE = 'The request is too large.'

/**
 * GET, HEAD and POST `/oauth/authorize` on a server without users (OpenID Connect Core §3.1.2.1). A request becomes a
 * login challenge before it is validated; it is processed as in Doorkeeper once its browser returns with a verifier. A
 * verifier works only in the browser that started the flow; any other browser learns nothing about the flow. The
 * original browser gets an equivalent answer each time: the same step again while the answer is valid, and later the
 * same request from the start.
 */
export function authorizeEndpoint(dependencies: AuthorizeDependencies) {
  const steps = new AuthorizeFlow(dependencies)
  return (request: HttpRequest, parameters: Parameters): Promise<HttpReply> => {
    const marks = browserMarks(request.headers.cookie)
    const login = plainText(parameters['login_verifier'])
    if (login !== '') return steps.resume('login', login, marks)
    const consent = plainText(parameters['consent_verifier'])
    if (consent !== '') return steps.resume('consent', consent, marks)
    return steps.start(parameters, marks, dependencies.limits.callerOf(request))
  }
}

class AuthorizeFlow {
  readonly #to: AuthorizeDependencies
  readonly #secure: boolean

  constructor(dependencies: AuthorizeDependencies) {
    this.#to = dependencies
    this.#secure = dependencies.issuer.startsWith('https:')
  }

  /** A new request. Only an OpenID Connect prompt is evaluated (recording A140, A149). */
  async start(parameters: Parameters, marks: readonly BrowserMark[], caller: Caller): Promise<HttpReply> {
    const step = await this.#to.core.begin(parameters, undefined)
    if (step.kind === 'reply' && !isPromptNone(parameters)) return step.reply
    const { limits, logins } = this.#to
    const reached = { endpoint: 'authorize', network: caller.address.network } as const
    const refused = limits.admitLogin(caller)
    if (refused !== undefined) {
      limits.reached({ ...reached, limit: refused.limit })
      return laterPage(TOO_MANY_TEXT, 429, refused.waitMs)
    }
    if (!logins.admit()) {
      limits.reached({ ...reached, limit: 'open_logins' })
      return laterPage(FULL, 503, FULL_WAIT_MS)
    }
    return this.#askSignIn({ parameters, promptNone: step.kind === 'reply', reauthenticate: false }, marks)
  }

  /** A browser that returns with the verifier for the monolith's answer. */
  async resume(kind: VerifierKind, verifier: string, marks: readonly BrowserMark[]): Promise<HttpReply> {
    const hash = presentedVerifierHash(kind, verifier, this.#to.verifierKey)
    if (hash === undefined) return errorPage(STALE)
    const { challenges } = this.#to
    const hashes = marks.map((mark) => mark.hash)
    // The store's clock decides whether it arrived in time: this process's clock may differ from the one that signed
    // it.
    const answered = hashes.length > 0 ? await challenges.consume(kind, hash, hashes) : undefined
    const found = answered ?? (await challenges.behind(kind, hash))
    if (!found) return errorPage(STALE)
    const mark = marks.find((candidate) => found.browserHash.equals(candidate.hash))
    if (!mark) return this.#broughtElsewhere(found)
    if (!answered) return this.#askSignIn(found, marks, mark)
    const from = { marks, mark }
    return kind === 'login' ? this.#afterLogin(answered, from) : this.#afterConsent(answered, from)
  }

  /** A verifier without its browser's mark: a bookmark, withheld or lost cookies, a theft. */
  async #broughtElsewhere(challenge: StoredChallenge): Promise<HttpReply> {
    // A hidden frame must show nothing and often has no cookies, so the client gets the error (OpenID Connect Core
    // §3.1.2.6).
    if (challenge.promptNone) return this.#loginRequired(challenge.parameters)
    return challenge.isSpent ? handOffRedirect(this.#to.loginUrl, []) : errorPage(STALE)
  }

  async #afterLogin(answered: AnsweredChallenge, from: Pick<Flow, 'marks' | 'mark'>): Promise<HttpReply> {
    const { outcome, parameters } = answered
    if (outcome.kind === 'rejected') return this.#rejected(answered)
    const profile = outcome.kind === 'signed_in' ? await this.#to.owners.find(outcome.subject) : undefined
    if (outcome.kind !== 'signed_in' || !profile) return errorPage(STALE)
    const owner = { ...profile, authTime: outcome.authTime }
    const signedInForThis = owner.authTime > answered.createdAt && isFreshSignIn(owner.authTime, Date.now() / 1_000)
    return this.#proceed({
      ...from,
      parameters: signedInForThis ? afterSignIn(parameters) : parameters,
      owner,
      reauthenticate: answered.reauthenticate,
      granted: { clientId: answered.clientId, scopes: outcome.grantedScopes ?? [] },
    })
  }

  async #proceed(flow: Flow): Promise<HttpReply> {
    const { parameters, owner, marks, mark, granted } = flow
    const step: AuthorizationStep = await this.#to.core.begin(parameters, owner, {
      grantedElsewhere: async (client) => (client.clientId === granted.clientId ? granted.scopes : []),
    })
    switch (step.kind) {
      case 'consent':
        return this.#askConsent(flow, step.request)
      case 'issue':
        return this.#to.core.issueCode(step.request, owner, this.#to.issuer)
      case 'reply':
        return step.reply
      case 'reauthenticate':
      case 'select_account': {
        if (isPromptNone(parameters)) return this.#loginRequired(parameters)
        const again = { parameters: afterSignIn(parameters), promptNone: false, reauthenticate: true }
        return this.#askSignIn(again, marks, mark)
      }
      case 'sign_in':
        return this.#askSignIn({ parameters, promptNone: false, reauthenticate: false }, marks, mark)
    }
  }

  async #afterConsent(answered: AnsweredChallenge, { marks, mark }: Pick<Flow, 'marks' | 'mark'>): Promise<HttpReply> {
    const { outcome, subject } = answered
    const parameters = consentParameters(answered.parameters)
    if (outcome.kind === 'rejected') {
      // Another user has signed in since: the request continues for that user.
      if (outcome.error === 'login_required') return this.#askSignIn(answered, marks, mark)
      return outcome.error === 'access_denied' ? this.#to.core.deny(parameters) : this.#rejected(answered)
    }
    const owner = subject === undefined ? undefined : await this.#to.owners.find(subject)
    if (outcome.kind !== 'consented' || !owner) return errorPage(STALE)
    const checked = await this.#to.core.preAuthorize(parameters)
    if (!checked.ok) return this.#to.core.errorReply(checked.error)
    // The application may have changed while the page was open: consent covers only what the page showed.
    if (!sameScopes(checked.request.scopes, answered.scopes)) return this.#askSignIn(answered, marks, mark)
    return this.#to.core.issueCode(checked.request, owner, this.#to.issuer)
  }

  async #askSignIn(ask: SignIn, held: readonly BrowserMark[], known?: BrowserMark): Promise<HttpReply> {
    const mark = known ?? youngestMark(held) ?? newBrowserMark(Date.now())
    const challenge = await this.#to.challenges.open({
      kind: 'login',
      parameters: ask.parameters,
      clientId: namedClient(ask.parameters),
      browserHash: mark.hash,
      subject: undefined,
      scopes: [],
      promptNone: ask.promptNone,
      reauthenticate: ask.reauthenticate,
    })
    if (challenge === undefined) return errorPage(TOO_LARGE)
    const surplus = surplusMarks(held).filter((old) => old !== mark)
    return handOffRedirect(withQuery(this.#to.loginUrl, 'login_challenge', challenge), [
      setMark(mark, this.#to.browserSeconds, this.#secure),
      ...surplus.map((old) => dropMark(old, this.#secure)),
    ])
  }

  async #askConsent(flow: Flow, request: AuthorizationRequest): Promise<HttpReply> {
    const challenge = await this.#to.challenges.open({
      kind: 'consent',
      parameters: flow.parameters,
      clientId: request.client.clientId,
      browserHash: flow.mark.hash,
      subject: flow.owner.id,
      scopes: request.scopes,
      promptNone: false,
      reauthenticate: flow.reauthenticate,
    })
    if (challenge === undefined) return errorPage(TOO_LARGE)
    return handOffRedirect(withQuery(this.#to.consentUrl, 'consent_challenge', challenge), [])
  }

  /** The monolith signed no user in, or rejected the request for another reason. */
  async #rejected(answered: AnsweredChallenge): Promise<HttpReply> {
    const { outcome, parameters } = answered
    const error = outcome.kind === 'rejected' ? outcome.error : 'access_denied'
    const description = outcome.kind === 'rejected' ? outcome.description : undefined
    if (answered.promptNone && error === 'login_required') return this.#loginRequired(parameters)
    const checked = await this.#to.core.preAuthorize(parameters)
    if (!checked.ok) return this.#to.core.errorReply(checked.error)
    if (error === 'access_denied') return this.#to.core.refuse(checked.request)
    return this.#to.core.refuse(checked.request, {
      error,
      description: description ?? 'The sign-in was not completed.',
    })
  }

  /** `login_required` in the words of the protocol core; the error page when the request has become invalid since. */
  async #loginRequired(parameters: Parameters): Promise<HttpReply> {
    const step = await this.#to.core.begin({ ...parameters, prompt: 'none' }, undefined, {
      signInAddress: this.#to.loginUrl,
    })
    return step.kind === 'reply' ? step.reply : errorPage(STALE)
  }
}

function sameScopes(one: readonly string[], other: readonly string[]): boolean {
  const held = new Set(other)
  return one.length === other.length && one.every((scope) => held.has(scope))
}

function withQuery(url: string, name: string, value: string): string {
  return `${url}${url.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`
}
