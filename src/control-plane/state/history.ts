import type { Position, VersionedChange } from './model.ts'
import type { History } from './store.ts'

/** How what is held stands to the history in the database, within one epoch. */
export type Standing =
  /** The database holds the same, and perhaps more, up to date from the next change on. */
  | 'continues'
  /** The database has gone on, and the changes in between are not kept. */
  | 'far_behind'
  /** The database never was, or is no longer, where this is: it lost what it had committed. */
  | 'lost'

/** @param history from the held version on */
export function standingOf(held: Pick<Position, 'version' | 'stamp'>, { newest, changes }: History): Standing {
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

/** The changes among those remembered that the database does not have, in words, for people. */
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
