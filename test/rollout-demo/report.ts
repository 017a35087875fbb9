import type { ClientTally } from './clients.ts'
import type { Cast, ScriptedClient } from './population.ts'
import type { Sightings } from './quirk-proxy.ts'

/** An application that the rollout excluded. */
export interface Excluded {
  readonly application_id: number
  readonly guard: string
  readonly cause: string
  readonly sentence: string
  readonly at: string
}

/** What the API says of a rollout, as far as the demonstration reads it. */
export interface RolloutView {
  readonly state: string
  readonly step: number
  readonly waiting_for: readonly string[]
  readonly excluded: readonly Excluded[]
}

/** One broken client and what the rollout made of it. */
interface Verdict {
  readonly client: ScriptedClient
  readonly excluded: Excluded | undefined
  readonly isRightCause: boolean
  /** Requests that met the break before the exclusion. */
  readonly outcomes: number
  /** Seconds from the exclusion to the last new flow that still reached IAM; 0 if none did. */
  readonly secondsUntilBack: number
}

/** What the demonstration shows. */
export interface DemoOutcome {
  readonly verdicts: readonly Verdict[]
  readonly falseAlarms: readonly Excluded[]
  readonly moved: number
  readonly state: string
  readonly failedFlows: number
  readonly flows: number
  readonly isExpected: boolean
}

export interface DemoFacts {
  readonly cast: Cast
  readonly rollout: RolloutView
  readonly tallies: ReadonlyMap<ScriptedClient, ClientTally>
  readonly sightingsOf: (clientId: string) => Sightings | undefined
}

/** Compares what the rollout did with what was broken. */
export function judge({ cast, rollout, tallies, sightingsOf }: DemoFacts): DemoOutcome {
  const excludedById = new Map(rollout.excluded.map((each) => [each.application_id, each]))
  const broken = cast.clients.filter(({ breakage }) => breakage !== undefined)
  const brokenIds = new Set(broken.map(({ application }) => application.id))
  const verdicts = broken.map((client) => {
    const excluded = excludedById.get(client.application.id)
    return verdictOf(client, excluded, sightingsOf(client.application.clientId))
  })
  const falseAlarms = rollout.excluded.filter(({ application_id }) => !brokenIds.has(application_id))
  const sum = (count: (tally: ClientTally) => number) => [...tallies.values()].reduce((all, one) => all + count(one), 0)
  return {
    ...{ verdicts, falseAlarms, state: rollout.state },
    moved: rollout.state === 'completed' ? cast.clients.length - rollout.excluded.length : 0,
    failedFlows: sum(({ failed }) => failed),
    flows: sum(({ failed, succeeded }) => failed + succeeded),
    isExpected:
      rollout.state === 'completed' && falseAlarms.length === 0 && verdicts.every(({ isRightCause }) => isRightCause),
  }
}

function verdictOf(client: ScriptedClient, excluded: Excluded | undefined, seen: Sightings | undefined): Verdict {
  if (excluded === undefined) return { client, excluded, isRightCause: false, outcomes: 0, secondsUntilBack: 0 }
  const at = Date.parse(excluded.at)
  const words = `${excluded.guard} ${excluded.cause} ${excluded.sentence}`
  const last = Math.max(at, ...(seen?.newFlows ?? []))
  return {
    ...{ client, excluded },
    isRightCause: client.breakage?.causes.some((cause) => words.includes(cause)) ?? false,
    outcomes: (seen?.met ?? []).filter((met) => met <= at).length,
    secondsUntilBack: (last - at) / 1_000,
  }
}

/** The report, one line per broken client and a summary. */
export function reportLines({ verdicts, falseAlarms, moved, state, failedFlows, flows }: DemoOutcome): string[] {
  const lines = verdicts.map(({ client, excluded, isRightCause, outcomes, secondsUntilBack }) => {
    const name = `application ${client.application.id} (${client.breakage?.name})`
    if (excluded === undefined) return `MISSED  ${name}`
    const mark = isRightCause ? 'ok     ' : 'WRONG  '
    const when = `after ${outcomes} outcomes, all traffic back within ${secondsUntilBack.toFixed(1)} s`
    return `${mark} ${name}: ${when}: ${excluded.guard}, ${excluded.cause}`
  })
  const caught = verdicts.filter(({ excluded }) => excluded !== undefined)
  const atFlip = caught.filter(({ client }) => client.breakage?.delayMs === 0).map(({ outcomes }) => outcomes)
  const later = caught.filter(({ client }) => client.breakage?.delayMs !== 0).map(({ outcomes }) => outcomes)
  const seconds = caught.map(({ secondsUntilBack }) => secondsUntilBack)
  return [
    ...lines,
    ...falseAlarms.map(({ application_id, sentence }) => `FALSE   application ${application_id}: ${sentence}`),
    `state: ${state}; moved: ${moved}; taken back: ${caught.length}; false alarms: ${falseAlarms.length}`,
    `outcomes until detection: median ${median(atFlip)} at the flip, at most ${Math.max(0, ...later)} later`,
    `seconds until all traffic was back: at most ${Math.max(0, ...seconds).toFixed(1)}`,
    `flows: ${flows}, of which ${failedFlows} failed`,
  ]
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((left, right) => left - right)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}
