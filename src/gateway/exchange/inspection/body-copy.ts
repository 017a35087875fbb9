import { boundedError } from '../../../credentials/index.ts'
import type { Endpoint } from '../../../routing/index.ts'
import { bodyShape } from './body-shape.ts'

/** Maximum size of a response that is inspected, in bytes: two signed tokens of maximum length fit. */
const INSPECTED_BYTES = 32 << 10

/** Returns the bounded error code in the query or fragment of a redirect (RFC 6749 §4.1.2.1 and §4.2.2.1), if any. */
export function errorInRedirect(location: string): string | undefined {
  const code = /[?&#]error=([^&#]*)/.exec(location)?.[1]
  return code ? boundedError(code) : undefined
}

/** Whether to inspect a response: a JSON error, or JSON that may issue a credential. */
export function isWorthInspecting(endpoint: Endpoint, status: number, isJson: boolean): boolean {
  return isJson && (status >= 400 || (status === 200 && (endpoint === 'token' || endpoint === 'authorize_device')))
}

/** Keeps a copy of a small response as it streams through, without delaying it. */
export class BodyCopy {
  readonly #chunks: Buffer[] = []
  #size = 0
  /** Decoded once for all that read it. */
  #text: string | undefined

  see(chunk: Buffer): void {
    this.#text = undefined
    this.#size += chunk.length
    if (this.#size <= INSPECTED_BYTES) this.#chunks.push(chunk)
    else this.#chunks.length = 0
  }

  /** The complete response; empty if it exceeds the limit. */
  text(): string {
    this.#text ??= this.#decoded()
    return this.#text
  }

  /** The bounded OAuth error code of the response, if it is a JSON object with an `error`. */
  error(): string | undefined {
    const code = this.#object()?.['error']
    return typeof code === 'string' && code !== '' ? boundedError(code) : undefined
  }

  /** The value of a member that is plain text, found without parsing the response. */
  textMember(name: string): string | undefined {
    const text = this.text()
    const at = quoted(text, name)
    const start = at < 0 ? -1 : text.indexOf('"', at + name.length + 1)
    const end = start < 0 ? -1 : text.indexOf('"', start + 1)
    return end > start + 1 ? text.slice(start + 1, end) : undefined
  }

  /** See {@link bodyShape}; undefined unless the response is a JSON object. */
  shape(): string | undefined {
    const document = this.#object()
    return document === undefined || Array.isArray(document) ? undefined : bodyShape(document)
  }

  /** The names of the members of the response, if it is a JSON object. */
  memberNames(): readonly string[] | undefined {
    const document = this.#object()
    return document === undefined || Array.isArray(document) ? undefined : Object.keys(document)
  }

  /** Whether the response holds an access token. Only searches for the member name and never reads the token. */
  holdsAccessToken(): boolean {
    const [first] = this.#chunks
    if (first === undefined) return false
    // The name may be split between two chunks.
    return (this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)).includes('"access_token"')
  }

  #decoded(): string {
    const [first] = this.#chunks
    if (first === undefined || this.#size > INSPECTED_BYTES) return ''
    return (this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)).toString('utf8')
  }

  #object(): Readonly<Record<string, unknown>> | undefined {
    const text = this.text()
    if (text === '') return undefined
    try {
      const document: unknown = JSON.parse(text)
      return document !== null && typeof document === 'object' ? (document as Record<string, unknown>) : undefined
    } catch {
      return undefined
    }
  }
}

/** Where a word stands between quotation marks; -1 if it does not. Builds no text to search for. */
function quoted(text: string, word: string): number {
  let at = text.indexOf(word)
  while (at >= 0 && (text[at - 1] !== '"' || text[at + word.length] !== '"')) at = text.indexOf(word, at + 1)
  return at
}
