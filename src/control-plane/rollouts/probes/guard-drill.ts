import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '../../../flags/index.ts'
import type { GuardReading } from '../../../guards/index.ts'
import { type Breakage, breakagesOf, breakTwin } from '../../../probes/index.ts'
import type { DrillResult } from './drill-store.ts'
import type { ProbeRunner } from './probes.ts'
import type { KnownTwin } from './twins.ts'

/** The guard must act within this number of outcomes of a twin that always fails. */
export const MAX_DRILL_OUTCOMES = 7

/** Breaks that the token endpoint refuses; they take effect for each flow on its own. */
const DRILLED: readonly Breakage[] = ['wrong_secret', 'wrong_verifier']

/** The running guards, as far as a drill needs them. */
export interface DrilledGuards {
  begin(attempt: {
    readonly environment: Environment
    readonly flag: string
    readonly applicationId: number
    readonly reason: string
    readonly passOnProbes: boolean
  }): Promise<void>
  end(environment: Environment, flag: string, applicationId: number): Promise<void>
  readings(environment: Environment, applicationId?: number): readonly GuardReading[]
}

/** What a drill works with. */
export interface GuardDrill {
  readonly environment: Environment
  readonly runner: Pick<ProbeRunner, 'try'>
  readonly guards: DrilledGuards
  readonly twin: KnownTwin
  readonly iamVersion: string | undefined
  /** How long an outcome may take from the gateway to the guard. Default 15 s. */
  readonly outcomeLimitMs?: number
}

/**
 * Proves on the running system that a guard catches a broken application: the twin works, is then broken on purpose in
 * one way after the other, and each time its guard must act within seven outcomes. Ends the attempts that it began.
 */
export async function guardDrill(drill: GuardDrill): Promise<DrillResult> {
  const { twin, iamVersion } = drill
  const failed = (sentence: string, outcomes = 0) => ({ hasPassed: false, outcomes, iamVersion, sentence })
  const ways = breakagesOf(twin.twin).filter((way) => DRILLED.includes(way))
  if (ways.length === 0 || !twin.twin.kinds.includes('sign_in')) {
    return failed(`The twin ${twin.name} cannot be broken: it needs the flow sign_in, and a secret or PKCE.`)
  }
  const [whole] = await drill.runner.try({ ...twin.twin, kinds: ['sign_in'] }, { side: 'iam' })
  if (whole?.verdict !== 'succeeded') {
    return failed(`The twin ${twin.name} fails without being broken: ${whole?.failedAt}, ${whole?.error}.`)
  }
  let most = 0
  for (const way of ways) {
    const outcomes = await drillOneWay(drill, way)
    if (outcomes === undefined) {
      return failed(
        `No guard acted within ${MAX_DRILL_OUTCOMES} outcomes of ${twin.name} with a ${worded(way)}.`,
        MAX_DRILL_OUTCOMES,
      )
    }
    most = Math.max(most, outcomes)
  }
  const sentence = `The guard of ${twin.name} acted after ${most} outcomes at most (${ways.map(worded).join(', ')}).`
  return { hasPassed: true, outcomes: most, iamVersion, sentence }
}

/** Resolves with the number of outcomes after which the guard acted; undefined if it did not. */
async function drillOneWay({ environment, runner, guards, twin, ...drill }: GuardDrill, way: Breakage) {
  const { applicationId } = twin
  // An attempt under a flag of its own: earlier drills must not raise the threshold of this one.
  const flag = `guard_drill_${randomBytes(6).toString('hex')}`
  const reason = `guard drill: ${worded(way)}`
  await guards.begin({ environment, flag, applicationId, reason, passOnProbes: true })
  // What an earlier attempt found stays, and says nothing about this one; one outcome of it may still arrive.
  const earlier = new Set(guards.readings(environment, applicationId).map(keyOf))
  try {
    const broken = breakTwin({ ...twin.twin, kinds: ['sign_in'] }, way)
    for (let count = 1; count <= MAX_DRILL_OUTCOMES; count++) {
      await runner.try(broken, { side: 'iam' })
      const arrived = await arrivedWithin(drill.outcomeLimitMs ?? 15_000, () => {
        const readings = guards
          .readings(environment, applicationId)
          .filter((one) => one.failures <= count + 1 && !earlier.has(keyOf(one)))
        return readings.find(({ level }) => level === 'act') ?? readings.find(({ failures }) => failures >= count)
      })
      if (arrived?.level === 'act') return count
      if (arrived === undefined) return undefined
    }
    return undefined
  } finally {
    await guards.end(environment, flag, applicationId)
  }
}

/** Two attempts that fail alike have equal counts and evidence; the requests that failed tell them apart. */
function keyOf({ guard, outcomes, failures, requestIds }: GuardReading): string {
  return [guard, outcomes, failures, ...requestIds].join(' ')
}

async function arrivedWithin<T>(limitMs: number, look: () => T | undefined): Promise<T | undefined> {
  for (const until = performance.now() + limitMs; ; await sleep(50)) {
    const found = look()
    if (found !== undefined || performance.now() > until) return found
  }
}

function worded(way: Breakage): string {
  return way.replaceAll('_', ' ')
}
