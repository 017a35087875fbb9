import { type HttpReply, type HttpRequest, type ListenAddress, type RunningServer, serve } from '../http/index.ts'
import { type Log, mergeMetrics } from '../observability/index.ts'
import { type Brake, type BrakeHolder, brakeHolders } from './decision-source/brake.ts'
import type { DecisionSource } from './decision-source/source.ts'
import type { MarkCheck, MarkStatus } from './ledger/mark-check/mark-check.ts'
import type { Metrics } from './telemetry/metrics.ts'
import type { Circuit } from './upstream/circuit/circuit.ts'

/** What the admin port reports and controls. */
export interface AdminParts {
  readonly metrics: Metrics
  readonly otherMetrics: (() => Promise<string>) | undefined
  readonly brake: Brake
  readonly source: DecisionSource
  readonly circuit: Circuit
  readonly hasIam: boolean
  readonly markCheck: MarkCheck
  readonly isDraining: () => boolean
  /** Whether the gateway still waits for its first snapshot, within a short grace period. */
  readonly isStarting: () => boolean
  readonly log: Log
}

/**
 * Serves health, readiness, metrics and the brake. Rejects with `ListenError` if the address cannot be bound. Must not
 * be public: anyone who reaches the port can use the brake.
 */
export function startAdmin(listen: ListenAddress, parts: AdminParts): Promise<RunningServer> {
  return serve({ listen, log: parts.log, bodyLimit: 4_096, handler: (request) => answer(request, parts) })
}

async function answer(request: HttpRequest, parts: AdminParts): Promise<HttpReply> {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  switch (request.path) {
    case '/healthz':
      return isRead ? json(200, { status: 'ok', ...shownBrake(parts) }) : notAllowed('GET')
    case '/readyz':
      return isRead ? readiness(parts) : notAllowed('GET')
    case '/metrics':
      return isRead ? metrics(parts) : notAllowed('GET')
    case '/brake':
      if (isRead) return json(200, brakeState(parts))
      return request.method === 'PUT' ? setBrake(request, parts) : notAllowed('GET, PUT')
    default:
      return json(404, { error: 'not_found' })
  }
}

/**
 * Reports whether the gateway may receive traffic. A gateway without a snapshot may, since it sends everything to
 * legacy; `routing` reports that.
 */
function readiness(parts: AdminParts): HttpReply {
  const { source, circuit } = parts
  const routing = !parts.hasIam ? 'not_configured' : source.isAvailable ? 'available' : 'routing_unavailable'
  const status = parts.isDraining() ? 'draining' : parts.isStarting() ? 'starting' : 'ready'
  return json(status === 'ready' ? 200 : 503, {
    status,
    routing,
    snapshot_version: source.version ?? null,
    snapshot_age_seconds: source.ageMs === undefined ? null : Math.round(source.ageMs) / 1_000,
    iam_circuit: circuit.isOpen ? 'open' : 'closed',
    application_circuits_open: circuit.openApplications,
    ...shownBrake(parts),
    credential_marks: credentialMarks(parts.markCheck),
  })
}

/** Uses the names that logs and metrics give the sides; `not_checked` without a client to check with. */
function credentialMarks({ status }: MarkCheck): Readonly<Record<'rails' | 'iam', MarkStatus | 'not_checked'>> {
  return { rails: status.legacy ?? 'not_checked', iam: status.iam ?? 'not_checked' }
}

function brakeState({ brake, source }: AdminParts): { brake: 'on' | 'off'; held_by: readonly BrakeHolder[] } {
  const heldBy = brakeHolders(brake, source)
  return { brake: heldBy.length > 0 ? 'on' : 'off', held_by: heldBy }
}

/** The brake as part of other responses. */
function shownBrake(parts: AdminParts): { brake: 'on' | 'off'; brake_held_by: readonly BrakeHolder[] } {
  const { brake, held_by } = brakeState(parts)
  return { brake, brake_held_by: held_by }
}

function setBrake(request: HttpRequest, parts: AdminParts): HttpReply {
  const wanted = wantedBrake(request.body.toString('utf8').trim())
  if (wanted === undefined) {
    return json(400, {
      error: 'invalid_request',
      error_description: 'The body must be "on", "off" or {"brake":"on"|"off"}.',
    })
  }
  parts.brake.set(wanted, 'admin port')
  return json(200, brakeState(parts))
}

function wantedBrake(text: string): boolean | undefined {
  if (text === 'on' || text === 'off') return text === 'on'
  try {
    const document: unknown = JSON.parse(text)
    const said = document !== null && typeof document === 'object' ? (document as { brake?: unknown }).brake : document
    if (said === 'on' || said === true) return true
    return said === 'off' || said === false ? false : undefined
  } catch {
    return undefined
  }
}

async function metrics({ metrics: { registry }, otherMetrics }: AdminParts): Promise<HttpReply> {
  const own = await registry.metrics()
  const body = otherMetrics === undefined ? own : mergeMetrics([own, await otherMetrics()])
  return { status: 200, headers: [['Content-Type', registry.contentType]], body }
}

function json(status: number, document: unknown): HttpReply {
  return {
    status,
    headers: [
      ['Content-Type', 'application/json'],
      ['Cache-Control', 'no-store'],
    ],
    body: `${JSON.stringify(document)}\n`,
  }
}

function notAllowed(allow: string): HttpReply {
  const reply = json(405, { error: 'method_not_allowed' })
  return { ...reply, headers: [...reply.headers, ['Allow', allow]] }
}
