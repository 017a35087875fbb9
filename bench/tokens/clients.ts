import { createHash, randomBytes } from 'node:crypto'

/** A confidential client of a benchmark. */
export interface BenchClient {
  readonly id: number
  readonly clientId: string
  readonly secret: string
}

/** A code that is ready to be exchanged. */
export interface PreparedCode {
  readonly client: BenchClient
  readonly code: string
}

export const REDIRECT_URI = 'https://app.example/callback'
export const SCOPE = 'read_user'
/** The verifier of every code, so that each exchange checks PKCE (S256). */
export const CODE_VERIFIER = 'a-code-verifier-of-the-benchmark-0123456789-abcdef'
export const CODE_CHALLENGE = createHash('sha256').update(CODE_VERIFIER).digest('base64url')
/** Longer than any run. */
export const CODE_LIFETIME = 86_400

/** Creates clients with ids from 1. */
export function benchClients(count: number): BenchClient[] {
  return Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    clientId: randomBytes(32).toString('hex'),
    secret: randomBytes(32).toString('hex'),
  }))
}
