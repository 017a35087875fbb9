import type { Answer } from './transport.ts'

/** The cookies of one browser for one origin. */
export class CookieJar {
  readonly #cookies = new Map<string, string>()

  /** The `Cookie` header to send; undefined without cookies. */
  header(): string | undefined {
    const pairs = Array.from(this.#cookies, ([name, value]) => `${name}=${value}`)
    return pairs.length === 0 ? undefined : pairs.join('; ')
  }

  /** The headers to send: `Cookie`, or none. */
  headers(): Record<string, string> {
    const cookie = this.header()
    return cookie === undefined ? {} : { Cookie: cookie }
  }

  /** Stores the cookies that a response sets, and removes those that it deletes. */
  take(answer: Answer): void {
    for (const line of answer.headers['set-cookie'] ?? []) {
      const pair = line.split(';', 1)[0] ?? ''
      const at = pair.indexOf('=')
      const name = pair.slice(0, at)
      if (/max-age=0|expires=Thu, 01.Jan.1970/i.test(line)) this.#cookies.delete(name)
      else this.#cookies.set(name, pair.slice(at + 1))
    }
  }
}
