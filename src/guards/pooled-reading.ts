import { POOLED_THRESHOLD } from './levels.ts'
import { meanEvidence, suspects } from './statistics/pooled-evidence.ts'
import type { GuardVerdict } from './vocabulary.ts'

/** The guard of failures of one moved application, as a member of a group. */
export interface PooledMember {
  readonly applicationId: number
  readonly cohort: string
  /** Its present evidence. */
  readonly evidence: number
  readonly outcomes: number
  readonly failures: number
}

/** What the evidence of a cohort, or of all moved applications, says at present. */
export interface PooledReading {
  readonly guard: 'cohort' | 'global'
  /** Undefined for all applications. */
  readonly cohort: string | undefined
  readonly applications: number
  /** A group fails or has not enough evidence; it never passes. */
  readonly verdict: Exclude<GuardVerdict, 'pass'>
  readonly evidence: number
  readonly threshold: number
  readonly outcomes: number
  readonly failures: number
  /** Ids, the strongest evidence first; at most 5 % of them are named wrongly in expectation (e-BH). */
  readonly suspects: readonly number[]
  readonly sentence: string
}

const MOST_NAMED = 5

/** The readings of each cohort, in the order of their names, and of all moved applications; empty without members. */
export function readPooled(members: readonly PooledMember[]): PooledReading[] {
  if (members.length === 0) return []
  const cohorts = [...Map.groupBy(members, ({ cohort }) => cohort)].sort(([a], [b]) => (a < b ? -1 : 1))
  return [...cohorts.map(([cohort, own]) => readingOf(cohort, own)), readingOf(undefined, members)]
}

function readingOf(cohort: string | undefined, members: readonly PooledMember[]): PooledReading {
  const evidence = meanEvidence(members.map((member) => member.evidence))
  const named = suspects(members).map(({ applicationId }) => applicationId)
  const hasFailed = evidence >= POOLED_THRESHOLD
  const who = cohort === undefined ? 'All moved applications' : `The cohort ${cohort}`
  const of = members.length === 1 ? '1 application' : `${members.length} applications`
  const suspected = named.length === 0 ? 'none is suspected' : `suspected: ${namesOf(named)}`
  const strength = `evidence ${rounded(evidence)} of ${POOLED_THRESHOLD.toLocaleString('en-US')} from ${of}`
  return {
    ...{ guard: cohort === undefined ? 'global' : 'cohort', cohort, applications: members.length },
    ...{ verdict: hasFailed ? 'fail' : 'not_enough_evidence', evidence, threshold: POOLED_THRESHOLD },
    outcomes: members.reduce((sum, { outcomes }) => sum + outcomes, 0),
    failures: members.reduce((sum, { failures }) => sum + failures, 0),
    ...{
      suspects: named,
      sentence: `${who}: ${hasFailed ? 'failed' : 'not enough evidence'}, ${strength}; ${suspected}.`,
    },
  }
}

function namesOf(ids: readonly number[]): string {
  const more = ids.length > MOST_NAMED ? ` and ${ids.length - MOST_NAMED} more` : ''
  return ids.slice(0, MOST_NAMED).join(', ') + more
}

function rounded(value: number): string {
  if (value >= 1e9) return `about 10^${Math.floor(Math.log10(value))}`
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)))
}
