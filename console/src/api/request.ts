import { learnServerTime } from '../format/server-clock.ts'
import { apiAddress, type Query } from './address.ts'
import { ApiProblem, lateProblem, problemOf, unreachableProblem } from './problem.ts'

const READ_LIMIT_MS = 10_000
const CHANGE_LIMIT_MS = 20_000

interface RequestOptions {
  readonly query?: Query | undefined
  readonly signal?: AbortSignal | undefined
  /** For a document that takes longer than others to make. Default: 10 s. */
  readonly limitMs?: number
}

interface ChangeOptions extends Omit<RequestOptions, 'limitMs'> {
  readonly body?: unknown
  /** The token that proves that the change comes from a page of this session; from `GET /api/v1/session`. */
  readonly csrfToken: string | null
}

/**
 * Reads a document of the API. Throws an {@link ApiProblem} if there is none within the limit; the caller's own abort
 * passes through as it is.
 */
export function read<Document>(path: string, options: RequestOptions = {}): Promise<Document> {
  const { query, signal, limitMs = READ_LIMIT_MS } = options
  return send(apiAddress(path, query), { method: 'GET' }, { limitMs, signal })
}

/**
 * Makes a change. Throws an {@link ApiProblem} if it was refused, or if no answer came within 20 s; then it is
 * unknown whether it was made, and the caller must look at the state before saying anything.
 */
export function change<Document>(method: string, path: string, options: ChangeOptions): Promise<Document> {
  const headers = new Headers()
  if (options.csrfToken !== null) headers.set('x-csrf-token', options.csrfToken)
  const init: RequestInit = { method, headers }
  if (options.body !== undefined) {
    headers.set('content-type', 'application/json')
    init.body = JSON.stringify(options.body)
  }
  return send(apiAddress(path, options.query), init, { limitMs: CHANGE_LIMIT_MS, signal: options.signal })
}

interface Patience {
  readonly limitMs: number
  readonly signal: AbortSignal | undefined
}

async function send<Document>(address: URL, init: RequestInit, { limitMs, signal }: Patience): Promise<Document> {
  const limit = AbortSignal.timeout(limitMs)
  const signals = signal === undefined ? limit : AbortSignal.any([signal, limit])
  let status: number
  let text: string
  try {
    const response = await fetch(address, { ...init, signal: signals, credentials: 'same-origin', redirect: 'error' })
    status = response.status
    learnServerTime(response.headers.get('date'))
    text = await response.text()
  } catch (error) {
    if (signal?.aborted) throw error
    if (limit.aborted) throw lateProblem(limitMs)
    throw unreachableProblem(!navigator.onLine)
  }
  if (status < 200 || status > 299) throw problemOf(status, text)
  return parse(status, text)
}

/** The document of a response; only 204 has none, so any other without one was cut off. */
function parse<Document>(status: number, text: string): Document {
  if (status === 204) return undefined as Document
  try {
    return JSON.parse(text) as Document
  } catch {
    throw new ApiProblem('unreadable', 'The answer of the control plane was cut off or is not in a known form.')
  }
}
