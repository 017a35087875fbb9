import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DEFAULT_LIMITS, type RunningGateway, startGateway } from '../gateway/index.ts'
import { formatListenAddress, type ListenAddress, ListenError } from '../http/index.ts'
import type { Log } from '../observability/index.ts'
import { fixedFiles, haproxyConfiguration, whyGatewayDecides } from './configuration/haproxy-configuration.ts'
import { DecisionCounts } from './maps/decision-counts.ts'
import { MapKeeper } from './maps/map-keeper.ts'
import { mapFile, type RoutingMap, routingMap } from './maps/routing-map.ts'
import { RuntimeApi } from './maps/runtime-api.ts'
import { openPrivateDirectory, replaceFile } from './process/private-directory.ts'
import { checkProgram, HaproxyError } from './process/program.ts'
import { Supervisor } from './process/supervisor.ts'
import { CONFIGURATION_FILE, type DataPlaneSettings, MAP_FILE, SOCKET_FILE } from './settings.ts'

/** How often the snapshot and the brake are looked at. */
const LOOK_MS = 20
/** How long the map's file may be behind. */
const FILE_MS = 1_000
const RETRY_MS = 1_000
const API_MS = 3_000
const START_MS = 15_000

/** A data plane that routes. */
export interface RunningDataPlane {
  /** `http://host:port` of HAProxy. */
  readonly url: string
  readonly address: ListenAddress
  /** The gateway behind HAProxy. */
  readonly gateway: RunningGateway
  /** The process id of HAProxy; undefined while it is started again. */
  readonly haproxyPid: number | undefined
  /** Resolves when HAProxy holds what the gateway decides by at the time of the call. */
  settled(): Promise<void>
  /** Lets requests finish within the drain time, then ends HAProxy and the gateway. */
  close(): Promise<void>
}

/**
 * Starts a gateway and a HAProxy in front of it, and keeps HAProxy's map current. Rejects with `HaproxyError` if HAProxy
 * is missing, too old or does not start, and with `ListenError` if the address is taken; it then leaves nothing running.
 */
export async function startDataPlane(settings: DataPlaneSettings, log: Log): Promise<RunningDataPlane> {
  const version = await checkProgram(settings.program)
  await openPrivateDirectory(settings.directory)
  const listen = await usableAddress(settings.gateway.listen)
  const secret = randomBytes(24).toString('base64url')
  const counts = new DecisionCounts(new RuntimeApi(join(settings.directory, SOCKET_FILE), API_MS))
  const behind = {
    ...settings.gateway,
    listen: { host: '127.0.0.1', port: 0 },
    frontSecret: secret,
    otherMetrics: () => counts.metrics(),
  }
  const gateway = await startGateway(behind, log)
  try {
    const plane = new DataPlane({ ...settings, gateway: { ...settings.gateway, listen } }, gateway, secret, log)
    await plane.start()
    const why = whyGatewayDecides(settings.gateway)
    log.info({ haproxy: version, ...(why !== undefined && { gateway_decides_because: why }) }, 'data plane is ready')
    return plane
  } catch (error) {
    await gateway.close()
    throw error
  }
}

class DataPlane implements RunningDataPlane {
  readonly url: string
  readonly address: ListenAddress
  readonly gateway: RunningGateway
  readonly #settings: DataPlaneSettings
  readonly #secret: string
  readonly #log: Log
  readonly #keeper: MapKeeper
  readonly #supervisor: Supervisor
  #mark = ''
  #working: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #fileTimer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(settings: DataPlaneSettings, gateway: RunningGateway, secret: string, log: Log) {
    this.#settings = settings
    this.gateway = gateway
    this.#secret = secret
    this.#log = log
    this.address = settings.gateway.listen
    this.url = `http://${formatListenAddress(this.address)}`
    const { directory, program, writesLines = true } = settings
    const api = new RuntimeApi(join(directory, SOCKET_FILE), API_MS)
    const drainMs = settings.gateway.limits?.drainMs ?? DEFAULT_LIMITS.drainMs
    this.#supervisor = new Supervisor({ program, directory, api, startMs: START_MS, drainMs, writesLines, log })
    const reload = (map: RoutingMap) => this.#startWith(map)
    this.#keeper = new MapKeeper({ map: join(directory, MAP_FILE), api, reload, log })
    this.#supervisor.beforeRestart = () => this.#beforeRestart()
  }

  get haproxyPid(): number | undefined {
    return this.#supervisor.pid
  }

  async start(): Promise<void> {
    const { directory } = this.#settings
    const behind = { address: formatListenAddress(this.gateway.address), secret: this.#secret }
    try {
      for (const { name, text } of fixedFiles()) await replaceFile(directory, name, text)
      await replaceFile(directory, CONFIGURATION_FILE, haproxyConfiguration(this.#settings, behind))
      await this.#startWith(this.#wanted())
    } catch (error) {
      if (error instanceof HaproxyError) throw error
      const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message
      throw new HaproxyError(`the files of HAProxy cannot be written to ${directory} (${cause})`, { cause: error })
    }
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  settled(): Promise<void> {
    this.#look()
    return this.#working
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    clearTimeout(this.#fileTimer)
    await this.#working
    await this.#supervisor.stop()
    await this.gateway.close()
  }

  #look(): void {
    const { snapshot, isBrakeOn } = this.gateway.routing
    const mark = `${snapshot?.epoch} ${snapshot?.version} ${snapshot?.stamp} ${snapshot?.size} ${isBrakeOn}`
    if (mark === this.#mark || this.#isClosed) return
    this.#mark = mark
    this.#working = this.#working.then(() => this.#bring())
  }

  async #bring(): Promise<void> {
    if (this.#isClosed) return
    try {
      await this.#keeper.bring(this.#wanted())
      this.#fileTimer ??= setTimeout(() => {
        this.#fileTimer = undefined
        this.#working = this.#working.then(() => this.#writeMap())
      }, FILE_MS)
    } catch (error) {
      this.#log.error({ err: error }, 'HAProxy does not route by the current snapshot')
      this.#mark = ''
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  #wanted(): RoutingMap {
    const { snapshot, isBrakeOn } = this.gateway.routing
    return routingMap(snapshot?.lines(), isBrakeOn)
  }

  async #startWith(map: RoutingMap): Promise<void> {
    await replaceFile(this.#settings.directory, MAP_FILE, mapFile(map))
    await this.#supervisor.start()
    this.#keeper.started(map)
  }

  /** For a start after a crash, which an old map serves until the current one is sent. */
  async #writeMap(): Promise<void> {
    const held = this.#keeper.held
    if (held === undefined) return
    await replaceFile(this.#settings.directory, MAP_FILE, mapFile(held)).catch((error: NodeJS.ErrnoException) => {
      this.#log.warn({ cause: error.code ?? error.message }, 'the routing map cannot be written to its file')
    })
  }

  async #beforeRestart(): Promise<void> {
    this.#keeper.started(undefined)
    this.#mark = ''
    await replaceFile(this.#settings.directory, MAP_FILE, mapFile(this.#wanted())).catch(() => {})
  }
}

/** HAProxy does not say which port it was given, so a port is chosen for it. */
function usableAddress(listen: ListenAddress): Promise<ListenAddress> {
  if (listen.port !== 0) return Promise.resolve(listen)
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => reject(new ListenError(listen, error)))
    server.listen({ host: listen.host, port: 0 }, () => {
      const bound = server.address()
      const port = bound !== null && typeof bound === 'object' ? bound.port : 0
      server.close(() => resolve({ host: listen.host, port }))
    })
  })
}
