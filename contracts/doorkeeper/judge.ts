import { compareScenario } from './comparer.ts'
import { type Circumstances, type DeliberateDifference, differencesFor } from './deliberate-differences.ts'
import { comparedSteps, type RecordedScenario, type RecordedStep } from './recording.ts'

const SEEN_OF_PAGES = ['status', 'location', 'content-type', 'body']

/** What came of one scenario. */
export interface Verdict {
  /** Empty when the contract is kept. */
  readonly faults: readonly string[]
  readonly steps: number
  /** Differences found that are on the list. */
  readonly deliberate: number
}

/**
 * Holds an answer to the recording and to the list of deliberate differences, both ways: an unlisted difference is a
 * fault, and so is a listed one that did not occur. Volatile scenarios are not compared.
 */
export function judge(recorded: RecordedScenario, now: RecordedScenario, circumstances: Circumstances): Verdict {
  const cut = recorded.skipped ?? recorded.failed ?? now.skipped ?? now.failed
  if (cut !== undefined) return { faults: [`not compared: ${cut}`], steps: 0, deliberate: 0 }
  if (recorded.volatile) return { faults: [], steps: 0, deliberate: 0 }
  const { handsOff } = circumstances
  const listed = differencesFor(circumstances).filter(({ id }) => id === recorded.id)
  const differences = compareScenario(recorded, now, { asSeen: handsOff })
  const faults = differences
    .filter(({ step, part }) => !listed.some((one) => one.step === step && one.parts.includes(part)))
    .map(({ step, line }) => `step ${step}${describeStep(recorded, step)}: ${line}`)
  for (const one of listed) {
    const occurring = new Set(differences.filter(({ step }) => step === one.step).map(({ part }) => part))
    const steps = [recorded, now].map((scenario) => comparedSteps(scenario)[one.step - 1])
    for (const part of expectedParts(one, handsOff, steps)) {
      if (!occurring.has(part)) faults.push(`step ${one.step}: ${part} is listed as different, and is not`)
    }
    const status = steps[1]?.response.status
    if (status !== one.status) faults.push(`step ${one.step}: the list says status ${one.status}, now ${status}`)
  }
  return { faults, steps: comparedSteps(recorded).length, deliberate: listed.length }
}

/** As seen, the other headers of a page do not count. */
function expectedParts(one: DeliberateDifference, handsOff: boolean, steps: ReadonlyArray<RecordedStep | undefined>) {
  const isPage = handsOff && steps.some((step) => step?.response.html !== undefined)
  return isPage ? one.parts.filter((part) => SEEN_OF_PAGES.includes(part)) : one.parts
}

function describeStep(recorded: RecordedScenario, step: number): string {
  const found = comparedSteps(recorded)[step - 1]
  if (found === undefined) return ''
  const { method, path } = found.request
  return ` ${method} ${path.split('?')[0]}${found.note ? ` (${found.note})` : ''}`
}
