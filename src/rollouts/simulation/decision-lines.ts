import { TrafficCounter } from './observed-traffic.ts'

const MESSAGE = 'iamproxy: routing decision'
/** The reasons of a request that begins a flow; those of all others continue one or present a credential. */
const BEGINS = /^(flag_enabled|flag_disabled|brake|iam_unavailable|iam_failed_over|routing_unavailable)$/

/**
 * Reads the decision log of a gateway line by line. The log does not tell the grant type of a request to the token
 * endpoint: one that presents a credential counts as a refresh, unless it can be the exchange of a sign-in before it.
 */
export class DecisionLines {
  readonly #counter = new TrafficCounter()
  /** Sign-ins and device flows whose exchange was not seen yet, by application. */
  readonly #open = new Map<number, number>()
  #count = 0

  /** How many lines were decisions about known applications. */
  get count(): number {
    return this.#count
  }

  /** Adds one line; anything that is not a decision about a known application is ignored. */
  add(line: string): void {
    if (!line.includes(MESSAGE)) return
    const { msg, time, endpoint, application_id: application, reason, method } = parsed(line)
    const at = typeof time === 'number' ? time : Date.parse(String(time))
    if (msg !== MESSAGE || !Number.isSafeInteger(application) || !Number.isFinite(at)) return
    this.#count++
    this.#addFlow(application as number, {
      at,
      endpoint: String(endpoint),
      begins: BEGINS.test(String(reason)),
      method,
    })
  }

  /** What the lines show. */
  get traffic(): TrafficCounter {
    return this.#counter
  }

  #addFlow(
    application: number,
    { at, endpoint, begins, method }: { at: number; endpoint: string; begins: boolean; method: unknown },
  ): void {
    const start = (kind: 'sign_in' | 'device') => {
      this.#open.set(application, (this.#open.get(application) ?? 0) + 1)
      this.#counter.add(application, kind, at)
    }
    switch (endpoint) {
      case 'authorize':
        if (begins && method === 'GET') start('sign_in')
        return
      case 'authorize_device':
        return start('device')
      case 'introspect':
      case 'revoke':
      case 'userinfo':
        return this.#counter.add(application, endpoint, at)
      case 'token': {
        if (begins) return this.#counter.add(application, 'client_credentials', at)
        const open = this.#open.get(application) ?? 0
        if (open > 0) this.#open.set(application, open - 1)
        else this.#counter.add(application, 'refresh', at)
      }
    }
  }
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
