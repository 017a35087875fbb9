// A gateway's part of the measurement: receives a snapshot, decides by it, keeps it on disk and reads it back.
import { readFileSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ControlStream } from '../../src/gateway/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import { bytesInUse, clientIdOf, measureDecisions } from '../decision.ts'
import { type LoopFigures, LoopWatch } from './loop-watch.ts'

/** The command-line argument of a measuring process. */
export interface GatewayPlan {
  readonly url: string
  readonly tokenFile: string
  readonly stateFile: string
  readonly applications: number
}

/** What it measures. */
export interface GatewayFigures {
  readonly received: LoopFigures
  readonly bytesPerApplication: number
  readonly decideNs: number
  readonly factsAndDecideNs: number
  /** From the snapshot's arrival until it is on disk, and a second of waiting. */
  readonly kept: LoopFigures
  readonly fileBytes: number
  readonly loaded: LoopFigures
}

const plan = JSON.parse(process.argv[2] ?? '{}') as GatewayPlan
const token = readFileSync(plan.tokenFile, 'utf8').trim()
const open = (url: string) =>
  new ControlStream(
    { kind: 'control', url, otherUrls: [], token, environment: 'production', stateFile: plan.stateFile },
    silentLog,
  )
const until = async (holds: () => boolean | Promise<boolean>) => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

// A first lookup and a first measurement of memory load what they need, so that they do not count.
clientIdOf(1)
const before = bytesInUse()
const following = open(plan.url)
let watch = new LoopWatch()
await following.start()
await until(() => following.isAvailable)
const received = watch.end()
watch = new LoopWatch()
await until(() => stat(plan.stateFile).then(...([() => true, () => false] as const)))
const kept = watch.end()
const bytesPerApplication = (bytesInUse() - before) / plan.applications
const lookUp = (clientId: string) => {
  const status = following.lookUp(clientId)
  if (typeof status === 'string') throw new Error(`${clientId} is ${status}: the measurement is broken`)
  return status
}
const decisions = measureDecisions({ lookUp }, plan.applications)
await following.close()

const restarted = open('http://127.0.0.1:9')
watch = new LoopWatch()
await restarted.start()
const loaded = watch.end()
if (!restarted.isAvailable) throw new Error('the snapshot on disk was not usable')
await restarted.close()
const fileBytes = statSync(plan.stateFile).size
process.send?.({ received, bytesPerApplication, ...decisions, kept, fileBytes, loaded } satisfies GatewayFigures)
process.disconnect?.()
