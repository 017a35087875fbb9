import { type CredentialMarks, type Destination, issuerByMark } from '../../../routing/index.ts'

/** Whether a freshly issued access token would be routed back to its issuer. */
export type MarkVerdict = 'agrees' | 'drifts'

/**
 * Compares an access token that `side` has just issued with the rules of the gateway: prefixes and the `iss` of JWTs.
 * Unmarked tokens belong to legacy, or to IAM if it is configured to use no marks.
 */
export function judgeMark(
  side: Destination,
  accessToken: string,
  marks: CredentialMarks,
  isIamUnmarked: boolean,
): MarkVerdict {
  const told = issuerByMark(accessToken, 'access_token', marks)
  if (told === 'unknown') return side === 'legacy' || isIamUnmarked ? 'agrees' : 'drifts'
  return told === side ? 'agrees' : 'drifts'
}
