import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { aboutInWords, DecisionLines } from '../../../rollouts/index.ts'
import type { ControlPlan } from '../../client/control-command.ts'
import { UsageFault } from '../../command-line.ts'

const MOST_NAMED = 10

const stepSchema = z.object({
  number: z.int(),
  moves: z.string(),
  applications: z.array(z.int()),
  traffic_share: z.number().nullable(),
  flows_at_risk: z.number(),
  load: z.object({ average_per_second: z.number(), peak_per_second: z.number() }),
  begins_after_ms: z.number().nullable(),
  evidence_after_ms: z.number().nullable(),
  lasts_ms: z.number().nullable(),
  stalls: z.array(z.string()),
  waits_for: z.array(z.string()),
})
const simulationSchema = z.object({
  steps: z.array(stepSchema),
  lasts_ms: z.number().nullable(),
  soak_ms: z.number(),
  observed: z.object({ from: z.string(), until: z.string(), applications: z.int() }),
})

/** Asks what a plan would do, with the traffic of the last day or of a gateway's decision log. Exit code 1 if it stalls. */
export function simulated(plan: string, logFile: string | undefined): ControlPlan {
  return async (ask) => {
    const traffic = logFile === undefined ? undefined : await trafficOf(logFile)
    const json = await ask('POST', '/api/v1/rollouts/simulate', { plan, ...(traffic && { traffic }) })
    const { steps, lasts_ms: lasts, soak_ms: soak, observed } = simulationSchema.parse(json)
    const end =
      lasts === null
        ? 'The plan would stall.'
        : `The plan would take about ${aboutInWords(lasts)}, of which ${aboutInWords(soak)} are the soak.`
    const lines = [
      observed.applications === 0
        ? 'no application had a flow in the last day, so when evidence suffices is unknown'
        : `based on the traffic of ${observed.applications} applications, ${observed.from} to ${observed.until}`,
      ...steps.flatMap(stepLines),
      end,
    ]
    return { json, lines, exitCode: lasts === null ? 1 : 0 }
  }
}

function stepLines(step: z.infer<typeof stepSchema>): string[] {
  const { number, moves, applications, load } = step
  const named = applications.slice(0, MOST_NAMED).join(', ')
  const more = applications.length > MOST_NAMED ? ` and ${applications.length - MOST_NAMED} more` : ''
  const share =
    step.traffic_share === null ? 'traffic unknown' : `${rounded(step.traffic_share * 100)} % of the traffic`
  const begins =
    step.begins_after_ms === null
      ? 'does not begin, because an earlier step stalls'
      : `begins ${after(step.begins_after_ms)}`
  const lasts = step.lasts_ms === null ? '' : `, lasts ${aboutInWords(step.lasts_ms)}`
  return [
    `step ${number}: ${moves}: ${applications.length === 1 ? '1 application' : `${applications.length} applications`}, ${share}; ${begins}, ${evidenceInWords(step.evidence_after_ms)}${lasts}`,
    ...(applications.length === 0 ? [] : [`    applications ${named}${more}`]),
    `    load on IAM: ${rounded(load.average_per_second)} flows/s on average, ${rounded(load.peak_per_second)} at peak; up to ${step.flows_at_risk} flows could fail before the guards act`,
    ...step.waits_for.map((whom) => `    waits for ${whom}`),
    ...step.stalls.map((why) => `  ! ${why}`),
  ]
}

async function trafficOf(file: string) {
  const decisions = new DecisionLines()
  try {
    const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })
    for await (const line of lines) decisions.add(line)
  } catch (error) {
    throw new UsageFault(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  const { period } = decisions.traffic
  if (period === undefined) throw new UsageFault(`${file} holds no decision about a known application`)
  return {
    from: new Date(period.from).toISOString(),
    until: new Date(period.until).toISOString(),
    flows: decisions.traffic.lines(),
  }
}

function after(ms: number): string {
  return ms === 0 ? 'immediately' : `after ${aboutInWords(ms)}`
}

function evidenceInWords(ms: number | null): string {
  if (ms === null) return 'does not gather enough evidence'
  return ms === 0 ? 'needs no evidence from traffic' : `has enough evidence after ${aboutInWords(ms)}`
}

function rounded(value: number): number {
  return Number(value.toPrecision(2))
}
