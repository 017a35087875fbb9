import { type CredentialMarks, type Destination, issuerByMark } from '../../../routing/index.ts'

/** Whether a freshly issued access token would find its way back to its issuer. */
export type MarkVerdict = 'agrees' | 'drifts'

/**
 * Holds an access token that `side` has just issued against what the gateway goes by: prefixes and the `iss` of JWTs.
 * What nothing marks is legacy's, or IAM's where it is known to mark nothing.
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
