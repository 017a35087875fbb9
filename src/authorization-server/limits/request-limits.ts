import {
  type ClientAddress,
  clientAddressReader,
  type HttpRequest,
  PRIVATE_NETWORKS,
  TrustedProxies,
} from '../../http/index.ts'
import type { Limit } from './gcra.ts'
import { type LimitTable, limitTable } from './limit-table.ts'

/** The available limits. An omitted limit does not apply. */
export interface RequestLimitSettings {
  /** Requests from one address other than a trusted proxy's. */
  readonly addressRequests?: Limit | undefined
  /** Wrong credentials of any kind from one such address. */
  readonly addressFailures?: Limit | undefined
  /** Sign-ins started from one such address. */
  readonly loginStarts?: Limit | undefined
  /** Device codes requested from one such address. */
  readonly deviceStarts?: Limit | undefined
  /** Requests by one authenticated client, from such addresses. */
  readonly clientRequests?: Limit | undefined
  /** Different wrong secrets for one client from one address. */
  readonly clientFailures?: Limit | undefined
}

/** The name of a limit in metrics and log. */
export type LimitName =
  | 'address_requests'
  | 'address_failures'
  | 'device_starts'
  | 'login_starts'
  | 'client_requests'
  | 'client_failures'
  | 'password_guesses'
  | 'user_code_guesses'
  | 'open_logins'

/** A limit that was reached. */
export interface LimitReached {
  /** The endpoint's name, from a fixed list. */
  readonly endpoint: string
  readonly limit: LimitName
  readonly network: string
}

/** The limit that rejects a request, and the wait. */
export interface TooMany {
  readonly limit: LimitName
  readonly waitMs: number
}

/** The origin of a request. */
export interface Caller {
  readonly address: ClientAddress
  /** Set once a confidential client has presented its secret: its other errors are not guesses. */
  isProven: boolean
}

/** The client a request claims to come from. */
interface ClaimedClient {
  readonly clientId: string
  readonly secret: string | undefined
}

/** Limits callers who send too many requests or guess credentials. Counts in this process only; stores nothing. */
export interface RequestLimits {
  callerOf(request: HttpRequest): Caller
  /** Counts a caller's request; returns the limit it exceeds, if any. */
  admit(endpoint: string, caller: Caller): TooMany | undefined
  /** Counts a sign-in that starts; returns the limit the caller exceeds, if any. */
  admitLogin(caller: Caller): TooMany | undefined
  /** Whether credentials may be checked: not while their client's secret is being guessed from the same address. */
  admitCredentials(caller: Caller, credentials: ClaimedClient): TooMany | undefined
  /** Whether any other possible guess may be checked. */
  admitGuess(caller: Caller): TooMany | undefined
  /** A known client presented a wrong secret. */
  wrongSecret(caller: Caller, credentials: ClaimedClient): void
  /** A credential was wrong; `guess` distinguishes it from others. */
  wrongCredential(caller: Caller, guess: string): void
  /** A client that presented its secret was served. */
  served(caller: Caller, clientId: string): void
  /** Reports that a request was rejected. */
  reached(reached: LimitReached): void
  /** For tests: resets all counters. */
  clear(): void
}

/** The options of {@link createRequestLimits}. */
export interface RequestLimitOptions extends RequestLimitSettings {
  /**
   * The proxies with a trusted X-Forwarded-For: CIDRs or addresses. Default: loopback and private networks, as in
   * Rails.
   */
  readonly trustedProxies?: readonly string[] | undefined
  /** Must not throw. */
  readonly onReached?: ((reached: LimitReached) => void) | undefined
}

/** Creates {@link RequestLimits}. Without settings nothing is limited. `now` is in milliseconds. */
export function createRequestLimits(options: RequestLimitOptions = {}, now = () => performance.now()): RequestLimits {
  const table = (limit: Limit | undefined) => (limit === undefined ? undefined : limitTable(limit))
  const tables = {
    address_requests: table(options.addressRequests),
    address_failures: table(options.addressFailures),
    device_starts: table(options.deviceStarts),
    login_starts: table(options.loginStarts),
    client_requests: table(options.clientRequests),
    client_failures: table(options.clientFailures),
  }
  const addressOf = clientAddressReader(new TrustedProxies(options.trustedProxies ?? PRIVATE_NETWORKS))
  const check = (limit: keyof typeof tables, key: string): TooMany | undefined => {
    const waitMs = tables[limit]?.wait(key, now()) ?? 0
    return waitMs > 0 ? { limit, waitMs } : undefined
  }
  const count = (limit: 'address_requests' | 'device_starts' | 'login_starts', key: string): TooMany | undefined => {
    const refused = check(limit, key)
    if (refused === undefined) tables[limit]?.use(key, now())
    return refused
  }
  return {
    callerOf: (request) => ({ address: addressOf(request), isProven: false }),
    admit(endpoint, { address }) {
      if (address.isTrusted) return undefined
      const refused = count('address_requests', address.network)
      return refused ?? (endpoint === 'authorize_device' ? count('device_starts', address.network) : undefined)
    },
    admitLogin: ({ address }) => (address.isTrusted ? undefined : count('login_starts', address.network)),
    admitCredentials(caller, { clientId, secret }) {
      if (secret === undefined) return undefined
      const refused = check('client_failures', pairOf(clientId, caller))
      return refused ?? (caller.address.isTrusted ? undefined : check('client_requests', clientId))
    },
    admitGuess: ({ address }) => (address.isTrusted ? undefined : check('address_failures', address.network)),
    wrongSecret(caller, { clientId, secret }) {
      tables.client_failures?.use(pairOf(clientId, caller), now(), secret)
    },
    wrongCredential({ address, isProven }, guess) {
      if (!address.isTrusted && !isProven) tables.address_failures?.use(address.network, now(), guess)
    },
    served({ address }, clientId) {
      if (!address.isTrusted) tables.client_requests?.use(clientId, now())
    },
    reached: options.onReached ?? (() => {}),
    clear() {
      for (const one of Object.values<LimitTable | undefined>(tables)) one?.clear()
    },
  }
}

function pairOf(clientId: string, { address }: Caller): string {
  return `${address.network} ${clientId}`
}
