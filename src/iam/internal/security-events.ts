import { type AuthorizationServer, securityEventLine } from '../../authorization-server/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { invalidRequest, json, queryParameter } from './answer.ts'

/** RFC 3339, in UTC or with an offset. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** GET security_events `?since=`: the events since that time, oldest first, at most 1,000. */
export async function securityEvents(core: AuthorizationServer, request: HttpRequest): Promise<HttpReply> {
  const text = queryParameter(request, 'since')
  const since = new Date(text ?? 0)
  if (text !== undefined && (!TIME.test(text) || Number.isNaN(since.getTime()))) {
    return invalidRequest('since: must be a time such as 2026-01-31T00:00:00Z')
  }
  const events = await core.securityEvents(since)
  return json(200, {
    events: events.map((event) => ({
      id: event.id,
      occurred_at: event.occurredAt.toISOString(),
      ...securityEventLine(event),
    })),
  })
}
