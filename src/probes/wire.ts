import { randomUUID } from 'node:crypto'
import { request } from 'undici'
import { boundedError } from '../credentials/index.ts'
import type { OutcomeSide } from '../outcomes/index.ts'

/** One request of a probe. */
export interface ProbeRequest {
  readonly method: 'GET' | 'POST'
  /** A path of the probed origin, or an address on it. */
  readonly url: string | URL
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as a form. */
  readonly form?: URLSearchParams
}

/** The response, with what a probe looks at. */
export interface ProbeAnswer {
  readonly url: URL
  readonly status: number
  readonly location: string | undefined
  readonly setCookies: readonly string[]
  readonly contentType: string
  readonly retryAfter: string | undefined
  readonly text: string
  /** Undefined if the body is not a JSON object. */
  readonly json: Readonly<Record<string, unknown>> | undefined
  readonly side: OutcomeSide | undefined
  readonly reason: string | undefined
  readonly requestId: string
}

/** A request without a usable response: `timed_out`, `unreachable`, `cut_off`, `too_large`, `foreign_page`. */
export class ProbeFault extends Error {
  readonly code: string
  constructor(code: string, options?: { cause?: unknown }) {
    super(code, options)
    this.name = 'ProbeFault'
    this.code = code
  }
}

/** Where a probe sends its requests, and how long it waits. */
export interface WireSettings {
  /** The public origin: the gateway's. */
  readonly origin: string
  /** Time limit of one request. */
  readonly stepLimitMs: number
  /** Additional headers of a request, such as the mark with which the gateway recognizes a probe. */
  readonly headers: () => Readonly<Record<string, string>>
  /** Ends the probe. */
  readonly signal?: AbortSignal | undefined
}

const BODY_LIMIT = 1 << 20

/**
 * Sends one request and reads its response; follows no redirect. Rejects with {@link ProbeFault}, also for an address
 * outside the probed origin: a probe carries a user's password and takes it nowhere else.
 */
export async function send(wire: WireSettings, asked: ProbeRequest): Promise<ProbeAnswer> {
  const url = new URL(asked.url, wire.origin)
  if (url.origin !== new URL(wire.origin).origin) throw new ProbeFault('foreign_page')
  const limit = AbortSignal.timeout(wire.stepLimitMs)
  const given = randomUUID()
  try {
    const answer = await request(url, {
      method: asked.method,
      headers: {
        accept: '*/*',
        'user-agent': 'handover-probe',
        'x-request-id': given,
        ...(asked.form && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...wire.headers(),
        ...asked.headers,
      },
      body: asked.form?.toString() ?? null,
      signal: wire.signal === undefined ? limit : AbortSignal.any([limit, wire.signal]),
      headersTimeout: wire.stepLimitMs,
      bodyTimeout: wire.stepLimitMs,
    })
    const text = await textOf(answer.body)
    const one = (name: string) => firstOf(answer.headers[name])
    const side = one('x-handover-destination')
    return {
      url,
      status: answer.statusCode,
      location: one('location'),
      setCookies: [answer.headers['set-cookie'] ?? []].flat(),
      contentType: one('content-type') ?? '',
      retryAfter: one('retry-after'),
      text,
      json: objectIn(text),
      side: side === 'rails' || side === 'iam' ? side : undefined,
      reason: plainWord(one('x-handover-reason')),
      requestId: plainWord(one('x-handover-request-id') ?? one('x-request-id')) ?? given,
    }
  } catch (error) {
    if (error instanceof ProbeFault) throw error
    throw new ProbeFault(codeOf(error), { cause: error })
  }
}

/**
 * Sends one request and closes the connection as soon as its response begins, without reading it: the server has
 * processed the request, and the client never learns the result. Resolves with the status.
 */
export async function sendAndLoseAnswer(wire: WireSettings, asked: ProbeRequest): Promise<void> {
  const abort = new AbortController()
  const limit = AbortSignal.timeout(wire.stepLimitMs)
  try {
    const answer = await request(new URL(asked.url, wire.origin), {
      method: asked.method,
      headers: {
        'user-agent': 'handover-probe',
        'content-type': 'application/x-www-form-urlencoded',
        ...wire.headers(),
        ...asked.headers,
      },
      body: asked.form?.toString() ?? null,
      reset: true,
      signal: AbortSignal.any([limit, abort.signal, ...(wire.signal ? [wire.signal] : [])]),
    })
    answer.body.on('error', () => {})
    abort.abort()
  } catch (error) {
    if (!abort.signal.aborted) throw new ProbeFault(codeOf(error), { cause: error })
  }
}

/** The OAuth error of a response (RFC 6749 §5.2), bounded to the codes that OAuth defines. */
export function oauthErrorOf({ json }: ProbeAnswer): string | undefined {
  const error = json?.['error']
  return typeof error === 'string' ? boundedError(error) : undefined
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > BODY_LIMIT) throw new ProbeFault('too_large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

/** What another server says is kept only if it is a plain word: it is stored and printed. */
function plainWord(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w.:-]{1,128}$/.test(text) ? text : undefined
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unreachable'
  if (error.name === 'TimeoutError' || error.name.includes('Timeout') || error.name === 'AbortError') return 'timed_out'
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_')
    ? 'cut_off'
    : 'unreachable'
}
