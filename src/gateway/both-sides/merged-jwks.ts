import { createHash } from 'node:crypto'
import { causeInWords } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import type { Destination } from '../../routing/index.ts'
import { responseRule } from '../headers/header-rules.ts'
import type { LocalResponse } from '../responses/local-responses.ts'
import type { Upstream } from '../upstream/upstream.ts'

const EVERY_MS = 60_000
const KEPT_MS = 24 * 3_600_000
/** Minimum time after a failed fetch before the next background fetch, and between fetches for the same unknown key. */
const RETRY_MS = 5_000
/** Minimum time between two fetches that a request waits for. */
const NEEDED_MS = 250
/**
 * Maximum number of unknown keys that cause a fetch within {@link RETRY_MS}: a key set changes by one key at a time.
 */
const MAX_UNKNOWN = 2
/** Failing to fetch keys for this long is logged as an error. */
const ALARM_MS = 10 * 60_000
const MAX_BYTES = 256 << 10
const MAX_SEEN = 200
/** Shows how legacy responds to other origins (the Fetch standard's CORS protocol). */
const PROBE_ORIGIN = 'https://origin.invalid'

/** The key set of one side as last fetched. */
interface KeySet {
  readonly document: Record<string, unknown>
  readonly keys: readonly unknown[]
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly fetchedAt: number
}

/** Seconds since a side's keys were last fetched; -1 if never. */
export type KeyAges = Readonly<Record<Destination, number>>

/**
 * The signing keys of both sides as one key set (RFC 7517 §5), so that clients can verify what either signed. Keys are
 * fetched in the background, `aheadMs` after startup and then once a minute; the last good ones are kept for a day
 * while a side is unreachable. A token that passes through with an unknown key triggers one fetch from its side.
 */
export class MergedJwks {
  readonly #sides: Readonly<Record<Destination, SideKeys>>
  readonly #ahead: NodeJS.Timeout
  #every: NodeJS.Timeout | undefined
  /** JWT headers with a known key. */
  readonly #seen = new Set<string>()

