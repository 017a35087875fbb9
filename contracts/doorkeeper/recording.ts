import { readFileSync } from 'node:fs'

/** A response in the form of the recording. */
export interface RecordedResponse {
  readonly status: number
  readonly reason: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body?: string
  readonly json?: unknown
  readonly html?: {
    readonly forms: ReadonlyArray<{
      readonly method: string
      readonly action: string
      readonly fields: ReadonlyArray<readonly [name: string, value: string]>
    }>
    readonly text: string
  }
}

/** A request and its response; a step of the set-up is not compared. */
export interface RecordedStep {
  readonly note?: string
  readonly setup?: boolean
  /** Paths that were visited between the request and the response. */
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

/** A server's answers in one scenario. */
export interface RecordedScenario {
  readonly id: string
  readonly title: string
  /** Races, and values that change with time: not compared. */
  readonly volatile?: boolean
  /** The test control that the server lacks. */
  readonly skipped?: string
  /** Why it was cut short. */
  readonly failed?: string
  readonly steps: ReadonlyArray<RecordedStep | RecordedControl>
}

/** The headers that clients and browsers depend on; their values must be as recorded. */
export const COMPARED_HEADERS: readonly string[] = [
  'location',
  'content-type',
  'cache-control',
  'pragma',
  'www-authenticate',
  'allow',
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
  'access-control-allow-credentials',
]

const KEPT_HEADERS: ReadonlySet<string> = new Set([...COMPARED_HEADERS, 'set-cookie'])

/** The compared steps, in order. */
export function comparedSteps(scenario: RecordedScenario): RecordedStep[] {
  return scenario.steps.filter((step): step is RecordedStep => 'response' in step && step.setup !== true)
}

/** The recorded versions of Doorkeeper, the reference first. */
export const VERSIONS = ['5.9', '5.5'] as const

/** A recorded version of Doorkeeper. */
export type Version = (typeof VERSIONS)[number]

/** The requests to real Doorkeeper and its responses, with the gems of each version. */
export const RECORDED: Readonly<Record<Version, string>> = {
  '5.9': 'Doorkeeper 5.9.1, doorkeeper-openid_connect 1.8.11, doorkeeper-device_authorization_grant 1.0.3',
  '5.5': 'Doorkeeper 5.5.0, doorkeeper-openid_connect 1.8.0, doorkeeper-device_authorization_grant 1.0.3',
}

/** The recorded scenarios of one version of Doorkeeper, by id. */
export function readRecording(version: Version): ReadonlyMap<string, RecordedScenario> {
  const text = readFileSync(new URL(`recording-${version}.json`, import.meta.url), 'utf8')
  return new Map((JSON.parse(text) as RecordedScenario[]).map((recorded) => [recorded.id, recorded]))
}

/** The responses of real Doorkeeper 5.5.0 to the cases near the recorded ones. */
export function readNearRecording(): ReadonlyMap<string, RecordedScenario> {
  const text = readFileSync(new URL('recording-near-5.5.json', import.meta.url), 'utf8')
  return new Map((JSON.parse(text) as RecordedScenario[]).map((recorded) => [recorded.id, recorded]))
}

/** A scenario reduced to what is compared: without set-up, and without headers and texts that may differ. */
export function comparedPart(scenario: RecordedScenario): RecordedScenario {
  const steps = comparedSteps(scenario).map((step) => {
    const { body, html, ...response } = step.response
    const headers = response.headers.filter(([name]) => KEPT_HEADERS.has(name.toLowerCase()))
    const content = html === undefined ? { ...(body === undefined ? {} : { body }) } : { html }
    return { ...step, response: { ...response, headers, ...content } }
  })
  return { ...scenario, steps }
}
