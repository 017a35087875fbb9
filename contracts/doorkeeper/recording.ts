import { readFileSync } from 'node:fs'

/** An answer as the recording keeps it. */
export interface RecordedResponse {
  readonly status: number
  readonly reason: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body?: string
  readonly json?: unknown
  readonly json_keys_in_order?: readonly string[]
  readonly html?: {
    readonly forms: ReadonlyArray<{
      readonly method: string
      readonly action: string
      readonly fields: ReadonlyArray<readonly [name: string, value: string]>
    }>
    readonly text: string
  }
}

/** A request and its answer; a step of the set-up is not compared. */
export interface RecordedStep {
  readonly note?: string
  readonly setup?: boolean
  /** Paths that were walked between the request and the answer. */
  readonly hops?: readonly string[]
  readonly request: {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string
  }
  readonly response: RecordedResponse
}

/** A test control that was used between two requests. */
export interface RecordedControl {
  readonly hook: string
  readonly setup: true
}

/** What a server answered to one scenario. */
export interface RecordedScenario {
  readonly id: string
  readonly title: string
  /** Races, and values that tick: not compared. */
  readonly volatile?: boolean
  /** The test control that the server does not have. */
  readonly skipped?: string
  /** Why it was cut short. */
  readonly failed?: string
  readonly steps: ReadonlyArray<RecordedStep | RecordedControl>
}

/** The steps that are compared, in order. */
export function comparedSteps(scenario: RecordedScenario): RecordedStep[] {
  return scenario.steps.filter((step): step is RecordedStep => 'response' in step && step.setup !== true)
}

/** What real Doorkeeper 5.9.1 answered, with doorkeeper-openid_connect 1.8.11 and the device grant 1.0.3. */
export function readRecording(): RecordedScenario[] {
  return JSON.parse(readFileSync(new URL('recording-5.9.json', import.meta.url), 'utf8'))
}
