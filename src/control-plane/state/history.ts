import type { Position, VersionedChange } from './model.ts'
import type { History } from './store.ts'

/** How the state that is held relates to the history in the database, within one epoch. */
export type HeldState =
  /** The database holds the same state and possibly more; the next change can be applied. */
  | 'continues'
  /** The database is ahead, and the changes in between are no longer kept. */
  | 'far_behind'
  /** The database was never in this state, or no longer is: it lost committed changes. */
  | 'lost'

/** @param history from the held version on */
export function judgeHeld(held: Pick<Position, 'version' | 'stamp'>, { newest, changes }: History): HeldState {
  const [first, second] = changes
  const isNext = (step: VersionedChange | undefined) => step === undefined || step.version === held.version + 1
  if (newest < held.version) return 'lost'
  if (held.stamp === '') {
    if (first?.version === held.version) return 'lost'
    return isNext(first) ? 'continues' : 'far_behind'
  }
  if (first?.version === held.version) {
    if (first.stamp !== held.stamp) return 'lost'
    return isNext(second) ? 'continues' : 'far_behind'
  }
  return newest > held.version ? 'far_behind' : 'lost'
}

/** The remembered changes that the database does not have, as text for people. */
export function lostChanges(remembered: readonly VersionedChange[], { changes, newest }: History): string[] {
  const [oldest] = changes
  const kept = new Map(changes.map(({ version, stamp }) => [version, stamp]))
  return remembered
    .filter(
      ({ version, stamp }) =>
        version > newest || (oldest !== undefined && version >= oldest.version && kept.get(version) !== stamp),
    )
    .map((step) => `${step.version}: ${inWords(step)}`)
}

function inWords({ change }: VersionedChange): string {
  switch (change.kind) {
    case 'flag':
      return `flag ${change.name} in ${change.environment}`
    case 'brake':
      return `brake ${change.brake.on ? 'on' : 'off'} in ${change.environment}`
    case 'application':
      return `application ${change.application.id}`
    case 'application_removed':
      return `removal of application ${change.id}`
  }
}
