import type { Answer } from './transport.ts'

/** The cookies of one browser, all of one origin. */
export class CookieJar {
  readonly #cookies = new Map<string, string>()

  /** The `Cookie` header to send; undefined when there is none. */
  header(): string | undefined {
    const pairs = Array.from(this.#cookies, ([name, value]) => `${name}=${value}`)
    return pairs.length === 0 ? undefined : pairs.join('; ')
  }

  /** The headers to send: `Cookie`, or none. */
  headers(): Record<string, string> {
    const cookie = this.header()
    return cookie === undefined ? {} : { Cookie: cookie }
  }

  /** Keeps what an answer sets, and forgets what it takes back. */
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
