import { Pool } from 'undici'

/** A complete HTTP response. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** The absolute target of a redirect. */
  readonly location: URL | undefined
  /** The gateway that handled the request. */
  readonly gateway: number
}

/** There was no response, or only part of one. */
export interface Lost {
  readonly lost: string
  readonly gateway: number
}

export interface WebRequest {
  readonly method: 'GET' | 'POST'
  /** At the issuer. */
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
  readonly jar?: Jar | undefined
}

const LIMIT_MS = 40_000

/** The cookies of one browser at the issuer; several flows may share them, as tabs do. */
export class Jar {
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>()

  header(path: string): string {
    const pairs: string[] = []
    for (const [name, { value, path: under }] of this.#cookies) {
      const isWithin = under === '/' || path === under || path.startsWith(under.endsWith('/') ? under : `${under}/`)
      if (isWithin) pairs.push(`${name}=${value}`)
    }
    return pairs.join('; ')
  }

  keep(line: string): void {
    const [pair = '', ...attributes] = line.split(/;\s*/)
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals)
    const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? '/'
    if (attributes.some((one) => /^max-age=0$/i.test(one))) this.#cookies.delete(name)
    else this.#cookies.set(name, { value: pair.slice(equals + 1), path })
  }
}

/** Clients and browsers as the gateways see them: each request goes to the selected gateway. */
export class Web {
  readonly issuer: URL
  readonly #pools: readonly Pool[]

  /** @param gateways base addresses; the first one is the issuer's */
  constructor(issuer: string, gateways: readonly string[]) {
    this.issuer = new URL(issuer)
    this.#pools = gateways.map(
      (origin) => new Pool(origin, { connections: 256, headersTimeout: LIMIT_MS, bodyTimeout: LIMIT_MS }),
    )
  }

  get gateways(): number {
    return this.#pools.length
  }

  /** Sends a request. Never rejects: a connection failure resolves to {@link Lost}. */
  async send(request: WebRequest, gateway: number): Promise<Answer | Lost> {
    const { url, jar, form } = request
    const headers: Record<string, string> = { host: this.issuer.host, accept: '*/*', ...request.headers }
    const cookie = jar?.header(url.pathname)
    if (cookie) headers['cookie'] = cookie
    if (jar !== undefined) headers['accept'] = 'text/html'
    if (form !== undefined) {
      headers['content-type'] = 'application/x-www-form-urlencoded'
      if (jar !== undefined) headers['origin'] = this.issuer.origin
    }
    const body = form === undefined ? null : new URLSearchParams(form).toString()
    try {
      const pool = this.#pools[gateway % this.#pools.length] as Pool
      const answer = await pool.request({ method: request.method, path: url.pathname + url.search, headers, body })
      const text = await answer.body.text()
      const lines = answer.headers['set-cookie'] ?? []
      for (const line of typeof lines === 'string' ? [lines] : lines) jar?.keep(line)
      const location = answer.headers['location']
      return {
        ...{ status: answer.statusCode, headers: answer.headers, body: text, gateway },
        location: typeof location === 'string' ? new URL(location, this.issuer) : undefined,
      }
    } catch (error) {
      return { lost: (error as NodeJS.ErrnoException).code ?? (error as Error).name, gateway }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()))
  }
}
