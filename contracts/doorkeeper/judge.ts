import { compareScenario } from './comparer.ts'
import { type Circumstances, type DeliberateDifference, differencesFor } from './deliberate-differences.ts'
import { resolvePinned } from './pinned-answer.ts'
import { comparedSteps, type RecordedScenario } from './recording.ts'

/** The result of one scenario. */
export interface Verdict {
  /** Empty if the contract is met. */
  readonly faults: readonly string[]
  readonly steps: number
  /** How many of those steps are on the list of deliberate differences. */
  readonly deliberate: number
}

/**
 * Compares a server's answers in one scenario with the recording, and at the steps on the list of deliberate
 * differences with the answers of the list. Volatile scenarios are not compared.
 */
export function judge(
  recording: ReadonlyMap<string, RecordedScenario>,
  now: RecordedScenario,
  circumstances: Circumstances,
): Verdict {
  const recorded = recording.get(now.id)
  if (recorded === undefined) return { faults: ['not recorded'], steps: 0, deliberate: 0 }
  const cut = recorded.skipped ?? recorded.failed ?? now.skipped ?? now.failed
  if (cut !== undefined) return { faults: [`not compared: ${cut}`], steps: 0, deliberate: 0 }
  if (recorded.volatile) return { faults: [], steps: 0, deliberate: 0 }
  const listed = differencesFor(circumstances).filter(({ id }) => id === now.id)
  const wanted = withAnswers(recorded, listed, recording)
  const faults = compareScenario(wanted, now, { asSeen: circumstances.handsOff }).map(
    ({ step, line }) => `step ${step}${describeStep(wanted, step)}: ${line}`,
  )
  return { faults, steps: comparedSteps(wanted).length, deliberate: listed.length }
}

/** The expected scenario: the recording with the answers of the list. */
function withAnswers(
  recorded: RecordedScenario,
  listed: readonly DeliberateDifference[],
  recording: ReadonlyMap<string, RecordedScenario>,
): RecordedScenario {
  const steps = comparedSteps(recorded).map((step, index) => {
    const instead = listed.find((one) => one.step === index + 1)
    return instead === undefined ? step : { ...step, response: resolvePinned(instead.answer, recording) }
  })
  return { ...recorded, steps }
}

function describeStep(scenario: RecordedScenario, step: number): string {
  const found = comparedSteps(scenario)[step - 1]
  if (found === undefined) return ''
  const { method, path } = found.request
  return ` ${method} ${path.split('?')[0]}${found.note ? ` (${found.note})` : ''}`
}
