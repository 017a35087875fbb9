import { comparedSteps, type RecordedResponse, type RecordedScenario } from './recording.ts'

/** Our server's answer where it differs from the recording. */
export type PinnedAnswer = AnswerElsewhere | OwnAnswer

/** The answer that Doorkeeper itself gives at another step, so that it fits each version. */
export interface AnswerElsewhere {
  readonly like: readonly [id: string, step: number]
  /** The differences in its JSON, by member. */
  readonly but?: (json: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>
}

/** An answer that Doorkeeper never gives. */
export interface OwnAnswer {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  /** Absent for an HTML page. */
  readonly json?: Readonly<Record<string, unknown>>
}

/** The answer in the form of the recording. Throws if it refers to a step that was not recorded. */
export function resolvePinned(
  answer: PinnedAnswer,
  recording: ReadonlyMap<string, RecordedScenario>,
): RecordedResponse {
  if ('status' in answer) {
    const { status, headers, json } = answer
    const content = json === undefined ? { html: { forms: [], text: '' } } : { json }
    return { status, reason: '', headers, ...content }
  }
  const [id, step] = answer.like
  const scenario = recording.get(id)
  const response = scenario && comparedSteps(scenario)[step - 1]?.response
  if (response === undefined) throw new Error(`${id} has no step ${step}`)
  if (answer.but === undefined) return response
  return { ...response, json: answer.but(response.json as Readonly<Record<string, unknown>>) }
}
