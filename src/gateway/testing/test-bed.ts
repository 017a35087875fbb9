import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createRawServer,
  type Server as RawServer,
  type Socket,
} from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '../../observability/index.ts'
import {
  type ApplicationRow,
  type FlagGates,
  ROUTING_FLAG,
  type SnapshotLine,
  UNKNOWN_CLIENTS_FLAG,
} from '../../routing/index.ts'
import type { GatewaySettings } from '../settings.ts'
import { type RunningGateway, startGateway } from '../start.ts'

/** Event-loop turns after which what a response leaves behind has been logged. */
const TURNS = 5

/** A request as a side received it. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

/** A side of the gateway under test: a real HTTP server that records the requests it receives. */
export interface Side {
  readonly name: string
  readonly url: string
  readonly host: string
  readonly received: Received[]
  /** The response; by default 200 with JSON that names the side. */
  answer: (request: Received, response: ServerResponse, message: IncomingMessage) => void
  readonly server: Server
  stop(): Promise<void>
}

/** Starts a side that records its requests and answers them through `answer`. */
export async function startSide(name: string): Promise<Side> {
  const received: Received[] = []
  const listener: RequestListener = (message, response) => {
    const chunks: Buffer[] = []
    message.on('error', () => {})
    message.on('data', (chunk: Buffer) => chunks.push(chunk))
    message.on('end', () => {
      const { method = '', url = '', headers, rawHeaders } = message
      const request = { method, url, headers, rawHeaders, body: Buffer.concat(chunks) }
      received.push(request)
      side.answer(request, response, message)
    })
  }
  const server = createServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await listenOn(server)
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const side: Side = {
    name,
    url: `http://${host}`,
    host,
    received,
    answer: (_request, response) => {
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify({ side: name }))
    },
    server,
    // Upgraded sockets no longer belong to the server.
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
  return side
}

/** A side at the byte level: `onSocket` handles each connection. */
export async function startRawSide(
  onSocket: (socket: Socket) => void,
): Promise<{ url: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createRawServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    onSocket(socket)
  })
  await listenOn(server)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function listenOn(server: Server | RawServer): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
}

/** An address that nothing listens on. */
export async function deadUrl(): Promise<string> {
  const side = await startSide('dead')
  await side.stop()
  return side.url
}

export const GATES_OFF: FlagGates = { boolean: false, actors: [], percentage_of_actors: 0, opted_out: [] }

/** Application 1, `moved`, is on IAM; 2, `staying`, is not; 3, `not-replicated`, is switched on but IAM lacks it. */
export const APPLICATIONS: readonly ApplicationRow[] = [
  [1, 'moved', 1],
  [2, 'staying', 1],
  [3, 'not-replicated', 0],
]

/** Builds the lines of a snapshot stream, with the test applications by default. */
export function snapshotLines(
  options: {
    version?: number
    environment?: string
    brake?: boolean
    unknownToIam?: boolean
    rows?: readonly ApplicationRow[]
    actors?: string[]
    epoch?: string
  } = {},
): SnapshotLine[] {
  const { version = 7, environment = 'production', brake = false, rows = APPLICATIONS } = options
  const actors = options.actors ?? ['Authn::OauthApplication:1', 'Authn::OauthApplication:3']
  return [
    {
      type: 'begin',
      format: 1,
      environment,
      version,
      brake,
      flags: {
        [ROUTING_FLAG]: { ...GATES_OFF, actors },
        [UNKNOWN_CLIENTS_FLAG]: { ...GATES_OFF, boolean: options.unknownToIam ?? false },
      },
      ...(options.epoch === undefined ? {} : { epoch: options.epoch }),
    },
    { type: 'applications', rows: [...rows] },
    { type: 'end', version, applications: rows.length },
  ]
}

