import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { type GrantEvent, SECURITY_EVENT_KINDS, type SecurityEvent } from '../authorization-server/index.ts'
import { type HttpHandler, type ListenAddress, type RunningServer, serve } from '../http/index.ts'
import { type Log, meterProcess, meterSpans, type Tracing } from '../observability/index.ts'
import type { ReplicationProgress } from '../replication/index.ts'

/** The monolith's metrics. Labels come from fixed lists: never a client, user or credential. */
export interface MonolithMetrics {
  grant(event: GrantEvent): void
  securityEvent(event: SecurityEvent): void
  readonly replication: (progress: ReplicationProgress) => void
  /** Wraps `handler` and measures its response times. */
  timed(handler: HttpHandler): HttpHandler
  readonly registry: Registry
}

/** Metrics in a separate registry, including those of the process. */
export function monolithMetrics(tracing?: Tracing): MonolithMetrics {
  const registry = new Registry()
  meterProcess(registry)
  meterSpans(registry, tracing)
  const registers = [registry]
  const grants = new Counter({
    name: 'handover_monolith_grants_total',
    help: 'Successful grants.',
    labelNames: ['grant_type'],
    registers,
  })
  const securityEvents = new Counter({
    name: 'handover_monolith_security_events_total',
    help: 'Security events, such as a refresh token that was used again.',
    labelNames: ['kind'],
    registers,
  })
  // Initialised to 0, because an alert only sees the first event as an increase from 0.
  for (const kind of SECURITY_EVENT_KINDS) securityEvents.inc({ kind }, 0)
  const durations = new Histogram({
    name: 'handover_monolith_request_duration_seconds',
    help: 'Response time, by kind of request and status.',
    labelNames: ['area', 'code'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  return {
    grant: ({ grantType }) => grants.inc({ grant_type: grantType }),
    securityEvent: ({ kind }) => securityEvents.inc({ kind }),
    replication: meterReplication(registry),
    timed: (handler) => async (request) => {
      const startedAt = performance.now()
      const reply = await handler(request)
      durations.observe({ area: areaOf(request.path), code: reply.status }, (performance.now() - startedAt) / 1_000)
      return reply
    },
    registry,
  }
}

function meterReplication(registry: Registry): (progress: ReplicationProgress) => void {
  const common = { labelNames: ['target'], registers: [registry] }
  const documents = new Counter({
    ...common,
    name: 'handover_monolith_replication_documents_total',
    help: 'Applications sent to a target, by result.',
    labelNames: ['target', 'result'],
  })
  const left = new Gauge({
    ...common,
    name: 'handover_monolith_replication_left',
    help: 'About how many applications a target has never received.',
  })
  const reconciled = new Gauge({
    ...common,
    name: 'handover_monolith_replication_reconciled_timestamp_seconds',
    help: 'When a target was last compared with the applications of the monolith.',
  })
  return (progress) => {
    const { target } = progress
    documents.inc({ target, result: 'delivered' }, progress.delivered)
    documents.inc({ target, result: 'rejected' }, progress.rejected)
    left.set({ target }, progress.left)
    if (progress.isReconciled) reconciled.setToCurrentTime({ target })
  }
}

/** Serves `/metrics` and `/healthz` for monitoring. */
export function startMetricsServer(
  listen: ListenAddress,
  { registry }: MonolithMetrics,
  log: Log,
): Promise<RunningServer> {
  return serve({
    listen,
    log,
    bodyLimit: 1_024,
    handler: async ({ path }) => {
      if (path === '/metrics') {
        return { status: 200, headers: [['Content-Type', registry.contentType]], body: await registry.metrics() }
      }
      const isAlive = path === '/healthz'
      return {
        status: isAlive ? 200 : 404,
        headers: [['Content-Type', 'text/plain']],
        body: isAlive ? 'ok\n' : 'not found\n',
      }
    },
  })
}

/** The area of a path, from a fixed list. */
export function areaOf(path: string): string {
  const [, area = 'other'] = /^(?:\/o\/[^/]+)?\/+(oauth|users|api|-|\.well-known)(?:\/|$)/.exec(path) ?? []
  return area === '-' ? 'platform' : area === '.well-known' ? 'oauth' : area
}
