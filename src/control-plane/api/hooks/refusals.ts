import type { FastifyRequest } from 'fastify'
import { LineBudget, type Log } from '../../../observability/index.ts'
import { namedEnvironment } from '../../access/roles/route-rules.ts'
import type { AuditEvent } from '../../audit/entry.ts'
import type { Api } from '../../control-context.ts'
import { callerCause } from '../../flags/request-cause.ts'
import { recordEvent, type Store } from '../../state/store.ts'

/** So many entries a minute and role, in each process: whoever asks on and on does not fill the log. */
const ALLOWANCE = { count: 60, seconds: 60 }

/**
 * Writes down every answer 403 to somebody known, after it has been given. Beyond 60 a minute for each role the log of
 * the process tells how many were left out.
 */
export function recordRefusals(api: Api, { store, log }: { readonly store: Store; readonly log: Log }): void {
  const budget = new LineBudget(ALLOWANCE, (left_out, interval_seconds) =>
    log.warn({ left_out, interval_seconds }, 'refusals left out of the audit log'),
  )
  const underWay = new Set<Promise<unknown>>()
  api.addHook('onResponse', async (request, reply) => {
    if (reply.statusCode !== 403 || request.caller === undefined || !budget.admit(request.caller.role)) return
    const recorded = recordEvent(store, refusalOf(request))
      .catch((error: unknown) =>
        log.error({ err: error, correlation_id: request.id }, 'a refusal is not in the audit log'),
      )
      .finally(() => underWay.delete(recorded))
    underWay.add(recorded)
  })
  api.addHook('onClose', async () => {
    budget.close()
    await Promise.all(underWay)
  })
}

function refusalOf(request: FastifyRequest): AuditEvent {
  const { url, config } = request.routeOptions
  const { roles, environment } = config
  const role = request.caller?.role
  // A caller of another role is refused before the request is read, so that it has not said where.
  const isRead = environment === 'named' && role !== undefined && roles !== 'anyone' && roles?.includes(role)
  return {
    cause: callerCause(request),
    action: 'access.refused',
    environment: isRead ? (namedEnvironment(request) ?? null) : null,
    subject: `${request.method} ${url ?? ''}`,
    ...{ before: null, after: null },
  }
}
