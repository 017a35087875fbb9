import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import {
  type GrantEvent,
  type LimitReached,
  SECURITY_EVENT_KINDS,
  type SecurityEvent,
} from '../../authorization-server/index.ts'
import { boundedError } from '../../credentials/index.ts'
import type { HttpReply } from '../../http/index.ts'
import { meterProcess, meterSpans, type Tracing } from '../../observability/index.ts'
import type { PublicEndpoint } from './public-path.ts'

/** The metrics of the auth service. Labels come from fixed lists: never a client, user or credential. */
export interface IamMetrics {
  grant(event: GrantEvent): void
  securityEvent(event: SecurityEvent): void
  /** One request that exceeded a rate limit. */
  limited(reached: LimitReached): void
  /** One answer of the public port. */
  answered(endpoint: PublicEndpoint, reply: HttpReply, seconds: number): void
  text(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** Metrics in a separate registry. `countOpen` is called at every scrape. */
export function createIamMetrics(
  countOpen: () => Promise<Record<'login' | 'consent', number>>,
  tracing?: Tracing,
): IamMetrics {
  const registers = [new Registry()]
  const [registry] = registers
  if (registry) {
    meterProcess(registry)
    meterSpans(registry, tracing)
  }
  const grants = new Counter({
    name: 'handover_iam_grants_total',
    help: 'Successful grants.',
    labelNames: ['grant_type'],
    registers,
  })
  const errors = new Counter({
    name: 'handover_iam_oauth_errors_total',
    help: 'OAuth errors answered, by endpoint.',
    labelNames: ['endpoint', 'error'],
    registers,
  })
  const securityEvents = new Counter({
    name: 'handover_iam_security_events_total',
    help: 'Security events, such as a refresh token that was used again.',
    labelNames: ['kind'],
    registers,
  })
  // Initialised to 0, because an alert only sees the first event as an increase from 0.
  for (const kind of SECURITY_EVENT_KINDS) securityEvents.inc({ kind }, 0)
  const limited = new Counter({
    name: 'handover_iam_rate_limited_total',
    help: 'Requests refused because there were too many, by endpoint and limit.',
    labelNames: ['endpoint', 'limit'],
    registers,
  })
  const durations = new Histogram({
    name: 'handover_iam_request_duration_seconds',
    help: 'Time to answer, by endpoint and status.',
    labelNames: ['endpoint', 'code'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  new Gauge({
    name: 'handover_iam_challenges_open',
    help: 'Login and consent challenges that wait for an answer.',
    labelNames: ['kind'],
    registers,
    async collect() {
      this.reset()
      // While the store is down this metric alone is missing.
      const open = await countOpen().catch(() => ({}))
      for (const [kind, count] of Object.entries<number>(open)) this.set({ kind }, count)
    },
  })
  return {
    grant: ({ grantType }) => grants.inc({ grant_type: grantType }),
    securityEvent: ({ kind }) => securityEvents.inc({ kind }),
    limited: ({ endpoint, limit }) => limited.inc({ endpoint, limit }),
    answered(endpoint, reply, seconds) {
      durations.observe({ endpoint, code: reply.status }, seconds)
      const error = errorOf(reply)
      if (error !== undefined) errors.inc({ endpoint, error })
    },
    async text() {
      return { contentType: registry?.contentType ?? 'text/plain', text: (await registry?.metrics()) ?? '' }
    },
  }
}

/** The OAuth error in an answer, from its JSON body or its redirect to the client; undefined when there is none. */
export function errorOf(reply: HttpReply): string | undefined {
  const error = reply.status >= 400 ? errorInBody(reply) : errorInLocation(reply)
  if (error === undefined) return undefined
  return boundedError(error)
}

function errorInBody(reply: HttpReply): string | undefined {
  if (reply.body.length === 0) return /\berror="([a-z_]+)"/.exec(headerOf(reply, 'www-authenticate') ?? '')?.[1]
  if (!headerOf(reply, 'content-type')?.includes('json')) return undefined
  try {
    const body: unknown = JSON.parse(reply.body.toString())
    const error = body !== null && typeof body === 'object' && 'error' in body ? body.error : undefined
    return typeof error === 'string' ? error : undefined
  } catch {
    return undefined
  }
}

function errorInLocation(reply: HttpReply): string | undefined {
  return /[?&#]error=([^&#]+)/.exec(headerOf(reply, 'location') ?? '')?.[1]
}

function headerOf(reply: HttpReply, name: string): string | undefined {
  return reply.headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1]
}
