import { createHash, timingSafeEqual } from 'node:crypto'

/** The methods of RFC 7636 §4.2, in the order of the error text and discovery. */
export const CHALLENGE_METHODS: readonly string[] = ['plain', 'S256']

/**
 * Whether a verifier matches the challenge of its code (RFC 7636 §4.6). Without a known method none does (E067). The
 * challenge may be the client's original or the result of {@link storedChallenge}.
 */
export function isVerifierRight(verifier: string, codeChallenge: string | null, method: string | null): boolean {
  if (codeChallenge === null) return false
  if (method === 'plain') return isEqual(verifier, codeChallenge)
  return method === 'S256' && isEqual(s256(verifier), codeChallenge)
}

/**
 * A code challenge in its stored form: with method `plain` it equals the verifier, so its S256 challenge is stored
 * instead.
 */
export function storedChallenge(codeChallenge: string | null, codeChallengeMethod: string | null) {
  if (codeChallenge === null || codeChallengeMethod === 'S256') return { codeChallenge, codeChallengeMethod }
  const method = codeChallengeMethod === 'plain' ? 'S256' : codeChallengeMethod
  return { codeChallenge: s256(codeChallenge), codeChallengeMethod: method }
}

function s256(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

function isEqual(left: string, right: string): boolean {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  return a.length === b.length && timingSafeEqual(a, b)
}
