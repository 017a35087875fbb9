import { completionLimit, LONGEST_COMPLETION_MS, withCompletion } from './completion-time.ts'
import type { CompletedFlow } from './flow-outcome.ts'
import { type Asked, OBSERVED_REQUESTS, type Observation, type ObservedRequest } from './observation.ts'

/** A client that authenticated within this time, and is refused, did not break itself. */
export const AUTHENTICATED_MS = 30 * 86_400_000
/** Times of authentication are only kept to the hour, so that few of them need to be stored. */
const COARSE_MS = 3_600_000
/** The most that is remembered of what legacy accepted from one application; the oldest is forgotten first. */
const MOST_ACCEPTED = 64

const PLACES = ['scope', 'redirectUri', 'form'] as const satisfies ReadonlyArray<keyof Asked>
type Place = (typeof PLACES)[number]

/** What is remembered of one application, in the form in which it is stored. */
export interface RememberedApplication {
  /** When the client last authenticated, in milliseconds since the epoch; 0 for never. */
  readonly authenticatedAt: number
  /** The requests that legacy has granted, one bit for each of `OBSERVED_REQUESTS`. */
  readonly granted: number
  /** Hashes of scopes, redirect URIs and forms that legacy has accepted, oldest first. */
  readonly accepted: readonly number[]
  /** How long completions took on legacy; see {@link completionLimit}. */
  readonly signIn: readonly number[]
  readonly device: readonly number[]
}

const NOTHING: RememberedApplication = { authenticatedAt: 0, granted: 0, accepted: [], signIn: [], device: [] }

/** What an environment's applications have done, as far as the causes of later outcomes depend on it. */
export class ApplicationMemory {
  readonly #applications = new Map<number, RememberedApplication>()
  readonly #changed = new Set<number>()
  readonly #limits = new Map<number, number>()

  /** Takes over what was stored. */
  restore(applicationId: number, remembered: RememberedApplication): void {
    this.#applications.set(applicationId, remembered)
    this.#limits.clear()
  }

  /** Forgets applications that no longer exist. */
  forget(applicationId: number): void {
    this.#applications.delete(applicationId)
    this.#changed.delete(applicationId)
  }

  /** Takes at most `limit` of the applications whose memory has changed, to be stored. */
  takeChanged(limit: number): Array<readonly [applicationId: number, remembered: RememberedApplication]> {
    const taken: Array<readonly [number, RememberedApplication]> = []
    for (const id of this.#changed) {
      if (taken.length === limit) break
      this.#changed.delete(id)
      taken.push([id, this.#of(id)])
    }
    return taken
  }

  /** Marks applications as changed again, when they could not be stored. */
  putBack(applicationIds: Iterable<number>): void {
    for (const id of applicationIds) this.#changed.add(id)
  }

  /** Whether the client authenticated within {@link AUTHENTICATED_MS} before `now`. */
  hasAuthenticated(applicationId: number, now: number): boolean {
    const { authenticatedAt } = this.#of(applicationId)
    return authenticatedAt > 0 && now - authenticatedAt < AUTHENTICATED_MS
  }

  /** Notes that the client authenticated. */
  authenticated(applicationId: number, at: number): void {
    const known = this.#of(applicationId)
    if (at - known.authenticatedAt < COARSE_MS) return
    this.#set(applicationId, { ...known, authenticatedAt: at })
  }

  /** What legacy has accepted of a request; see `History.hasAccepted`. */
  hasAccepted({ applicationId, request, asked }: Pick<Observation, 'applicationId' | 'request' | 'asked'>) {
    const { granted, accepted } = this.#of(applicationId)
    const has = (place: Place) => accepted.includes(numberOf(place, request, asked))
    return {
      scope: has('scope'),
      redirectUri: has('redirectUri'),
      form: has('form'),
      grant: (granted & bitOf(request)) !== 0,
    }
  }

  /** Notes that legacy has granted a request that asked for this. */
  accepted(applicationId: number, request: ObservedRequest, asked: Asked): void {
    const known = this.#of(applicationId)
    const news = PLACES.map((place) => numberOf(place, request, asked)).filter((one) => !known.accepted.includes(one))
    const granted = known.granted | bitOf(request)
    if (news.length === 0 && granted === known.granted) return
    this.#set(applicationId, { ...known, granted, accepted: [...known.accepted, ...news].slice(-MOST_ACCEPTED) })
  }

  /** Notes how long a flow on legacy took from its start to its completion. */
  completed(applicationId: number, flow: CompletedFlow, tookMs: number): void {
    const known = this.#of(applicationId)
    const name = flow === 'sign_in' ? 'signIn' : 'device'
    this.#limits.delete(limitKey(applicationId, flow))
    this.#set(applicationId, { ...known, [name]: withCompletion(known[name], tookMs) })
  }

  /** The time within which a start of the application must be completed, in milliseconds. */
  completionLimit(applicationId: number, flow: CompletedFlow): number {
    const known = this.#applications.get(applicationId)
    if (known === undefined) return LONGEST_COMPLETION_MS
    const key = limitKey(applicationId, flow)
    const cached = this.#limits.get(key)
    if (cached !== undefined) return cached
    const limit = completionLimit(flow === 'sign_in' ? known.signIn : known.device)
    this.#limits.set(key, limit)
    return limit
  }

  #of(applicationId: number): RememberedApplication {
    return this.#applications.get(applicationId) ?? NOTHING
  }

  #set(applicationId: number, remembered: RememberedApplication): void {
    this.#applications.set(applicationId, remembered)
    this.#changed.add(applicationId)
  }
}

function limitKey(applicationId: number, flow: CompletedFlow): number {
  return applicationId * 2 + (flow === 'sign_in' ? 0 : 1)
}

/** The requests that legacy has granted an application. */
export function grantedRequests({ granted }: Pick<RememberedApplication, 'granted'>): ObservedRequest[] {
  return OBSERVED_REQUESTS.filter((request) => (granted & bitOf(request)) !== 0)
}

function bitOf(request: ObservedRequest): number {
  return 1 << OBSERVED_REQUESTS.indexOf(request)
}

/** One number for a place and its value, so that equal hashes of different places are not confused. */
function numberOf(place: Place, request: ObservedRequest, asked: Asked): number {
  const salt = PLACES.indexOf(place) * OBSERVED_REQUESTS.length + OBSERVED_REQUESTS.indexOf(request) + 1
  return (asked[place] ^ Math.imul(salt, 0x9e37_79b1)) >>> 0
}
