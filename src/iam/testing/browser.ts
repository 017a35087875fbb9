/** The last answer that a browser receives. */
export interface Visit {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  /** The address of this answer. */
  readonly url: string
  /** The absolute target of the last answer; undefined when it is not a redirect. */
  readonly location: URL | undefined
  /** The paths visited on the way. */
  readonly hops: readonly string[]
}

/** A browser that keeps cookies, follows redirects within one origin, and stops at any other origin. */
export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  /** Sends one request without following redirects. */
  async once(url: string, init: RequestInit = {}): Promise<Visit> {
    const address = new URL(url, this.#origin)
    const headers = new Headers(init.headers)
    if (this.cookies.size > 0) headers.set('cookie', [...this.cookies].map((pair) => pair.join('=')).join('; '))
    const answer = await fetch(address, { ...init, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) this.#keep(line)
    const location = answer.headers.get('location')
    return {
      status: answer.status,
      headers: answer.headers,
      body: await answer.text(),
      url: address.href,
      location: location === null ? undefined : new URL(location, address),
      hops: [],
    }
  }

  /** Sends a request and follows redirects within the origin. */
  async go(url: string, init: RequestInit = {}): Promise<Visit> {
    let visit = await this.once(url, init)
    const hops: string[] = []
    while (visit.location && visit.location.origin === this.#origin) {
      if (visit.location.pathname === '/oauth/authorize/native') break
      if (hops.length === 12) throw new Error(`too many redirects: ${hops.join(' ')}`)
      hops.push(visit.location.pathname)
      visit = await this.once(visit.location.href)
    }
    return { ...visit, hops }
  }

  #keep(line: string): void {
    const [pair = ''] = line.split(';')
    const equals = pair.indexOf('=')
    if (/max-age=0/i.test(line)) this.cookies.delete(pair.slice(0, equals))
    else this.cookies.set(pair.slice(0, equals), pair.slice(equals + 1))
  }
}
