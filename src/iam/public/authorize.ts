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

/** What `/oauth/authorize` needs. */
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
  /** For how long a browser is known for the one that began a flow, counted from its last one. */
  readonly browserSeconds: number
}

/** What sign-in is asked for. */
interface SignIn {
  readonly parameters: Parameters
  readonly promptNone: boolean
  readonly reauthenticate: boolean
}

/** A flow whose user is known. */
interface Flow {
  readonly parameters: Parameters
  readonly owner: ResourceOwner
  readonly marks: readonly BrowserMark[]
  readonly mark: BrowserMark
  readonly reauthenticate: boolean
  /** What the user has granted to the client of the challenge at the monolith. */
  readonly granted: { readonly clientId: string; readonly scopes: readonly string[] }
}

const STALE =
  'This sign-in has expired, or it began in another browser. Please go back to the application and start again.'
const FULL = 'The authorization server is currently unable to handle the request. Please try again.'
const FULL_WAIT_MS = 30_000
const TOO_LARGE = 'The request is too large.'

/**
 * GET, HEAD and POST `/oauth/authorize` of a server without users (OpenID Connect Core §3.1.2.1). A request becomes a
 * login challenge before anything about it is checked, and is gone through as Doorkeeper would once its browser is
 * back with a verifier. A verifier is good for the browser that began and for nobody else, who learns nothing of the flow it
 * stands for. That browser gets an equivalent answer each time: the same step again while the answer holds, later on
 * the same request from its beginning.
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

  /** A new request. Only an OpenID Connect prompt is looked at (recording A140, A149). */
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

  /** A browser that comes back with what the monolith's answer was turned into. */
  async resume(kind: VerifierKind, verifier: string, marks: readonly BrowserMark[]): Promise<HttpReply> {
    const hash = presentedVerifierHash(kind, verifier, this.#to.verifierKey)
    if (hash === undefined) return errorPage(STALE)
    const { challenges } = this.#to
    const hashes = marks.map((mark) => mark.hash)
    // Whether it came in time is for the store's clock to say: this process's may differ from the one that signed it.
    const answered = hashes.length > 0 ? await challenges.consume(kind, hash, hashes) : undefined
    const found = answered ?? (await challenges.behind(kind, hash))
    if (!found) return errorPage(STALE)
    const mark = marks.find((candidate) => found.browserHash.equals(candidate.hash))
    if (!mark) return this.#broughtElsewhere(found)
    if (!answered) return this.#askSignIn(found, marks, mark)
    const from = { marks, mark }
    return kind === 'login' ? this.#afterLogin(answered, from) : this.#afterConsent(answered, from)
  }

  /** A verifier without its browser's mark: a bookmark, cookies that are kept back or lost, a theft. */
  async #broughtElsewhere(challenge: StoredChallenge): Promise<HttpReply> {
    // Nothing may be shown in a hidden frame, which often has no cookies: the client hears (OpenID Connect Core §3.1.2.6).
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
      // Another user has signed in since: the request goes on as theirs.
      if (outcome.error === 'login_required') return this.#askSignIn(answered, marks, mark)
      return outcome.error === 'access_denied' ? this.#to.core.deny(parameters) : this.#rejected(answered)
    }
    const owner = subject === undefined ? undefined : await this.#to.owners.find(subject)
    if (outcome.kind !== 'consented' || !owner) return errorPage(STALE)
    const checked = await this.#to.core.preAuthorize(parameters)
    if (!checked.ok) return this.#to.core.errorReply(checked.error)
    // The application may have changed while the page was open: consent holds for what was shown, nothing else.
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

  /** The monolith signed nobody in, or refused for a reason of its own. */
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

  /** `login_required` as the protocol core words it; the error page when the request has become unusable since. */
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
