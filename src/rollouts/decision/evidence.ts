import type { GuardReading } from '../../guards/index.ts'
import { PASSING_EVIDENCE, passingEvidence } from '../../guards/index.ts'
import type { PlanStep, RequiredEvidence } from '../plan/plan.ts'
import { countInWords } from '../plan/plan-rules.ts'

/** What is still missing until a step has shown what it must; empty when nothing is. */
export interface EvidenceGap {
  readonly sentences: readonly string[]
  /** The clean outcomes that are still needed, as far as that can be said. */
  readonly outcomesMissing: number
}

const ENOUGH: EvidenceGap = { sentences: [], outcomesMissing: 0 }
const MOST_NAMED = 3

/**
 * Whether the applications of a step have shown what it requires. Listed and sampled applications must each show it,
 * because they were chosen one by one; a percentage must show it all together, or one application with ten requests a
 * day would keep thousands waiting for days. An application without any outcome has shown nothing. Guards that fail or
 * suspect are judged elsewhere: here, they only keep the step from passing.
 */
export function evidenceGap(
  step: Pick<PlanStep, 'moves' | 'evidence' | 'passOnProbes'>,
  applications: readonly number[],
  readings: readonly GuardReading[],
): EvidenceGap {
  if (applications.length === 0) return ENOUGH
  const wanted = new Set(applications)
  const counts = new Map<number, Counts>()
  const probed = new Set<number>()
  for (const reading of readings) {
    const { applicationId: id, guard, verdict, outcomes, failures, sentence } = reading
    if (!wanted.has(id)) continue
    if (guard === 'failures') counts.set(id, { outcomes, failures, sentence })
    if (guard === 'probes' && verdict === 'pass') probed.add(id)
  }
  const passes = (id: number) => {
    const own = counts.get(id) ?? NOTHING
    return meets(step.evidence, own) || (step.passOnProbes && own.outcomes === 0 && probed.has(id))
  }
  if (step.moves.kind === 'percentage') {
    const real = sum(counts.values())
    if (meets(step.evidence, real)) return ENOUGH
    if (step.passOnProbes && real.outcomes === 0 && applications.every((id) => probed.has(id))) return ENOUGH
    return gapOf(step.evidence, real, `${applicationsOfStep(applications.length)} shown`)
  }
  const missing = applications.filter((id) => !passes(id))
  if (missing.length === 0) return ENOUGH
  const gaps = missing.map((id) => gapOf(step.evidence, counts.get(id) ?? NOTHING, `application ${id} has shown`))
  const more = missing.length - MOST_NAMED
  return {
    sentences: [
      ...gaps.slice(0, MOST_NAMED).flatMap(({ sentences }) => sentences),
      ...(more > 0
        ? [more === 1 ? 'one more application has not shown enough' : `${more} more applications have not shown enough`]
        : []),
    ],
    outcomesMissing: Math.max(...gaps.map(({ outcomesMissing }) => outcomesMissing)),
  }
}

interface Counts {
  readonly outcomes: number
  readonly failures: number
  /** What the guard of one application says. */
  readonly sentence?: string
}
const NOTHING: Counts = { outcomes: 0, failures: 0 }

function sum(all: Iterable<Counts>): Counts {
  let [outcomes, failures] = [0, 0]
  for (const each of all) {
    outcomes += each.outcomes
    failures += each.failures
  }
  return { outcomes, failures }
}

function meets(required: RequiredEvidence, counts: Counts): boolean {
  if ('outcomes' in required) return counts.outcomes >= required.outcomes
  return counts.outcomes > 0 && passingEvidence(counts, required.bound) >= PASSING_EVIDENCE
}

/** How many outcomes without failure are needed in addition. */
function outcomesMissing(required: RequiredEvidence, counts: Counts): number {
  if ('outcomes' in required) return required.outcomes - counts.outcomes
  let [low, high] = [0, 1]
  const suffice = (more: number) => meets(required, { ...counts, outcomes: counts.outcomes + more })
  while (!suffice(high) && high < 1e9) [low, high] = [high, high * 2]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (suffice(middle)) high = middle
    else low = middle
  }
  return high
}

function gapOf(required: RequiredEvidence, counts: Counts, whoHasShown: string): EvidenceGap {
  const missing = outcomesMissing(required, counts)
  const total = counts.outcomes + missing
  // Only the guard knows whether the application has flows at all, and where.
  const why = /^Not enough evidence: (moved, .*)\.$/.exec(counts.sentence ?? '')?.[1]
  const none = why === undefined ? 'no outcome' : `no outcome (${why})`
  const seen = counts.outcomes === 0 ? none : countInWords(counts.outcomes, 'outcome')
  const failed = counts.failures === 0 ? '' : `, of which ${counts.failures} failed`
  const sentence = `not enough evidence: ${whoHasShown} ${seen}${failed}, and ${total} ${total === 1 ? 'is' : 'are'} needed`
  return { sentences: [sentence], outcomesMissing: missing }
}

function applicationsOfStep(count: number): string {
  return count === 1 ? 'the one application of this step has' : `the ${count} applications of this step have`
}
