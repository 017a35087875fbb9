import type { FastifyRequest } from 'fastify'
import { LineBudget, type Log } from '../../../observability/index.ts'
import { namedEnvironment } from '../../access/roles/route-rules.ts'
import type { AuditEvent } from '../../audit/entry.ts'
import type { Api } from '../../control-context.ts'
import { callerContext } from '../../flags/request-context.ts'
import { recordEvent, type Store } from '../../state/store.ts'

/** The maximum number of entries per minute, role and process, so that repeated requests do not fill the log. */
const ALLOWANCE = { count: 60, seconds: 60 }

/**
 * Records every 403 to an authenticated caller, after it was sent. Beyond 60 a minute for each role, the process log
 * reports how many were omitted.
 */
export function recordRefusals(api: Api, { store, log }: { readonly store: Store; readonly log: Log }): void {
  const budget = new LineBudget(ALLOWANCE, (left_out, interval_seconds) =>
    log.warn({ left_out, interval_seconds }, 'refusals omitted from the audit log'),
  )
  const underWay = new Set<Promise<unknown>>()
  api.addHook('onResponse', async (request, reply) => {
    if (reply.statusCode !== 403 || request.caller === undefined || !budget.admit(request.caller.role)) return
    const recorded = recordEvent(store, refusalOf(request))
      .catch((error: unknown) =>
        log.error({ err: error, correlation_id: request.id }, 'a refusal could not be recorded in the audit log'),
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
  // A caller with the wrong role is refused before the request is read, so its environment is unknown.
  const isRead = environment === 'named' && role !== undefined && roles !== 'anyone' && roles?.includes(role)
  return {
    context: callerContext(request),
    action: 'access.refused',
    environment: isRead ? (namedEnvironment(request) ?? null) : null,
    subject: `${request.method} ${url ?? ''}`,
    ...{ before: null, after: null },
  }
}
