import { z } from 'zod'
import type { ReportedEvent, ReportedRollout } from '../../../rollouts/index.ts'
import type { ControlClient } from '../../client/control-client.ts'

const rolloutSchema = z.object({
  id: z.int(),
  name: z.string(),
  flag: z.string(),
  environment: z.string(),
  state: z.string(),
  version: z.int(),
  step: z.int(),
  furthest_step: z.int(),
  earliest_next_at: z.string().nullable(),
  waiting_for: z.array(z.string()),
  steps: z.array(
    z.object({
      number: z.int(),
      moves: z.string(),
      applications: z.int().nullable(),
      traffic_share: z.number().nullable(),
    }),
  ),
  excluded: z.array(
    z.object({
      application_id: z.int(),
      guard: z.string(),
      cause: z.string().nullable(),
      sentence: z.string(),
      at: z.string(),
    }),
  ),
})
const eventSchema = z.object({
  number: z.int(),
  at: z.string(),
  by: z.string(),
  kind: z.string(),
  sentence: z.string(),
})

/** A rollout as `GET /api/v1/rollouts/:id` returns it. */
export type RolloutDocument = ReportedRollout & { readonly version: number }

/** A rollout, with the answer as it came. */
export async function askRollout(ask: ControlClient, id: number) {
  const json = await ask('GET', `/api/v1/rollouts/${id}`)
  return { json, rollout: readRollout(json) }
}

/** The rollout in an answer. */
export function readRollout(json: unknown): RolloutDocument {
  return rolloutSchema.parse(json)
}

/** The rollouts in an answer. */
export function readRollouts(json: unknown): RolloutDocument[] {
  return z.object({ rollouts: z.array(rolloutSchema) }).parse(json).rollouts
}

/** All events of a rollout with numbers above `after`, in order. */
export async function askEvents(ask: ControlClient, id: number, after = 0): Promise<ReportedEvent[]> {
  const all: ReportedEvent[] = []
  for (let from = after; ; ) {
    const json = await ask('GET', `/api/v1/rollouts/${id}/events?after=${from}`)
    const { events } = z.object({ events: z.array(eventSchema) }).parse(json)
    const news = events.filter(({ number }) => number > from).sort((a, b) => a.number - b.number)
    const last = news.at(-1)
    if (last === undefined) return all
    all.push(...news)
    from = last.number
  }
}

/** A rollout on one line. */
export function rolloutInWords(rollout: RolloutDocument): string {
  const { id, name, state, environment, flag, step, steps } = rollout
  return `${id}  ${name}  ${state}  step ${step} of ${steps.length}  ${flag} in ${environment}`
}

/** A rollout with everything that a person wants to know at a glance. */
export function rolloutLines(rollout: RolloutDocument): string[] {
  const { step, version, earliest_next_at: earliest, waiting_for: waits, steps, excluded } = rollout
  return [
    `${rolloutInWords(rollout)}  version ${version}`,
    ...(earliest === null ? [] : [`next step not before ${earliest}`]),
    ...waits.map((sentence) => `? ${sentence}`),
    ...steps.map(({ number, moves, applications, traffic_share: share }) => {
      const mark = number === step ? '>' : ' '
      const traffic = share === null ? 'traffic unknown' : `${Number((share * 100).toPrecision(2))} % of the traffic`
      return `${mark} step ${number}: ${moves}; ${countInWords(applications)}, ${traffic}`
    }),
    ...excluded.map((each) => `x application ${each.application_id} was taken back at ${each.at}: ${each.sentence}`),
  ]
}

function countInWords(applications: number | null): string {
  if (applications === null) return 'applications not known yet'
  return applications === 1 ? '1 application' : `${applications} applications`
}

/** An event on one line. */
export function eventInWords({ at, kind, by, sentence }: ReportedEvent): string {
  return `${at}  ${kind.padEnd(11)}  ${sentence}  (${by})`
}
