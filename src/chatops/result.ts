import type { Environment, FlagState } from '../flags/index.ts'

/** The result of one part of a command. */
export type Tone = 'done' | 'info' | 'waiting' | 'refused' | 'not_done'

/** A part of a response: usually the result in one environment. */
export interface Section {
  readonly heading: string
  readonly tone: Tone
  readonly lines: readonly string[]
}

/** The result of a whole command. */
export type Outcome = 'done' | 'partial' | 'waiting' | 'refused' | 'info'

/** The response to a command; Slack and the terminal show the same one. */
export interface ChatAnswer {
  /** The command as it was parsed, or as it was typed. */
  readonly command: string
  readonly outcome: Outcome
  readonly sections: readonly Section[]
  /** Identifies the command in the log of the control plane. */
  readonly correlationId: string
}

/** Combines the parts: a refused part makes it partial or refused, else a waiting part makes it waiting, else done. */
export function outcomeOf(sections: readonly Section[]): Outcome {
  const tones = new Set(sections.map(({ tone }) => tone))
  const isHeldUp = tones.has('refused') || tones.has('not_done')
  if (isHeldUp) return tones.has('done') || tones.has('waiting') ? 'partial' : 'refused'
  if (tones.has('waiting')) return 'waiting'
  return tones.has('done') ? 'done' : 'info'
}

/** A response with a single part that refuses the whole command. */
export function refusal(command: string, correlationId: string, lines: readonly string[]): ChatAnswer {
  return { command, outcome: 'refused', sections: [{ heading: 'Not done', tone: 'refused', lines }], correlationId }
}

/** The heading for an environment, such as `production: done`. */
export function headingOf(environment: Environment, word: string): string {
  return `${environment}: ${word}`
}

/** A flag's state as text; `nameOf` formats an actor. */
export function stateInWords(state: FlagState, nameOf: (actor: string) => string = (actor) => actor): string {
  const said: string[] = []
  if (state.boolean) said.push('on for all')
  if (state.actors.length > 0) said.push(`on for ${state.actors.map(nameOf).join(', ')}`)
  if (state.percentage_of_actors > 0) said.push(`${state.percentage_of_actors} % of applications`)
  if (state.percentage_of_time > 0) said.push(`${state.percentage_of_time} % of the time`)
  if (state.feature_groups.length > 0) said.push(`feature groups ${state.feature_groups.join(', ')}`)
  if (said.length === 0) said.push('off for all')
  if (state.opted_out.length > 0) said.push(`opted out: ${state.opted_out.map(nameOf).join(', ')}`)
  return said.join('; ')
}
