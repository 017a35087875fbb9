import { type Course, changedByHandInWords, type PendingWrite, type Rollout } from '../../../rollouts/index.ts'
import { CHANNELS, type ChangeContext, ROLLOUT_PRINCIPAL } from '../../audit/change-context.ts'
import { setBrake } from '../../flags/brake-writes.ts'
import { changeFlag, type FlagOutcome, flagHistory, restoreFlagState } from '../../flags/flag-writes.ts'
import type { Leadership } from '../leadership/leadership.ts'
import type { RolloutDependencies } from '../rollouts.ts'
import type { StoredRollout } from '../store/rollout-store.ts'
import { afterWrite } from './transitions.ts'

/** A rollout was changed by someone else since it was read: nothing was written. */
class StaleRolloutError extends Error {
  readonly code = 'rollout_stale'
}

/**
 * Carries out the change of the flag that a rollout has decided. The flag, the rollout and the check that this replica
 * leads are one transaction, which compares the flag's version: so the rollout says whether the change was made, whatever
 * was interrupted, and a change is never made twice. When someone else has changed the flag, the rollout is held, and
 * only applications are still taken back.
 */
export async function carryOut(
  dependencies: RolloutDependencies,
  leadership: Leadership,
  rollout: StoredRollout & { readonly pending: PendingWrite },
): Promise<void> {
  const { pending } = rollout
  try {
    if ('brake' in pending.change) return await brake(dependencies, leadership, rollout, pending.change.brake)
    const outcome = await writeFlag(dependencies, leadership, rollout, pending)
    if (outcome.kind === 'conflict') return await onConflict(dependencies, leadership, rollout, outcome.version)
    if (outcome.kind === 'refused') {
      const sentence = `the flag refuses the change: ${outcome.why}`
      return await hold(dependencies, leadership, rollout, { sentence, evidence: {} })
    }
    dependencies.log.info(
      { rollout: rollout.id, decision: pending.decision, outcome: outcome.kind, step: pending.outcome.step },
      'a rollout changed its flag',
    )
  } catch (error) {
    if (!(error instanceof StaleRolloutError)) throw error
  }
}

function writeFlag(
  { store, definitions, rollouts }: RolloutDependencies,
  leadership: Leadership,
  rollout: StoredRollout,
  pending: PendingWrite,
): Promise<FlagOutcome> {
  const { environment, flag } = rollout.plan
  const { change, outcome, ifVersion } = pending
  const write = {
    ...{ environment, name: flag, ifVersion, context: contextOf(rollout, pending) },
    alongside: async (
      tx: Parameters<typeof leadership.hold>[0],
      version: number,
      after: Parameters<typeof afterWrite>[3],
    ) => {
      await leadership.hold(tx)
      const counted = outcome.restartsClock ? { elapsedMs: 0 } : {}
      const saved = await rollouts.save(tx, rollout, afterWrite(rollout, pending, version, after), undefined, counted)
      if (saved === undefined) throw new StaleRolloutError()
    },
  }
  if ('set' in change) return changeFlag(store, definitions, write, change.set)
  const state = 'restore' in change ? change.restore : null
  return restoreFlagState(store, write, state, { rollout: rollout.id, decision: pending.decision })
}

/** The author of a change of the flag: the person who asked for it, or the engine. */
function contextOf(rollout: Rollout, { by, reason, decision }: PendingWrite): ChangeContext {
  const common = {
    correlation_id: decision,
    reason: reason.slice(0, 500),
    change_issue_url: rollout.changeIssueUrl,
    overrides: rollout.overrides.length > 0 ? rollout.overrides : undefined,
  }
  if (by === undefined) return { by: ROLLOUT_PRINCIPAL, role: 'system', channel: 'system', from: null, ...common }
  const channel = CHANNELS.find((each) => each === by.channel) ?? 'api'
  return { by: by.by, role: by.role, channel, from: by.from, ...common }
}

/** Sets the brake, which twice is the same as once, and then notes that it is done. */
async function brake(
  { store, rollouts }: RolloutDependencies,
  leadership: Leadership,
  rollout: StoredRollout & { readonly pending: PendingWrite },
  reason: string,
): Promise<void> {
  const { pending, plan } = rollout
  await leadership.write(async () => {})
  const context = contextOf(rollout, pending)
  await setBrake(store, plan.environment, { on: true, reason: reason.slice(0, 500) }, { context })
  await leadership.write((tx) =>
    rollouts.save(tx, rollout, { ...courseOf(rollout), state: pending.outcome.state, pending: undefined }, undefined),
  )
}

async function onConflict(
  dependencies: RolloutDependencies,
  leadership: Leadership,
  rollout: StoredRollout & { readonly pending: PendingWrite },
  version: number,
): Promise<void> {
  const { pending, plan } = rollout
  const [last] = await flagHistory(dependencies.store, plan.environment, plan.flag, 1)
  const who = last?.changed_by ?? 'someone'
  const sentence = changedByHandInWords(plan, 'changed', who)
  const evidence = { expected_version: pending.ifVersion, found_version: version, changed_by: who }
  if (!pending.isProtective) return hold(dependencies, leadership, rollout, { sentence, evidence })
  const again: PendingWrite = { ...pending, ifVersion: version, outcome: { ...pending.outcome, state: 'held' } }
  return hold(dependencies, leadership, rollout, { sentence, evidence, pending: again })
}

/** Holds a rollout because of its flag; `pending` is what is still to be carried out. */
async function hold(
  { store, rollouts }: RolloutDependencies,
  leadership: Leadership,
  rollout: StoredRollout,
  { sentence, evidence, pending }: { sentence: string; evidence: unknown; pending?: PendingWrite },
): Promise<void> {
  const course = { ...courseOf(rollout), state: 'held' as const, hold: { kind: 'flag' as const, sentence }, pending }
  const event = {
    by: ROLLOUT_PRINCIPAL,
    kind: 'flag_changed_by_hand' as const,
    sentence: `Held: ${sentence}`,
    evidence,
  }
  await store.write(async (tx) => {
    await leadership.hold(tx)
    await rollouts.save(tx, rollout, course, event)
    return { change: undefined, result: undefined }
  })
}

/** The parts of a stored rollout that may be written back. */
export function courseOf(rollout: StoredRollout): Course {
  const { id: _id, plan: _plan, version: _version, written: _written, forecast: _forecast, ...others } = rollout
  const { reason: _reason, createdBy: _createdBy, createdAt: _createdAt, changedAt: _changedAt, ...course } = others
  return course
}
