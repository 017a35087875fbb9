import { createHmac, randomUUID } from 'node:crypto'
import { Agent, request } from 'undici'
import { causeInWords } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import type { DecisionSourceSettings } from '../settings.ts'
import { NOBODY } from '../upstream/circuit/breaker.ts'
import { Circuit, type ProbeResult } from '../upstream/circuit/circuit.ts'
import type { ClientLookup, DecisionSource, KnownAs, LookupRequest } from './source.ts'

const DEFAULT_PATH = '/-/oauth/iam_routing'
const CONTENT_TYPE = 'application/vnd.gitlab-workhorse+json'
/** A client id that belongs to no client. */
const PROBE_CLIENT = 'handover-probe'
const MAX_ANSWER_BYTES = 32 << 10
/** A signature is reused for this long; the endpoint accepts it for 90 s. */
const SIGNATURE_LIFE_MS = 5_000

/** How to reach the routing endpoint. */
export type RoutingEndpointSettings = Extract<DecisionSourceSettings, { kind: 'endpoint' }>

/**
 * Queries an endpoint for each request to find out where a client goes. Only a 200 with the vendor's content type and
 * `iam` means IAM; `rails` means that the flag is off; anything else, and a timeout, counts as unavailable. Consecutive
 * failures trigger a probe with a client id that does not exist. If the probe fails too, the endpoint is not queried
 * until a probe succeeds. A dead endpoint thus does not slow every request, and no single client id that it fails for
 * closes it to others.
 */
export class RoutingEndpoint implements DecisionSource {
  readonly version = undefined
  readonly snapshot = undefined
  readonly brake = false
  readonly unknownClientsToIam = false
  readonly isAvailable = true
  readonly #address: string
  readonly #secret: Uint8Array
  readonly #timeoutMs: number
  readonly #log: Log
  readonly #circuit: Circuit
  readonly #agent: Agent
  #heardAt: number | undefined
  #signature = ''
  #signedAt = Number.NEGATIVE_INFINITY

  constructor(settings: RoutingEndpointSettings, timeoutMs: number, log: Log) {
    const url = new URL(settings.url)
    if (url.pathname === '/') url.pathname = DEFAULT_PATH
    url.search = ''
    this.#address = url.href
    this.#secret = settings.secret
    this.#timeoutMs = timeoutMs
    this.#log = log
    this.#circuit = new Circuit('routing endpoint', { openMaxMs: 5_000 }, log, () => this.#probe())
    this.#agent = new Agent({ connect: { timeout: timeoutMs } })
  }

  get ageMs(): number | undefined {
    return this.#heardAt === undefined ? undefined : performance.now() - this.#heardAt
  }

  knownAs(): KnownAs {
    return 'unresolved'
  }

  async lookUp(clientId: string, request: LookupRequest): Promise<ClientLookup> {
    if (this.#circuit.isOpen) return 'unavailable'
    try {
      const status = await this.#ask(clientId, request)
      this.#heardAt = performance.now()
      this.#circuit.succeeded({ sender: NOBODY })
      return status
    } catch (error) {
      this.#circuit.failed(NOBODY)
      this.#log.warn(
        { correlation_id: request.correlationId, cause: causeInWords(error) },
        'the routing endpoint gave no decision',
      )
      return 'unavailable'
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
    await this.#circuit.close()
  }

  async #probe(): Promise<ProbeResult> {
    try {
      await this.#ask(PROBE_CLIENT, { correlationId: randomUUID(), traceparent: undefined })
      this.#heardAt = performance.now()
      return { hasSucceeded: true, finding: 'an answer' }
    } catch (error) {
      return { hasSucceeded: false, finding: causeInWords(error) }
    }
  }

  async #ask(clientId: string, { correlationId, traceparent }: LookupRequest): Promise<ClientLookup> {
    const { statusCode, headers, body } = await request(
      `${this.#address}?client_id=${encodeURIComponent(clientId.toWellFormed())}`,
      {
        method: 'POST',
        dispatcher: this.#agent,
        headers: {
          accept: CONTENT_TYPE,
          'content-length': '0',
          'gitlab-workhorse-api-request': this.#sign(),
          'x-request-id': correlationId,
          ...(traceparent === undefined ? {} : { traceparent }),
        },
        signal: AbortSignal.timeout(this.#timeoutMs),
      },
    )
    const text = await shortText(body)
    if (statusCode !== 200) throw new Error(`status ${statusCode}`)
    if (mediaTypeOf(headers['content-type']) !== CONTENT_TYPE) throw new Error('unexpected content type')
    return statusIn(text)
  }

  /** A JWT in the form that the endpoint requires (RFC 7519, HS256). */
  #sign(): string {
    const now = Date.now()
    if (now - this.#signedAt < SIGNATURE_LIFE_MS && now >= this.#signedAt) return this.#signature
    const header = base64url({ alg: 'HS256', typ: 'JWT' })
    const payload = base64url({ iss: 'gitlab-workhorse', iat: Math.floor(now / 1_000) })
    const mac = createHmac('sha256', this.#secret).update(`${header}.${payload}`).digest('base64url')
    this.#signedAt = now
    this.#signature = `${header}.${payload}.${mac}`
    return this.#signature
  }
}

function mediaTypeOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header.split(';', 1)[0]?.trim() : undefined
}

function base64url(document: unknown): string {
  return Buffer.from(JSON.stringify(document)).toString('base64url')
}

/** Throws for a response with neither `iam` nor `rails`. */
function statusIn(text: string): ClientLookup {
  const document = parsed(text)
  const said =
    document !== null && typeof document === 'object' ? (document as { destination?: unknown }).destination : undefined
  if (said === 'iam') return { applicationId: undefined, flag: 'on' }
  if (said === 'rails') return { applicationId: undefined, flag: 'off' }
  throw new Error('unknown destination')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error('answer is not JSON', { cause: error })
  }
}

async function shortText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new Error('answer too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
