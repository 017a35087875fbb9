import { createHash, timingSafeEqual } from 'node:crypto'

/** The methods of RFC 7636 §4.2, in the order the error text and discovery name them. */
export const CHALLENGE_METHODS: readonly string[] = ['plain', 'S256']

/** Whether a verifier answers the challenge of its code (RFC 7636 §4.6). Without a known method none does (E067). */
export function isVerifierRight(verifier: string, codeChallenge: string | null, method: string | null): boolean {
  if (codeChallenge === null) return false
  if (method === 'plain') return isEqual(verifier, codeChallenge)
  return method === 'S256' && isEqual(createHash('sha256').update(verifier).digest('base64url'), codeChallenge)
}

function isEqual(left: string, right: string): boolean {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  return a.length === b.length && timingSafeEqual(a, b)
}
