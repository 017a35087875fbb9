import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../support/ports.ts'
import { type Ended, type Program, startHandover } from '../support/program.ts'
import { untilReady } from '../support/wait.ts'
import { type ClientKind, runClient, type Scene, type Tally } from './clients.ts'

/** A server that is started, put under load, and stopped. */
export interface StoppedServer {
  readonly program: Program
  readonly port: number
  readonly heads: readonly string[]
}

export interface Round {
  readonly tally: Tally
  readonly ended: Ended
  /** From the signal to the end of the process, in milliseconds. */
  readonly stopMs: number
}

/** How long clients send before the signal. */
const LOAD_MS = 400

/** Sends client requests to a server, stops it with SIGTERM, and resolves once both have ended. */
export async function stopUnderLoad(
  { program, port, heads }: StoppedServer,
  clients: readonly ClientKind[],
): Promise<Round> {
  const tally: Tally = { answered: 0, refused: 0, lost: 0, lostLate: 0, causes: [] }
  const scene: Scene = { port, heads, tally, stop: { at: Number.POSITIVE_INFINITY } }
  const done = clients.map((kind) => runClient(kind, scene))
  await sleep(LOAD_MS + Math.random() * 50)
  scene.stop.at = performance.now()
  program.kill('SIGTERM')
  const ended = await program.ended
  const stopMs = performance.now() - scene.stop.at
  await Promise.all(done)
  return { tally, ended, stopMs }
}

/** Starts both sides of a gateway: they respond after a few milliseconds, and to an upload once it is complete. */
export async function startSides(): Promise<{ readonly urls: readonly [string, string]; stop(): Promise<void> }> {
  const servers = [side(), side()]
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const [legacy = '', iam = ''] = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return {
    urls: [legacy, iam],
    async stop() {
      for (const server of servers) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

function side(): Server {
  return createServer((request, response) => {
    const answer = () => void response.setHeader('Content-Length', 2).end('ok')
    request.on('end', () => setTimeout(answer, Math.random() * 15)).resume()
  })
}

/** Starts a gateway with this number of processes in front of two sides; its requests arrive on the fast path and by `node:http`. */
export async function startGateway(urls: readonly [string, string], workers: number): Promise<StoppedServer> {
  const [port = 0, admin = 0] = await freePorts(2)
  const program = await startHandover([
    ...['gateway', '--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${admin}`],
    ...['--legacy-url', urls[0], '--iam-url', urls[1], '--workers', String(workers), '--log-level', 'warn'],
  ])
  await untilReady(`http://127.0.0.1:${admin}/readyz`)
  return { program, port, heads: [get('/oauth/authorize?client_id=c'), get('/some/page')] }
}

function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: a.test\r\n`
}

/** The servers with a database of their own, which run in one process. */
export const STORED_PARTS = ['control', 'iam', 'monolith'] as const
export type StoredPart = (typeof STORED_PARTS)[number]

/** The options and the requests of a part, by the port it listens on and a second one. */
const OPTIONS: Readonly<
  Record<StoredPart, (port: number, second: number) => { readonly args: string[]; readonly targets: string[] }>
> = {
  control: () => ({ args: [], targets: ['/healthz', '/readyz', '/api/v1/applications'] }),
  iam: (port, second) => ({
    args: ['--issuer', `http://127.0.0.1:${port}`, '--internal-listen', `127.0.0.1:${second}`],
    targets: ['/.well-known/openid-configuration', '/oauth/discovery/keys', '/oauth/authorize?client_id=unknown'],
  }),
  monolith: (port) => ({
    args: ['--issuer', `http://127.0.0.1:${port}`],
    targets: ['/.well-known/openid-configuration', '/users/sign_in', '/oauth/token/info?access_token=unknown'],
  }),
}

/** Starts a part on the database in `dataDir`, which it creates if necessary. */
export async function startStoredPart(part: StoredPart, dataDir: string): Promise<StoppedServer> {
  const [port = 0, second = 0] = await freePorts(2)
  const { args, targets } = OPTIONS[part](port, second)
  const common = ['--listen', `127.0.0.1:${port}`, '--data-dir', dataDir, '--log-level', 'warn']
  const program = await startHandover([part, ...common, ...args])
  await untilReady(`http://127.0.0.1:${port}/readyz`)
  return { program, port, heads: targets.map(get) }
}
