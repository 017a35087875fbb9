import { type Form, formsIn } from '../../src/probes/index.ts'
import { WAIT_LIMIT_MS } from './wait.ts'

/** A page or redirect as a browser received it. */
export interface Page {
  readonly url: URL
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The absolute target of a redirect; undefined when it is not a redirect. */
  readonly location: URL | undefined
  readonly forms: readonly Form[]
}

export interface Visit {
  readonly method?: string
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>> | URLSearchParams
  readonly headers?: Readonly<Record<string, string>>
}

const MAX_HOPS = 20

/**
 * A browser without scripts for tests: it keeps cookies per host (as browsers do, for all ports), submits forms, and
 * follows redirects only on request. It has no cache and ignores `Secure`, because the tests use plain HTTP.
 */
export class Browser {
  readonly #cookies = new Map<string, Map<string, { readonly value: string; readonly path: string }>>()

  /** Sends one request; a redirect is returned like any other answer. */
  async visit(address: string | URL, visit: Visit = {}): Promise<Page> {
    const url = new URL(address)
    const headers = new Headers(visit.headers)
    const cookie = this.#cookieHeader(url)
    if (cookie !== '' && !headers.has('cookie')) headers.set('cookie', cookie)
    const body = visit.form === undefined ? null : new URLSearchParams(visit.form)
    if (body && !headers.has('origin')) headers.set('origin', url.origin)
    const method = visit.method ?? (body ? 'POST' : 'GET')
    const signal = AbortSignal.timeout(WAIT_LIMIT_MS)
    const answer = await fetch(url, { method, headers, body, redirect: 'manual', signal })
    for (const line of answer.headers.getSetCookie()) this.#keep(url, line)
    const text = await answer.text()
    const location = answer.headers.get('location')
    return {
      url,
      status: answer.status,
      headers: answer.headers,
      text,
      location: location === null ? undefined : new URL(location, url),
      forms: formsIn(text, url),
    }
  }

  /**
   * Follows redirects by GET up to a page, or up to a redirect whose target begins with `stopAt` (a client's callback,
   * for example), which is returned without visiting the target.
   */
  async follow(page: Page, stopAt?: string): Promise<Page> {
    let current = page
    for (let hops = 0; current.location !== undefined; hops++) {
      if (stopAt !== undefined && current.location.href.startsWith(stopAt)) return current
      if (hops === MAX_HOPS)
        throw new Error(`more than ${MAX_HOPS} redirects, the last to ${current.location.pathname}`)
      current = await this.visit(current.location)
    }
    return current
  }

  /** {@link visit}, then {@link follow}. */
  async open(address: string | URL, stopAt?: string): Promise<Page> {
    return this.follow(await this.visit(address), stopAt)
  }

  /** Submits a form of the page with `fields` filled in, and follows redirects. */
  async submit(form: Form, fields: Readonly<Record<string, string>> = {}, stopAt?: string): Promise<Page> {
    const filled = new URLSearchParams({ ...Object.fromEntries(form.fields), ...fields })
    if (form.method === 'GET') {
      const url = new URL(form.action)
      url.search = filled.toString()
      return this.open(url, stopAt)
    }
    return this.follow(await this.visit(form.action, { method: 'POST', form: filled }), stopAt)
  }

  /** The names of the cookies that it would send to an address. */
  cookieNames(address: string | URL): string[] {
    return this.#matching(new URL(address)).map(([name]) => name)
  }

  /** The cookies that it would send to an address, by name. */
  cookieValues(address: string | URL): Record<string, string> {
    return Object.fromEntries(this.#matching(new URL(address)).map(([name, { value }]) => [name, value]))
  }

  /** Deletes every cookie. */
  clear(): void {
    this.#cookies.clear()
  }

  #cookieHeader(url: URL): string {
    return this.#matching(url)
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }

  #matching(url: URL) {
    const jar = this.#cookies.get(url.hostname) ?? new Map<string, { value: string; path: string }>()
    return [...jar].filter(([, { path }]) => covers(path, url.pathname))
  }

  #keep(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const mark = pair.indexOf('=')
    if (mark < 1) return
    const read = (name: string) => {
      const found = attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))
      return found?.slice(name.length + 1)
    }
    const jar = this.#cookies.get(url.hostname) ?? new Map()
    this.#cookies.set(url.hostname, jar)
    const name = pair.slice(0, mark)
    const maxAge = read('max-age')
    const expires = read('expires')
    const isGone = maxAge === undefined ? Date.parse(expires ?? '') <= Date.now() : Number(maxAge) <= 0
    if (isGone) jar.delete(name)
    else jar.set(name, { value: pair.slice(mark + 1), path: read('path') ?? '/' })
  }
}

function covers(path: string, requested: string): boolean {
  if (path === '/' || requested === path) return true
  return requested.startsWith(path.endsWith('/') ? path : `${path}/`)
}
