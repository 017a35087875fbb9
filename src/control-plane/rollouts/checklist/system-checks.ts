import type { ItemCheck } from '../../../rollouts/index.ts'
import type { GatewayHealth } from '../../gateways/gateway-health.ts'
import type { StoredDrill } from '../probes/drill-store.ts'
import type { StoredProbe } from '../probes/probe-store.ts'
import type { PassedDrill } from '../probes/probing.ts'

const done = (sentence: string): ItemCheck => ({ state: 'done', sentence })
const open = (sentence: string): ItemCheck => ({ state: 'open', sentence })

/** A gateway follows the control plane only if IAM is configured, so each connected one has its address. */
export function gatewaysCheck(health: GatewayHealth, minGateways: number): ItemCheck {
  const { connected, circuitOpen, brakeOn, behind } = health
  if (connected < minGateways) return open(`${connected} of at least ${minGateways} gateways are connected`)
  const troubles = [
    ...(circuitOpen.length > 0 ? [`IAM's circuit is open at ${circuitOpen.join(', ')}`] : []),
    ...(brakeOn.length > 0 ? [`the brake is on at ${brakeOn.join(', ')}`] : []),
    ...(behind.length > 0 ? [`an older version is in use at ${behind.join(', ')}`] : []),
  ]
  return troubles.length > 0 ? open(troubles.join('; ')) : done(`${connected} connected, and each of them reaches IAM`)
}

/** Whether IAM holds the current version of the applications. */
export function replicatedCheck(missing: readonly number[], all: number): ItemCheck {
  if (all === 0) return open('no application has been announced')
  if (missing.length === 0) return done(`all ${all}`)
  const named = missing.slice(0, 5).join(', ')
  return open(`${missing.length} of ${all} are missing: ${named}${missing.length > 5 ? ' and others' : ''}`)
}

/** Whether a drill counts; if not, why the last one does not, or why none can run. */
export function drillCheck(
  current: PassedDrill | undefined,
  last: StoredDrill | undefined,
  impossible: string | undefined,
): ItemCheck {
  if (current !== undefined) return done(`passed at ${current.passedAt.toISOString()}`)
  if (impossible !== undefined) return { state: 'unknown', sentence: `it cannot run: ${impossible}` }
  if (last === undefined) return open('never done')
  if (!last.hasPassed) return open(last.sentence)
  return open(`the drill of ${last.at.toISOString()} no longer counts: it is too old, or IAM has another version`)
}

const PROBE_LIFETIME_MS = 24 * 3_600_000

/** Whether the latest probes on IAM succeeded, within the last day. */
export function probesCheck(probes: readonly StoredProbe[], now: Date): ItemCheck {
  const recent = probes.filter(({ side, at }) => side === 'iam' && now.getTime() - at.getTime() < PROBE_LIFETIME_MS)
  // A flow that another side served, or none, has no result on IAM.
  const failedElsewhere = probes.filter(
    ({ side, verdict, error, at }) =>
      side !== 'iam' &&
      verdict !== 'succeeded' &&
      error === 'wrong_side' &&
      now.getTime() - at.getTime() < PROBE_LIFETIME_MS,
  )
  const newer = failedElsewhere.filter(
    (failed) => !recent.some(({ twin, kind, at }) => twin === failed.twin && kind === failed.kind && at > failed.at),
  )
  const failed = [...recent.filter(({ verdict }) => verdict !== 'succeeded'), ...newer]
  if (failed.length > 0) {
    const named = failed.map(({ twin, kind, error }) => `${kind} of ${twin} (${error ?? 'not tried'})`)
    return open(`failed: ${[...new Set(named)].join(', ')}`)
  }
  if (recent.length === 0) return open('no probe on IAM within the last 24 hours')
  return done(`${recent.length} kinds of flow succeeded on IAM within the last 24 hours`)
}
