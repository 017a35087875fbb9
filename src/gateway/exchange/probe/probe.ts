import { type ProbeMark, readProbeMark } from '../../../credentials/index.ts'
import type { Destination, Facts, Reason } from '../../../routing/index.ts'
import type { ClientLookup } from '../../decision-source/source.ts'
import type { GatewayContext } from '../../gateway-context.ts'

/**
 * The mark of a probe, if the request carries a genuine one for its own client. A request that names no client, such as
 * one to userinfo, may only ask for the decision.
 */
export function probeMarkOf(
  { marks }: Pick<GatewayContext, 'marks'>,
  mark: string | undefined,
  { clientId }: Pick<Facts, 'clientId'>,
): ProbeMark | undefined {
  if (mark === undefined || marks.flowKey === undefined) return undefined
  const read = readProbeMark(mark, marks.flowKey, Date.now() / 1_000)
  if (read === undefined || clientId === read.clientId) return read
  return clientId === undefined ? { ...read, side: undefined, cannotReachIam: false } : undefined
}

/** What the lookup of a client returns for a probe of one side, whatever the flag says. */
export function lookupForProbe(found: ClientLookup, probe: ProbeMark | undefined): ClientLookup {
  if (probe?.side === undefined || typeof found === 'string') return found
  if (probe.side === 'legacy') return { ...found, flag: 'off' }
  return { ...found, flag: found.flag === 'off' ? 'on' : found.flag }
}

/** What the response to a probe says of its request. */
interface DecidedRequest {
  readonly side: Destination
  readonly reason: Reason
  readonly correlationId: string
}

/** Tells a probe which side served it, and why; no other client learns it. */
export function decisionHeaders({
  side,
  reason,
  correlationId,
}: DecidedRequest): ReadonlyArray<readonly [string, string]> {
  return [
    ['X-Handover-Destination', side === 'iam' ? 'iam' : 'rails'],
    ['X-Handover-Reason', reason],
    ['X-Handover-Request-Id', correlationId],
  ]
}

/** The failed connection to IAM that a fail-open drill asks for. */
export class DrillError extends Error {
  readonly code = 'fail_open_drill'
  constructor() {
    super('IAM counts as unreachable for this request of a drill')
    this.name = 'DrillError'
  }
}
