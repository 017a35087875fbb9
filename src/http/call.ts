import { request } from 'undici'
import { currentRequest } from '../observability/index.ts'
import { CallError } from './errors.ts'

/** One call to another server: JSON in both directions. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as lines of JSON (`application/x-ndjson`), each ended by a line feed; in place of `json`. */
  readonly lines?: readonly string[]
  /** Time limit of the complete call, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number
}

/** The response; `json` is undefined if the body is empty or not JSON. */
export interface CallAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly json: unknown
  readonly text: string
}

const ANSWER_LIMIT = 64 << 20

/**
 * Calls another server with a time limit, and follows no redirect. A call made while handling a request carries its
 * correlation id and its trace. Resolves with any status; rejects with {@link CallError} if there is no response. The
 * error message contains the address without its query, never a header or body.
 */
export async function call(options: Call): Promise<CallAnswer> {
  const underWay = currentRequest()
  const span = underWay?.span?.call(options.method)
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...(underWay && { 'x-request-id': underWay.correlationId }),
    ...(span && { traceparent: span.traceparent }),
    ...options.headers,
  }
  const body = bodyOf(options)
  if (body !== null) headers['content-type'] = options.lines ? 'application/x-ndjson' : 'application/json'
  const timeout = options.timeoutMs ?? 5_000
  try {
    const answer = await request(options.url, {
      method: options.method,
      headers,
      body,
      signal: AbortSignal.timeout(timeout),
      headersTimeout: timeout,
      bodyTimeout: timeout,
    })
    const text = await textOf(answer.body)
    span?.set('http.response.status_code', answer.statusCode)
    span?.end(answer.statusCode >= 500)
    return { status: answer.statusCode, headers: answer.headers, json: parseJson(text), text }
  } catch (error) {
    span?.end(true)
    const timedOut = error instanceof Error && (error.name === 'TimeoutError' || error.name.includes('Timeout'))
    const where = options.url.split('?')[0]
    const why = timedOut ? `no answer within ${timeout} ms` : messageOf(error)
    throw new CallError(`${options.method} ${where}: ${why}`, { cause: error, timedOut })
  }
}

function bodyOf({ json, lines }: Call): string | null {
  if (lines !== undefined) return lines.map((line) => `${line}\n`).join('')
  return json === undefined ? null : JSON.stringify(json)
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > ANSWER_LIMIT) throw new Error('answer too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  const code = (error as NodeJS.ErrnoException).code ?? (error.cause as NodeJS.ErrnoException | undefined)?.code
  return code ?? error.message
}
