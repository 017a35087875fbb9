import type { Core } from '../core/core.ts'
import type { ReuseEvidence } from '../store/security-events.ts'

/**
 * Revokes a family of tokens because a one-time credential was reused after its grace period, stores the security event
 * and reports it (RFC 9700 §2.1.1 and §4.14.2). A family that was ended this way before is not reported again.
 */
export async function endFamily(core: Core, evidence: ReuseEvidence, now: number): Promise<void> {
  const event = await core.securityEvents.endFamily(evidence, now)
  if (event !== undefined) core.onSecurityEvent(event)
}
