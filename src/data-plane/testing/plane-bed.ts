import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GatewaySettings } from '../../gateway/index.ts'
import { createLog } from '../../observability/index.ts'
import { ROUTING_FLAG, SNAPSHOT_FORMAT, type SnapshotLine, UNKNOWN_CLIENTS_FLAG } from '../../routing/index.ts'
import { type RunningDataPlane, startDataPlane } from '../start.ts'

const HAPROXY = 'haproxy'
/** Why a test with a real HAProxy is skipped; false if there is one. */
export const NO_HAPROXY = spawnSync(HAPROXY, ['-v']).status !== 0 && 'HAProxy is not installed'

/** A request as a side received it. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** A side behind the data plane: a real HTTP server that records requests. */
export interface PlaneSide {
  readonly url: string
  readonly host: string
  readonly received: Received[]
  /** The response; by default 200 with the name of the side. */
  answer: (request: Received, response: ServerResponse) => void
  stop(): Promise<void>
}

/** Starts a side; on `port` if given. */
export async function startPlaneSide(name: string, port = 0): Promise<PlaneSide> {
  const received: Received[] = []
  const server = createServer((message, response) => {
    const chunks: Buffer[] = []
    message.on('error', () => {})
    message.on('data', (chunk: Buffer) => chunks.push(chunk))
    message.on('end', () => {
      const { method = '', url = '', headers } = message
      // HAProxy asks whether IAM is up.
      if (url === '/readyz') return void response.end()
      const request = { method, url, headers, body: Buffer.concat(chunks) }
      received.push(request)
      side.answer(request, response)
    })
  })
  server.keepAliveTimeout = 60_000
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const side: PlaneSide = {
    url: `http://${host}`,
    host,
    received,
    answer: (_request, response) =>
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ side: name })),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return side
}

/** What the snapshot of a test says; one application is a row of id, client id and whether IAM holds it. */
export interface PlaneSnapshot {
  readonly version?: number
  readonly rows?: ReadonlyArray<[id: number, clientId: string, ready: 0 | 1]>
  readonly actors?: readonly number[]
  readonly optedOut?: readonly number[]
  readonly percentage?: number
  readonly boolean?: boolean
  readonly brake?: boolean
  readonly unknownToIam?: boolean
}

/** Application 1, `moved`, is on IAM; 2, `staying`, is not; 3, `not-replicated`, is switched on but IAM lacks it. */
const ROWS: ReadonlyArray<[number, string, 0 | 1]> = [
  [1, 'moved', 1],
  [2, 'staying', 1],
  [3, 'not-replicated', 0],
]

/** The lines of a snapshot. */
export function snapshotOf(what: PlaneSnapshot = {}): SnapshotLine[] {
  const { version = 7, rows = ROWS, actors = [1, 3], optedOut = [], percentage = 0, boolean = false } = what
  const actorOf = (id: number) => `Authn::OauthApplication:${id}`
  const off = { boolean: false, actors: [], percentage_of_actors: 0, opted_out: [] }
  const flags = {
    [ROUTING_FLAG]: {
      boolean,
      actors: actors.map(actorOf),
      percentage_of_actors: percentage,
      opted_out: optedOut.map(actorOf),
    },
    [UNKNOWN_CLIENTS_FLAG]: { ...off, boolean: what.unknownToIam ?? false },
  }
  const lines: SnapshotLine[] = [
    { type: 'begin', format: SNAPSHOT_FORMAT, environment: 'production', version, brake: what.brake ?? false, flags },
  ]
  for (let at = 0; at < rows.length; at += 1_000) lines.push({ type: 'applications', rows: rows.slice(at, at + 1_000) })
  lines.push({ type: 'end', version, applications: rows.length })
  return lines
}

/** A directory, a snapshot file, the log, and everything that a test has started. */
export class PlaneBed {
  readonly directory: string
  readonly lines: string[] = []
  readonly log = createLog('dataplane', {
    level: 'debug',
    destination: { write: (text) => void this.lines.push(text) },
  })
  readonly #ends: Array<() => Promise<unknown>> = []

  private constructor(directory: string) {
    this.directory = directory
    this.#ends.push(() => rm(directory, { recursive: true, force: true }))
  }

  static async make(): Promise<PlaneBed> {
    return new PlaneBed(await mkdtemp(join(tmpdir(), 'plane-')))
  }

  async side(name: string, port?: number): Promise<PlaneSide> {
    const side = await startPlaneSide(name, port)
    this.#ends.push(() => side.stop())
    return side
  }

  async snapshot(what: PlaneSnapshot = {}): Promise<void> {
    const path = this.snapshotFile
    await writeFile(
      `${path}.new`,
      snapshotOf(what)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    )
    await rename(`${path}.new`, path)
  }

  get snapshotFile(): string {
    return join(this.directory, 'snapshot.ndjson')
  }

  get planeDirectory(): string {
    return join(this.directory, 'haproxy')
  }

  /** Starts a data plane; with the snapshot written last. */
  async plane(
    settings: Partial<GatewaySettings> & { legacyUrl: string },
    program = 'haproxy',
  ): Promise<RunningDataPlane> {
    const local = { host: '127.0.0.1', port: 0 }
    const plane = await startDataPlane(
      {
        program,
        directory: this.planeDirectory,
        bindOptions: '',
        threads: 1,
        gateway: {
          listen: local,
          source: { kind: 'file', path: this.snapshotFile, environment: 'production' },
          keysAheadMs: 3_600_000,
          ...settings,
          limits: { drainMs: 1_000, ...settings.limits },
        },
      },
      this.log,
    )
    this.#ends.push(() => plane.close())
    return plane
  }

  /** Both sides and a data plane in front of them. */
  async whole(
    settings: Partial<GatewaySettings> = {},
    snapshot: PlaneSnapshot = {},
  ): Promise<{ legacy: PlaneSide; iam: PlaneSide; plane: RunningDataPlane }> {
    const legacy = await this.side('legacy')
    const iam = await this.side('iam')
    await this.snapshot(snapshot)
    const plane = await this.plane({ legacyUrl: legacy.url, iamUrl: iam.url, ...settings })
    return { legacy, iam, plane }
  }

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
  }
}

/** Waits until `condition` holds; rejects after `patienceMs`. */
export async function until(condition: () => boolean | Promise<boolean>, patienceMs = 240_000): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('waited in vain')
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}