/** Serializes values as NDJSON. */
export function ndjson(lines: readonly unknown[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** Replaces a file atomically. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

/** The defaults of gateways under test; a preloaded module may start something else that behaves as a gateway does. */
export const defaults: { hasFastPath: boolean; start: typeof startGateway } = {
  hasFastPath: true,
  start: (globalThis as { handoverTestStart?: typeof startGateway }).handoverTestStart ?? startGateway,
}

/** What every test needs: a directory, the gateway's log lines, and cleanup of everything it started. */
export class Bed {
  readonly directory: string
  readonly lines: string[] = []
  readonly log = createLog('gateway', { level: 'debug', destination: { write: (text) => void this.lines.push(text) } })
  readonly #ends: Array<() => Promise<unknown>> = []

  private constructor(directory: string) {
    this.directory = directory
    this.#ends.push(() => rm(directory, { recursive: true, force: true }))
  }

  static async make(): Promise<Bed> {
    return new Bed(await mkdtemp(join(tmpdir(), 'handover-gateway-')))
  }

  async side(name: string): Promise<Side> {
    const side = await startSide(name)
    this.#ends.push(() => side.stop())
    return side
  }

  async rawSide(onSocket: (socket: Socket) => void): Promise<string> {
    const side = await startRawSide(onSocket)
    this.#ends.push(() => side.stop())
    return side.url
  }

  async gateway(settings: Partial<GatewaySettings> & { legacyUrl: string }): Promise<RunningGateway> {
    const path = join(this.directory, 'snapshot.ndjson')
    await replaceFile(path, ndjson(snapshotLines()))
    const gateway = await defaults.start(
      {
        listen: { host: '127.0.0.1', port: 0 },
        source: { kind: 'file', path, environment: 'production' },
        fastPath: defaults.hasFastPath,
        // Sides receive only client requests, except in tests of this fetch.
        keysAheadMs: 3_600_000,
        ...settings,
        limits: { drainMs: 200, ...settings.limits },
      },
      this.log,
    )
    this.#ends.push(() => gateway.close())
    return gateway
  }

  /** Both sides and a gateway in front of them. */
  async whole(settings: Partial<GatewaySettings> = {}): Promise<{ legacy: Side; iam: Side; gateway: RunningGateway }> {
    const legacy = await this.side('legacy')
    const iam = await this.side('iam')
    return { legacy, iam, gateway: await this.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, ...settings }) }
  }

  /** Log lines written so far, parsed; optionally only decisions. */
  async records(only?: 'decisions'): Promise<Array<Record<string, unknown>>> {
    await new Promise((resolve) => setTimeout(resolve, 20))
    // On a busy machine a timer is late and comes before the events of sockets that lead to log lines.
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
    const records = this.lines.flatMap((text) => text.split('\n')).filter((line) => line !== '')
    const parsed = records.map((line) => JSON.parse(line) as Record<string, unknown>)
    return only ? parsed.filter((record) => record['msg'] === 'iamproxy: routing decision') : parsed
  }

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
  }
}

/** A gateway in a separate process, so that its memory and its signals are its own. */
export interface GatewayProcess {
  readonly url: string
  readonly adminUrl: string
  readonly pid: number
  rss(): Promise<number>
  stop(): void
}

/** Starts a gateway in a separate process; resolves once it is ready. */
export async function startGatewayProcess(
  settings: Partial<GatewaySettings>,
  trustedCertificate?: string,
): Promise<GatewayProcess> {
  const local = { host: '127.0.0.1', port: 0 }
  const all = { listen: local, adminListen: local, source: { kind: 'none' }, ...settings }
  const code = `
    import { startGateway } from ${JSON.stringify(new URL('../start.ts', import.meta.url).href)}
    import { silentLog } from ${JSON.stringify(new URL('../../observability/index.ts', import.meta.url).href)}
    const gateway = await startGateway(${JSON.stringify(all)}, silentLog)
    process.on('message', () => process.send(process.memoryUsage.rss()))
    process.on('disconnect', () => process.exit())
    process.send({ url: gateway.url, adminUrl: gateway.adminUrl })`
  const node = [process.execPath, '--input-type=module', '-e', code]
  // Node reads additional trusted certificates from its environment, once, at startup.
  const trust = trustedCertificate === undefined ? [] : ['env', `NODE_EXTRA_CA_CERTS=${trustedCertificate}`]
  const [command = '', ...args] = [...trust, ...node]
  const child = spawn(command, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [{ url, adminUrl }] = (await once(child, 'message')) as [{ url: string; adminUrl: string }]
  const rss = async () => {
    child.send('rss')
    return ((await once(child, 'message')) as [number])[0]
  }
  return { url, adminUrl, pid: child.pid ?? 0, rss, stop: () => child.disconnect() }
}

const QUIET_MS = 300
const PATIENCE_MS = 10_000

/** Interim responses and nothing else: the final response is still to come (RFC 9110, section 15.2). */
const ONLY_INTERIM = /^(?:HTTP\/1\.1 1(?!01)\d\d[^\r]*\r\n(?:[^\r]+\r\n)*\r\n)+$/

/**
 * Sends bytes and returns everything received: until the connection ends, or on a connection that may stay open until
 * nothing arrives for `pauseMs` after a part of the final response. Waits up to `silenceMs` for the first byte of that
 * response; use a short time if none is expected.
 */
export function exchangeBytes(
  url: string,
  bytes: string | Buffer,
  silenceMs = PATIENCE_MS,
  pauseMs = QUIET_MS,
): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    // Both transports close the connection then, so its end is the end of the response.
    const isToBeClosed = /\r\nConnection: [^\r]*\bclose\b/i.test(bytes.toString('latin1'))
    const quietMs = isToBeClosed ? PATIENCE_MS : pauseMs
    let answer = ''
    const finish = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    let timer = setTimeout(finish, silenceMs)
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(finish, ONLY_INTERIM.test(answer) ? Math.max(silenceMs, quietMs) : quietMs)
    })
    socket.on('error', () => {}).on('close', finish)
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  })
}

/** Waits until `condition` holds; rejects after `patienceMs`. */
export async function until(condition: () => boolean | Promise<boolean>, patienceMs = 240_000): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('waited in vain')
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
