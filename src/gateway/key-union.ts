import { createHash } from 'node:crypto'
import type { Log } from '../observability/index.ts'
import { responseRule } from './header-rules.ts'
import type { LocalAnswer } from './local-answers.ts'
import type { Upstream } from './upstream.ts'

const PATH = '/oauth/discovery/keys'
const FRESH_MS = 60_000
const KEPT_MS = 24 * 3_600_000
/** After a failed fetch the next one waits this long, so that a dead side does not slow every request. */
const RETRY_MS = 5_000
const MAX_BYTES = 256 << 10
/** Asks legacy how it answers other origins (the Fetch standard's CORS protocol). */
const PROBE_ORIGIN = 'https://origin.invalid'

/** The key set of one side as last fetched. */
interface KeySet {
  readonly document: Record<string, unknown>
  readonly keys: readonly unknown[]
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly fetchedAt: number
}

/**
 * The signing keys of both sides as one key set (RFC 7517 §5), so that what either signed can be verified. Each side
 * is fetched at most once a minute and its last good keys are kept for a day while it cannot be reached.
 */
export class KeyUnion {
  readonly #legacy: SideKeys
  readonly #iam: SideKeys

  constructor(legacy: Upstream, iam: Upstream, options: { root: string; timeoutMs: number; log: Log }) {
    this.#legacy = new SideKeys(legacy, options.root + PATH, options.timeoutMs, options.log)
    this.#iam = new SideKeys(iam, PATH, options.timeoutMs, options.log)
  }

  /** The answer for the keys endpoint, with legacy's headers; undefined while legacy's keys are not known. */
  async answer(origin: string | undefined, ifNoneMatch: string | undefined): Promise<LocalAnswer | undefined> {
    const [legacy, iam] = await Promise.all([this.#legacy.current(), this.#iam.current()])
    if (legacy === undefined) return undefined
    const body = JSON.stringify({ ...legacy.document, keys: union(legacy.keys, iam?.keys ?? []) })
    const tag = `W/"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`
    const headers = keptHeaders(legacy.headers, origin)
    headers.push(['ETag', tag])
    const isKnown = ifNoneMatch?.split(',').some((known) => known.trim() === tag || known.trim() === '*')
    if (!isKnown) return { status: 200, headers, body }
    return { status: 304, headers: headers.filter(([name]) => name.toLowerCase() !== 'content-type'), body: '' }
  }
}

function union(first: readonly unknown[], second: readonly unknown[]): unknown[] {
  const seen = new Set(first.map((key) => JSON.stringify(key)))
  return [...first, ...second.filter((key) => !seen.has(JSON.stringify(key)))]
}

const NOT_KEPT =
  /^(content-length|content-encoding|etag|date|set-cookie|x-request-id|x-runtime|age|last-modified|server-timing)$/

function keptHeaders(headers: KeySet['headers'], origin: string | undefined): Array<readonly [string, string]> {
  const allowed = headers['access-control-allow-origin']
  const kept: Array<readonly [string, string]> = []
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' || NOT_KEPT.test(name) || responseRule(name) !== 'pass') continue
    if (!name.startsWith('access-control-')) kept.push([titleCase(name), value])
    else if (origin !== undefined) {
      kept.push([titleCase(name), name === 'access-control-allow-origin' && allowed === PROBE_ORIGIN ? origin : value])
    }
  }
  return kept
}

function titleCase(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (initial) => initial.toUpperCase())
}

/** One side's keys, fetched when needed and kept. */
class SideKeys {
  readonly #upstream: Upstream
  readonly #path: string
  readonly #timeoutMs: number
  readonly #log: Log
  #held: KeySet | undefined
  #fetching: Promise<void> | undefined
  #notBefore = 0

  constructor(upstream: Upstream, path: string, timeoutMs: number, log: Log) {
    this.#upstream = upstream
    this.#path = path
    this.#timeoutMs = timeoutMs
    this.#log = log
  }

  async current(): Promise<KeySet | undefined> {
    const now = performance.now()
    const age = this.#held === undefined ? Number.POSITIVE_INFINITY : now - this.#held.fetchedAt
    if (age >= FRESH_MS && now >= this.#notBefore) {
      this.#fetching ??= this.#fetch().finally(() => {
        this.#fetching = undefined
      })
    }
    if (age >= FRESH_MS) await this.#fetching
    const held = this.#held
    return held !== undefined && performance.now() - held.fetchedAt < KEPT_MS ? held : undefined
  }

  async #fetch(): Promise<void> {
    try {
      this.#held = await fetchKeys(this.#upstream, this.#path, this.#timeoutMs)
    } catch (error) {
      this.#notBefore = performance.now() + RETRY_MS
      const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message
      this.#log.warn({ upstream: this.#upstream.destination, cause }, 'signing keys could not be fetched')
    }
  }
}

async function fetchKeys(upstream: Upstream, path: string, timeoutMs: number): Promise<KeySet> {
  const { statusCode, headers, body } = await upstream.pool.request({
    method: 'GET',
    path,
    headers: { accept: 'application/json', origin: PROBE_ORIGIN },
    signal: AbortSignal.timeout(timeoutMs),
  })
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Error('the key set is too large')
    chunks.push(chunk)
  }
  if (statusCode !== 200) throw new Error(`status ${statusCode}`)
  const document = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown> | null
  const keys = document?.['keys']
  if (document === null || !Array.isArray(keys)) throw new Error('not a key set')
  return { document, keys, headers, fetchedAt: performance.now() }
}
