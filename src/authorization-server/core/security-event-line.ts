import type { SecurityEvent } from '../model/security-event.ts'

/** A security event with the field names of the log and the internal API. */
export function securityEventLine(event: SecurityEvent): Readonly<Record<string, unknown>> {
  return {
    kind: event.kind,
    client_id: event.clientId,
    application_id: event.applicationId,
    subject: event.subject,
    family_id: event.familyId,
    tokens_revoked: event.tokensRevoked,
    first_used_at: event.firstUsedAt === null ? null : new Date(event.firstUsedAt).toISOString(),
  }
}

/** The same as a log line. */
export function securityLogLine(event: SecurityEvent): Readonly<Record<string, unknown>> {
  return { event: 'oauth_application:security', ...securityEventLine(event) }
}
