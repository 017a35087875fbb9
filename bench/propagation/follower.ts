// Several gateways' snapshot receivers in one process: reports when each has seen a flip.
import { readFileSync } from 'node:fs'
import { ControlStream } from '../../src/gateway/index.ts'
import { silentLog } from '../../src/observability/index.ts'

/** The command-line arguments of a following process. */
export interface FollowerPlan {
  readonly urls: readonly string[]
  readonly tokenFile: string
  readonly clientId: string
  readonly count: number
}

/** One gateway has seen a client's flag change; `atNs` is from the machine's monotonic clock. */
export interface Seen {
  readonly gateway: number
  readonly flag: 'on' | 'off'
  readonly atNs: string
}

const EVERY_MS = 1
const plan = JSON.parse(process.argv[2] ?? '{}') as FollowerPlan
const token = readFileSync(plan.tokenFile, 'utf8').trim()
const [url = '', ...otherUrls] = plan.urls
const streams = Array.from({ length: plan.count }, () => {
  const settings = { kind: 'control' as const, url, otherUrls, token, environment: 'production', stateFile: undefined }
  return { stream: new ControlStream(settings, silentLog), flag: 'off' }
})
for (const { stream } of streams) await stream.start()
while (streams.some(({ stream }) => !stream.isAvailable)) await new Promise((resolve) => setTimeout(resolve, 20))
process.send?.('ready')

setInterval(() => {
  for (const [gateway, held] of streams.entries()) {
    const status = held.stream.lookUp(plan.clientId)
    const flag = typeof status === 'object' && status.flag === 'on' ? 'on' : 'off'
    if (flag === held.flag) continue
    held.flag = flag
    process.send?.({ gateway, flag, atNs: String(process.hrtime.bigint()) } satisfies Seen)
  }
}, EVERY_MS)
process.once('disconnect', () => process.exit())
