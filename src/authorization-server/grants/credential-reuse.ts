import type { Core } from '../core/core.ts'
import type { ReuseEvidence } from '../store/security-events.ts'

/**
 * Ends a family of tokens because a credential of one use came again long after its use: revoked, put on record and
 * told in one go (RFC 9700 §2.1.1 and §4.14.2). A family that ended so before is not told of again.
 */
export async function endFamily(core: Core, evidence: ReuseEvidence, now: number): Promise<void> {
  const event = await core.securityEvents.endFamily(evidence, now)
  if (event !== undefined) core.onSecurityEvent(event)
}
