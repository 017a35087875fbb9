import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { type ListenAddress, listen } from '../../src/http/index.ts'
import { type RunningIam, startIam } from '../../src/iam/index.ts'
import { type RunningMonolith, type SeedDocument, startMonolith } from '../../src/monolith/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import type { Database } from '../../src/storage/index.ts'
import { eventually } from '../support/wait.ts'

/** Monolith and IAM behind one origin; every OAuth request goes to the side that the test selects. */
export interface TwoSides {
  /** The address for browsers and clients. */
  readonly origin: string
  /** Which side answers `/oauth/authorize`, `/oauth/token` and the like; verifiers always go to IAM. */
  side: 'monolith' | 'iam'
  readonly monolith: RunningMonolith
  stopIam(): Promise<void>
  startIam(): Promise<void>
  /** Sends a test control to both sides: `reset`, or `advance?seconds=N`. */
  lab(control: string): Promise<void>
  close(): Promise<void>
}

const INTERNAL_TOKEN = 'internal-token-of-two-sides'
const ANY: ListenAddress = { host: '127.0.0.1', port: 0 }
/** The pages below these paths are the monolith's on both sides. */
const OF_EITHER_SIDE = /^\/oauth\/(?!device)/

/** Starts both, with the applications replicated. */
export async function startTwoSides(database: Database, seed: SeedDocument): Promise<TwoSides> {
  let iam: RunningIam | undefined
  let monolith: RunningMonolith | undefined
  let internal = ANY
  let outer = ANY
  const front = createServer((message, response) => {
    const url = message.url ?? '/'
    const toIam = /[?&](login|consent)_verifier=/.test(url) || (sides.side === 'iam' && OF_EITHER_SIDE.test(url))
    forward(toIam ? outer.port : (monolith?.address.port ?? 0), message, response)
  })
  const running = await listen(front, ANY)
  const start = async () => {
    const addresses = { listen: outer, internalListen: internal, issuer: running.url }
    const secrets = { internalToken: INTERNAL_TOKEN, verifierKey: Buffer.alloc(32, 5) }
    iam = await startIam(
      { ...addresses, ...secrets, database, testControls: true, protocol: { deviceInterval: 1 } },
      silentLog,
    )
    internal = iam.internalAddress
    outer = iam.address
  }
  await start()
  const address = { internalUrl: iam?.internalUrl ?? '', token: INTERNAL_TOKEN }
  const own = { listen: ANY, issuer: running.url, database, seed, testControls: true }
  const started = await startMonolith({ ...own, iam: address }, silentLog)
  monolith = started
  await eventually('the applications are with IAM', () => started.replicator.whenDelivered(1_000))
  const sides: TwoSides = {
    origin: running.url,
    side: 'monolith',
    monolith: started,
    startIam: start,
    async stopIam() {
      await iam?.close()
      iam = undefined
    },
    async lab(control) {
      for (const { url } of [started, iam].filter((one) => one !== undefined)) {
        const answer = await fetch(`${url}/__lab/${control}`, { method: 'POST', signal: AbortSignal.timeout(10_000) })
        if (answer.status !== 204) throw new Error(`${control}: ${answer.status}`)
      }
    },
    async close() {
      await running.close(0)
      await started.close()
      await iam?.close()
    },
  }
  return sides
}

function forward(port: number, message: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = message
  const onward = httpRequest({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(response)
  })
  onward.on('error', () => response.headersSent || response.writeHead(502).end())
  message.pipe(onward)
}