  constructor(
    legacy: Upstream,
    iam: Upstream,
    options: { paths: Readonly<Record<Destination, string>>; timeoutMs: number; aheadMs: number; log: Log },
  ) {
    const { paths, timeoutMs, aheadMs, log } = options
    this.#sides = {
      legacy: new SideKeys(legacy, paths.legacy, timeoutMs, log),
      iam: new SideKeys(iam, paths.iam, timeoutMs, log),
    }
    this.#ahead = setTimeout(() => this.#keepFresh(), aheadMs).unref()
  }

  /** Returns the response of the keys endpoint, with legacy's headers; undefined while legacy's keys are unknown. */
  async answer(origin: string | undefined, ifNoneMatch: string | undefined): Promise<LocalResponse | undefined> {
    this.#keepFresh()
    const [legacy, iam] = await Promise.all([this.#sides.legacy.current(), this.#sides.iam.current()])
    if (legacy === undefined) return undefined
    const body = JSON.stringify({ ...legacy.document, keys: union(legacy.keys, iam?.keys ?? []) })
    const tag = `W/"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`
    const headers = keptHeaders(legacy.headers, origin)
    headers.push(['ETag', tag])
    if (iam === undefined) forbidStoring(headers)
    const isKnown = ifNoneMatch?.split(',').some((known) => known.trim() === tag || known.trim() === '*')
    if (!isKnown) return { status: 200, headers, body }
    return { status: 304, headers: headers.filter(([name]) => name.toLowerCase() !== 'content-type'), body: '' }
  }

  /** Inspects the tokens that a side has just issued: a token signed with an unknown key triggers a fetch. */
  see(side: Destination, text: string): void {
    if (!text.includes('eyJ')) return
    for (const [, head = ''] of text.matchAll(SIGNED)) {
      if (this.#seen.has(head)) continue
      if (this.#seen.size >= MAX_SEEN) this.#seen.clear()
      const kid = kidOf(head)
      if (kid === undefined || this.#sides[side].holds(kid)) this.#seen.add(head)
      else this.#sides[side].renewFor(kid)
    }
  }

  get ages(): KeyAges {
    return { legacy: this.#sides.legacy.age, iam: this.#sides.iam.age }
  }

  close(): void {
    clearTimeout(this.#ahead)
    clearInterval(this.#every)
    for (const side of Object.values(this.#sides)) side.close()
  }

  #keepFresh(): void {
    if (this.#every !== undefined) return
    clearTimeout(this.#ahead)
    const fetchBoth = () => {
      for (const side of Object.values(this.#sides)) side.renew('ahead')
    }
    fetchBoth()
    this.#every = setInterval(fetchBoth, EVERY_MS).unref()
  }
}

/** A JWT as the value of a member, with or without a prefix; captures its header. */
const SIGNED = /"(?:id_token|access_token)"\s*:\s*"[A-Za-z_-]{0,16}(eyJ[A-Za-z0-9_-]{1,1000})\./g

function kidOf(head: string): string | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(head, 'base64url').toString('utf8'))
    const kid = header !== null && typeof header === 'object' ? (header as { kid?: unknown }).kid : undefined
    return typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined
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

/** Clients must not cache half a key set. */
function forbidStoring(headers: Array<readonly [string, string]>): void {
  const at = headers.findIndex(([name]) => name.toLowerCase() === 'cache-control')
  headers.splice(at < 0 ? headers.length : at, at < 0 ? 0 : 1, ['Cache-Control', 'no-store'])
}

function titleCase(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (initial) => initial.toUpperCase())
}

/** One side's keys, as last fetched. */
class SideKeys {
  readonly #upstream: Upstream
  readonly #path: string
  readonly #timeoutMs: number
  readonly #log: Log
  readonly #since = performance.now()
  #held: KeySet | undefined
  #fetching: Promise<void> | undefined
  /** A request waits for the fetch in progress. */
  #isNeeded = false
  /** A key was missing during a fetch that may have begun before the key existed. */
  #isMissed = false
  #triedAt = Number.NEGATIVE_INFINITY
  #retry: NodeJS.Timeout | undefined
  /** Unknown keys that triggered a fetch, and when. */
  readonly #askedFor = new Map<string, number>()

  constructor(upstream: Upstream, path: string, timeoutMs: number, log: Log) {
    this.#upstream = upstream
    this.#path = path
    this.#timeoutMs = timeoutMs
    this.#log = log
  }

  /** Seconds since the last successful fetch; -1 if never. */
  get age(): number {
    return this.#held === undefined ? -1 : (performance.now() - this.#held.fetchedAt) / 1_000
  }

  holds(kid: string): boolean {
    return this.#held?.keys.some((key) => (key as { kid?: unknown } | null)?.kid === kid) ?? false
  }

  /** Fetches, unless a fetch is in progress or was just tried. Requests wait for a fetch that is `needed`. */
  renew(why: 'ahead' | 'needed'): void {
    const now = performance.now()
    if (this.#fetching === undefined) {
      if (now - this.#triedAt < (why === 'needed' ? NEEDED_MS : RETRY_MS)) return
      this.#begin()
    }
    if (why === 'needed') this.#isNeeded = true
  }

  /** Fetches because a token named this key: once per key, and for a few keys at a time. */
  renewFor(kid: string): void {
    const now = performance.now()
    for (const [known, at] of this.#askedFor) if (now - at >= RETRY_MS) this.#askedFor.delete(known)
    if (this.#askedFor.has(kid) || this.#askedFor.size >= MAX_UNKNOWN) return
    this.#askedFor.set(kid, now)
    if (this.#fetching === undefined) this.#begin()
    else this.#isMissed = true
    this.#isNeeded = true
  }

  /** Returns the current keys; first waits for a fetch in progress if the current keys are not sufficient. */
  async current(): Promise<KeySet | undefined> {
    if (this.#held === undefined) this.renew('needed')
    if (this.#isNeeded || this.#held === undefined) await this.#fetching
    const held = this.#held
    return held !== undefined && performance.now() - held.fetchedAt < KEPT_MS ? held : undefined
  }

  close(): void {
    clearTimeout(this.#retry)
  }

  #begin(): void {
    clearTimeout(this.#retry)
    this.#fetching = this.#fetchAll().finally(() => {
      this.#fetching = undefined
      this.#isNeeded = false
    })
  }

  async #fetchAll(): Promise<void> {
    do {
      this.#isMissed = false
      this.#triedAt = performance.now()
      await this.#fetch()
    } while (this.#isMissed)
  }

  async #fetch(): Promise<void> {
    try {
      this.#held = await fetchKeys(this.#upstream, this.#path, this.#timeoutMs)
    } catch (error) {
      this.#askedFor.clear()
      const cause = causeInWords(error)
      const outFor = performance.now() - (this.#held?.fetchedAt ?? this.#since)
      const level = outFor > ALARM_MS ? 'error' : 'warn'
      const fields = { upstream: this.#upstream.destination, cause, age_seconds: Math.round(this.age) }
      this.#log[level](fields, 'signing keys could not be fetched')
      this.#retry = setTimeout(() => this.renew('ahead'), RETRY_MS).unref()
    }
  }
}

async function fetchKeys(upstream: Upstream, path: string, timeoutMs: number): Promise<KeySet> {
  const { statusCode, headers, body } = await upstream.pool.request({
    method: 'GET',
    path,
    // A platform that enforces HTTPS would otherwise respond with a redirect.
    headers: { accept: 'application/json', origin: PROBE_ORIGIN, 'x-forwarded-proto': 'https' },
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
