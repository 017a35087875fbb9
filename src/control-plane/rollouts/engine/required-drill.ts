import type { Log } from '../../../observability/index.ts'
import type { Rollout } from '../../../rollouts/index.ts'
import { ROLLOUT_PRINCIPAL } from '../../audit/change-context.ts'
import { ticksOf } from '../checklist/ticks.ts'
import { type Leadership, LostLeadershipError } from '../leadership/leadership.ts'
import type { Probing } from '../probes/probing.ts'
import type { RolloutDependencies } from '../rollouts.ts'
import type { Obstacles } from './facts.ts'

/** What the required drill depends on. */
export interface DrillParts {
  readonly dependencies: Pick<RolloutDependencies, 'store' | 'rollouts' | 'allowsShort' | 'onChange'>
  readonly probing: Pick<Probing, 'currentDrill' | 'latestDrill' | 'noDrillBecause' | 'drill'>
  readonly leadership: Leadership
  readonly log: Log
  /** The monotonic clock, in milliseconds. */
  readonly now?: () => number
}

/** The pause after a drill that could not run; where plans may be shortened, the shorter one. */
const PAUSE_MS = 30_000
const TEST_PAUSE_MS = 1_000

const NOTHING: Obstacles = { waits: [] }
const RUNNING: Obstacles = {
  waits: [
    'the guard drill runs: a twin application is broken on purpose, and its guard must act within seven outcomes',
  ],
}

const PAUSED: Obstacles = {
  waits: [
    `the guard drill could not run, because too many probes wait or it failed; it runs again within ${PAUSE_MS / 1_000} seconds`,
  ],
}

/**
 * No step begins unless a twin application that was broken on purpose has been caught, by a drill that still counts. Runs
 * the drill when none does. A drill that missed holds the rollout until a person resumes it, which runs the drill again.
 * Where no drill can run, the plan decides: a step that requires one waits until a person has ticked the item
 * `guard_drill` with a note that says why the rollout does without. A drill that could not run is run again after a pause.
 */
export function requiredDrill({ dependencies, probing, leadership, log, now = () => performance.now() }: DrillParts) {
  const { store, rollouts, allowsShort, onChange } = dependencies
  const pauseMs = allowsShort ? TEST_PAUSE_MS : PAUSE_MS
  let isRunning = false
  let pausedUntil = Number.NEGATIVE_INFINITY
  const pause = () => {
    pausedUntil = now() + pauseMs
  }
  const run = async ({ id }: Rollout) => {
    const result = await probing.drill('guard', ROLLOUT_PRINCIPAL)
    if (result === 'busy' || result === 'off') return pause()
    const { hasPassed, sentence, outcomes, iamVersion } = result
    const event = {
      ...{ by: ROLLOUT_PRINCIPAL, kind: 'drill' as const },
      sentence: `Guard drill ${hasPassed ? 'passed' : 'missed'}: ${sentence}`,
      evidence: { outcomes, iam_version: iamVersion ?? null },
    }
    await leadership.write((tx) => rollouts.addEvent(tx, id, event))
  }
  return async (rollout: Rollout, next: unknown): Promise<Obstacles> => {
    if (next === undefined) return NOTHING
    const { environment, guardDrill } = rollout.plan
    if ((await probing.currentDrill(environment, 'guard')) !== undefined) return NOTHING
    const impossible = probing.noDrillBecause(environment)
    if (impossible !== undefined) {
      const isRequired = (guardDrill ?? (environment === 'production' && !allowsShort ? 'required' : '')) === 'required'
      if (!isRequired) return NOTHING
      const { guard_drill: tick } = await ticksOf(store, { environment, rollout: rollout.id })
      if (tick !== undefined && tick.note !== '') return NOTHING
      const command = `handover checklist tick guard_drill --rollout ${rollout.id} --note '…'`
      return { waits: [`the guard drill cannot run: ${impossible}; configure one, or say why not with '${command}'`] }
    }
    if (isRunning) return RUNNING
    const last = await probing.latestDrill('guard')
    if (last !== undefined && !last.hasPassed && last.id > (rollout.drillsSeen ?? 0)) {
      return { waits: [], missedDrill: `the guard drill missed: ${last.sentence} Resume runs the drill again` }
    }
    if (now() < pausedUntil) return PAUSED
    isRunning = true
    run(rollout)
      .catch((error: unknown) => {
        pause()
        if (!(error instanceof LostLeadershipError))
          log.warn({ err: error, rollout: rollout.id }, 'the guard drill failed')
      })
      .finally(() => {
        isRunning = false
        onChange()
      })
    return RUNNING
  }
}
