import type { RolloutDocument } from '../../api/rollouts.ts'

export type Exclusion = RolloutDocument['excluded'][number]

/** Applications that were taken back for the same cause. */
export interface ExclusionGroup {
  /** The cause in words, which also identifies the group. */
  readonly cause: string
  readonly exclusions: readonly Exclusion[]
}

const WORDS: Readonly<Record<string, string>> = {
  person: 'taken out by a person',
  problem: 'reported by a customer',
  cohort: 'its cohort fails',
}

/** Why an application was taken back, in a few words: the guard that failed and its most frequent error. */
export function causeInWords({ guard, cause }: Pick<Exclusion, 'guard' | 'cause'>): string {
  const who = WORDS[guard] ?? guard
  return cause === null || cause === '' ? who : `${who}: ${cause}`
}

/**
 * Groups exclusions by cause, the largest group first, and within a group the newest first. `find` keeps those whose
 * name or id contains it.
 */
export function groupExclusions(
  excluded: readonly Exclusion[],
  names: Readonly<Record<string, string | null>>,
  find = '',
): ExclusionGroup[] {
  const wanted = find.trim().toLowerCase()
  const groups = new Map<string, Exclusion[]>()
  for (const each of excluded) {
    const { application_id: id } = each
    if (wanted !== '' && !`${id} ${names[id] ?? ''}`.toLowerCase().includes(wanted)) continue
    const cause = causeInWords(each)
    const group = groups.get(cause)
    if (group === undefined) groups.set(cause, [each])
    else group.push(each)
  }
  return [...groups]
    .map(([cause, exclusions]) => ({ cause, exclusions: exclusions.sort((a, b) => b.at.localeCompare(a.at)) }))
    .sort((a, b) => b.exclusions.length - a.exclusions.length || a.cause.localeCompare(b.cause))
}
