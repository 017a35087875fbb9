import type { Log } from '../../../observability/index.ts'
import type { OutcomeSide } from '../../../outcomes/index.ts'
import type { ProbeRunner } from './probes.ts'
import { createProbeBudget, FRESH_MS, nextRunAt } from './schedule.ts'
import type { ProbeSettings } from './settings.ts'
import type { KnownTwin, Twins } from './twins.ts'

const TICK_MS = 1_000

/** Probes the twins by the clock, on the replica that leads. */
export interface ScheduledProbes {
  /** Applications have been moved: the twins of their cohorts, and no others, are probed at once and then often. */
  moved(applicationIds: readonly number[]): Promise<void>
  /** Nothing is moved now: no twin is probed until something is. */
  movedBack(): void
  close(): Promise<void>
}

interface Entry {
  ranAt: number | undefined
  movedAt: number | undefined
}

/**
 * Starts the schedule: one run at a time, each when its twin is due and the budget is paid. Uses the monotonic clock,
 * so a clock that jumps starts nothing.
 */
export function scheduleProbes(
  settings: ProbeSettings,
  parts: {
    readonly runner: ProbeRunner
    readonly twins: Twins
    readonly leadership: { readonly isLeader: boolean }
    /** Whether the flag sends any application to IAM as the process begins. */
    readonly hasMoved: boolean
    readonly log: Log
    readonly now?: () => number
  },
): ScheduledProbes {
  const { runner, twins, leadership, hasMoved, log, now = () => performance.now() } = parts
  const budget = createProbeBudget(settings.iamRequestsPerSecond)
  const entries = new Map<string, Entry>()
  // What was moved before this process began is not fresh.
  const earlierAt = hasMoved ? now() - FRESH_MS : undefined
  const entryOf = (name: string, side: OutcomeSide): Entry => {
    const key = `${side} ${name}`
    const entry = entries.get(key) ?? { ranAt: undefined, movedAt: earlierAt }
    entries.set(key, entry)
    return entry
  }
  const dueNow = (): { readonly twin: KnownTwin; readonly side: OutcomeSide; readonly entry: Entry } | undefined => {
    const candidates = twins
      .known()
      .filter(({ isForDrills }) => !isForDrills)
      .flatMap((twin) => twin.sides.map((side) => ({ twin, side, entry: entryOf(twin.name, side) })))
    const due = candidates
      .map((one) => ({ ...one, at: nextRunAt(one.entry, now()) }))
      .filter(({ at }) => at <= now())
      .sort((a, b) => a.at - b.at)
    return due[0]
  }
  const tick = async () => {
    if (!leadership.isLeader || !budget.mayStart(now())) return
    const due = dueNow()
    if (due === undefined) return
    const { twin, side, entry } = due
    const isFresh = entry.movedAt !== undefined && now() - entry.movedAt < FRESH_MS
    const occasion = isFresh ? 'move' : 'schedule'
    entry.ranAt = now()
    const report = await runner.run({ twin, side, occasion })
    budget.spend(Math.max(1, report.requests), now())
    for (const { kind, verdict, failedAt, error, status, requestId } of report.results) {
      if (verdict !== 'failed') continue
      const line = {
        probe: twin.name,
        application_id: twin.applicationId,
        side,
        kind,
        failed_at: failedAt,
        error,
        status,
      }
      log.warn({ ...line, correlation_id: requestId }, 'probe failed')
    }
  }
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= tick()
      .catch((error: unknown) => log.error({ err: error }, 'a probe could not run'))
      .finally(() => {
        running = undefined
      })
  }, TICK_MS).unref()
  return {
    async moved(applicationIds) {
      const movedAt = now()
      for (const twin of await twins.standingForAny(applicationIds)) {
        for (const side of twin.sides) entryOf(twin.name, side).movedAt = movedAt
      }
    },
    movedBack() {
      for (const twin of twins.known()) for (const side of twin.sides) entryOf(twin.name, side).movedAt = undefined
    },
    async close() {
      clearInterval(timer)
      await running
    },
  }
}
