import { parseArgs } from 'node:util'
import { scratchDirectory } from '../support/scratch.ts'
import { CLIENT_KINDS, type ClientKind } from './clients.ts'
import { type StoredPart, startGateway, startSides, startStoredPart, stopUnderLoad } from './stop-under-load.ts'

const HELP = `Repeatedly stops a server under load and counts the requests that were lost.

  --part NAME    gateway (default), control, iam or monolith
  --rounds N     how often (10)
  --workers N    how many processes the gateway has (1)
  --clients N    how many clients of all kinds together (60)
  --kinds LIST   of ${CLIENT_KINDS.join(', ')} (all)
`

const { values } = parseArgs({
  options: {
    part: { type: 'string', default: 'gateway' },
    rounds: { type: 'string', default: '10' },
    workers: { type: 'string', default: '1' },
    clients: { type: 'string', default: '60' },
    kinds: { type: 'string', default: CLIENT_KINDS.join(',') },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const kinds = values.kinds.split(',') as ClientKind[]
const clients = Array.from({ length: Number(values.clients) }, (_, index) => kinds[index % kinds.length] as ClientKind)
const sides = await startSides()
const scratch = scratchDirectory('stops')
const start = () =>
  values.part === 'gateway'
    ? startGateway(sides.urls, Number(values.workers))
    : startStoredPart(values.part as StoredPart, scratch.path)
const sum = { rounds: 0, answered: 0, refused: 0, lost: 0, lost_late: 0, exits_not_0: 0, longest_stop_ms: 0 }
const causes: string[] = []
for (let round = 0; round < Number(values.rounds); round++) {
  const { tally, ended, stopMs } = await stopUnderLoad(await start(), clients)
  sum.rounds++
  sum.answered += tally.answered
  sum.refused += tally.refused
  sum.lost += tally.lost
  sum.lost_late += tally.lostLate
  if (ended.code !== 0) sum.exits_not_0++
  sum.longest_stop_ms = Math.max(sum.longest_stop_ms, Math.round(stopMs))
  causes.push(...tally.causes)
}
await sides.stop()
scratch.remove()
process.stdout.write(`${JSON.stringify({ part: values.part, ...sum })}\n`)
for (const cause of causes.slice(0, 20)) process.stdout.write(`  ${cause}\n`)
process.exit(sum.lost + sum.lost_late === 0 && sum.exits_not_0 === 0 ? 0 : 1)
