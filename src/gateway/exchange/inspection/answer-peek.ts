import { boundedError } from '../../../credentials/index.ts'
import type { Endpoint } from '../../../routing/index.ts'

/** Answers longer than this are not looked into: two signed tokens at their longest fit. */
const PEEK_LIMIT = 32 << 10

/** The error that a redirect carries to a client, in its query or its fragment (RFC 6749 §4.1.2.1 and §4.2.2.1). */
export function errorInRedirect(location: string): string | undefined {
  const code = /[?&#]error=([^&#]*)/.exec(location)?.[1]
  return code ? boundedError(code) : undefined
}

/** Whether an answer is worth a look: a JSON error, or something issued. */
export function isWorthPeeking(endpoint: Endpoint, status: number, isJson: boolean): boolean {
  return isJson && (status >= 400 || (status === 200 && (endpoint === 'token' || endpoint === 'authorize_device')))
}

/** Looks at a small answer as it passes by, without holding it up. */
export class AnswerPeek {
  readonly #chunks: Buffer[] = []
  #size = 0

  see(chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size <= PEEK_LIMIT) this.#chunks.push(chunk)
    else this.#chunks.length = 0
  }

  /** The whole answer; empty where it is too long. */
  text(): string {
    const [first] = this.#chunks
    if (first === undefined || this.#size > PEEK_LIMIT) return ''
    return (this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)).toString('utf8')
  }

  /** The OAuth error of the answer, bounded. */
  error(): string | undefined {
    const text = this.text()
    if (text === '') return undefined
    try {
      const document: unknown = JSON.parse(text)
      const code =
        document !== null && typeof document === 'object' ? (document as { error?: unknown }).error : undefined
      return typeof code === 'string' && code !== '' ? boundedError(code) : undefined
    } catch {
      return undefined
    }
  }

  /** Whether the answer holds an access token. It is only looked for, never read. */
  holdsAccessToken(): boolean {
    for (const chunk of this.#chunks) if (chunk.includes('"access_token"')) return true
    return false
  }
}
