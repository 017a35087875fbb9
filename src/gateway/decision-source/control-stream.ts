import { Agent, request } from 'undici'
import type { Log } from '../../observability/index.ts'
import {
  type Acceptance,
  SNAPSHOT_BLOCK_FORMAT,
  SNAPSHOT_FORMAT,
  SNAPSHOT_MEDIA_TYPES,
  SNAPSHOT_STREAM_PATH,
  type Snapshot,
  SnapshotInput,
  SnapshotReader,
} from '../../routing/index.ts'
import type { DecisionSourceSettings } from '../settings.ts'
import { ageOfFile, LastKnownGood, readSnapshotFile } from './last-known-good.ts'
import { resultsOf } from './slices.ts'
import { type ClientLookup, type DecisionSource, type KnownAs, knownFrom } from './source.ts'
import { type Condition, StatusReport } from './status-report.ts'

/** The control plane sends something at least every 2 s; a stream that is silent for longer is dead. */
const SILENCE_MS = 4_500
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

/** Both formats; an older control plane knows the second one only, and ignores the first. */
const ACCEPTED = `${SNAPSHOT_MEDIA_TYPES[SNAPSHOT_BLOCK_FORMAT]}, ${SNAPSHOT_MEDIA_TYPES[SNAPSHOT_FORMAT]}`

/** How to reach the control plane. */
export type ControlStreamSettings = Extract<DecisionSourceSettings, { kind: 'control' }>

/**
 * Follows the control plane's snapshot stream until closed. A stream that ends, fails or falls silent is reopened at
 * the next replica, with pauses that grow to 5 s. The last good snapshot stays in use in between, and is kept on disk
 * for the next start.
 */
export class ControlStream implements DecisionSource {
  readonly #settings: ControlStreamSettings
  readonly #urls: readonly string[]
  readonly #log: Log
  readonly #reader: SnapshotReader
  readonly #keeper: LastKnownGood | undefined
  // Silence is watched here, before and within an answer.
  readonly #agent = new Agent({ connect: { timeout: 2_000 }, headersTimeout: 0, bodyTimeout: 0 })
  readonly #stop = new AbortController()
  readonly #report: StatusReport | undefined
  #running: Promise<void> | undefined
  #attempt = 0
  #heardAt: number | undefined
  #pause = FIRST_PAUSE_MS
  #mayResume = true
  #lastFailure = ''

  /** @param condition supplies the state of this gateway for each report to the control plane */
  constructor(settings: ControlStreamSettings, log: Log, condition?: () => Condition) {
    this.#settings = settings
    this.#urls = [settings.url, ...(settings.otherUrls ?? [])].map((url) => url.replace(/\/+$/, ''))
    this.#log = log
    this.#reader = new SnapshotReader(settings.environment)
    this.#keeper = settings.stateFile === undefined ? undefined : new LastKnownGood(settings.stateFile, log)
    if (settings.identity && condition) {
      const read = () => ({
        ...condition(),
        snapshotVersion: this.version ?? null,
        snapshotEpoch: this.snapshot?.epoch,
        snapshotStamp: this.snapshot?.stamp,
      })
      this.#report = new StatusReport({ ...settings, identity: settings.identity }, this.#agent, read)
    }
  }

  /** Reads the snapshot kept on disk, then starts to follow the stream. Resolves without waiting for the stream. */
  async start(): Promise<void> {
    if (this.#settings.stateFile !== undefined) await this.#load(this.#settings.stateFile)
    this.#running = this.#follow()
  }

  get snapshot(): Snapshot | undefined {
    return this.#reader.snapshot
  }

  get version(): number | undefined {
    return this.snapshot?.version
  }

  get brake(): boolean {
    return this.snapshot?.brake ?? false
  }

  get unknownClientsToIam(): boolean {
    return this.snapshot?.unknownClientsToIam ?? false
  }

  get isAvailable(): boolean {
    return this.snapshot !== undefined
  }

  get ageMs(): number | undefined {
    return this.#heardAt === undefined ? undefined : performance.now() - this.#heardAt
  }

  lookUp(clientId: string): ClientLookup {
    return this.snapshot?.lookUp(clientId) ?? 'unavailable'
  }

  knownAs(clientId: string): KnownAs {
    return knownFrom(this.lookUp(clientId))
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#report?.close()
    await this.#agent.destroy()
    await this.#keeper?.close()
  }

  async #load(path: string): Promise<void> {
    try {
      const result = await readSnapshotFile(path, this.#reader)
      if (result === undefined) return
      if (!result.snapshot) this.#log.warn({ path, why: result.why }, 'the snapshot on disk is not usable')
      else {
        if (result.why !== undefined)
          this.#log.warn({ path, why: result.why }, 'the end of the snapshot on disk is not usable')
        this.#heardAt = performance.now() - ((await ageOfFile(path)) ?? 0)
        this.#log.info({ path, version: this.version }, 'routing by the snapshot on disk')
      }
    } catch (error) {
      const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message
      this.#log.warn({ path, cause }, 'the snapshot on disk cannot be read')
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const why = await this.#connect()
      if (signal.aborted) return
      this.#tell(why)
      this.#attempt += 1
      await pause(this.#pause * (0.5 + Math.random()), signal)
      this.#pause = Math.min(LONGEST_PAUSE_MS, this.#pause * 2)
    }
  }

  /** Handles one stream from its opening to its end. Resolves with the reason why it ended; never rejects. */
  async #connect(): Promise<string> {
    const dead = new AbortController()
    let quietSince = performance.now()
    const isSilent = () => performance.now() - quietSince > SILENCE_MS
    // Asked again behind a read: after a pause of this process, what arrived in the meantime has not been seen yet.
    const watch = setInterval(() => {
      if (isSilent()) setImmediate(() => isSilent() && dead.abort())
    }, 250)
    this.#reader.reset()
    const url = this.#urls[this.#attempt % this.#urls.length] ?? this.#settings.url
    try {
      const { statusCode, body } = await request(this.#address(url), {
        dispatcher: this.#agent,
        headers: { accept: ACCEPTED, authorization: `Bearer ${this.#settings.token}` },
        signal: AbortSignal.any([this.#stop.signal, dead.signal]),
      })
      if (statusCode !== 200) {
        body.on('error', () => {}).destroy()
        return `status ${statusCode}`
      }
      this.#report?.begin(url)
      const heard = () => {
        quietSince = performance.now()
      }
      const chunks = listened(body as AsyncIterable<Buffer>, heard)
      for await (const result of resultsOf(chunks, new SnapshotInput(this.#reader))) {
        const error = this.#take(result)
        if (error !== undefined) return error
      }
      return 'the stream ended'
    } catch (error) {
      if (dead.signal.aborted) return 'nothing was heard'
      return (error as NodeJS.ErrnoException).code ?? (error as Error).message
    } finally {
      clearInterval(watch)
      this.#report?.pause()
      dead.abort()
    }
  }

  #address(url: string): string {
    const query = new URLSearchParams({ environment: this.#settings.environment })
    const held = this.snapshot
    if (held !== undefined && this.#mayResume) {
      query.set('since', String(held.version))
      if (held.epoch !== undefined) query.set('epoch', held.epoch)
      if (held.stamp !== undefined) query.set('stamp', held.stamp)
    }
    for (const [name, value] of Object.entries(this.#settings.identity ?? {})) if (value) query.set(name, value)
    return `${url}${SNAPSHOT_STREAM_PATH}?${query}`
  }

  /** Handles the result of one line or block; returns the reason if the stream is no longer usable. */
  #take(result: Acceptance): string | undefined {
    if (result.kind === 'refused') return this.#refused(result.why)
    if (result.kind === 'behind') {
      this.#mayResume = !this.#mayResume
      return 'changes were missed'
    }
    this.#heardAt = performance.now()
    if (result.kind === 'read' || result.kind === 'block') {
      if (this.snapshot !== undefined) this.#settled()
      return undefined
    }
    if (result.kind === 'replaced') {
      this.#log.info({ version: result.snapshot.version, applications: result.snapshot.size }, 'snapshot received')
    }
    this.#settled()
    this.#keeper?.keep(result.snapshot, result.kind === 'changed' ? result.line : undefined)
    this.#report?.soon()
    return undefined
  }

  #settled(): void {
    this.#pause = FIRST_PAUSE_MS
    this.#mayResume = true
    this.#lastFailure = ''
  }

  #refused(why: string): string {
    this.#mayResume = false
    return `snapshot refused: ${why}`
  }

  /** Warns once per kind of problem, not once per attempt. */
  #tell(why: string): void {
    const fields = { why, version: this.version }
    if (why === this.#lastFailure) this.#log.debug(fields, 'the snapshot stream broke off')
    else this.#log.warn(fields, 'the snapshot stream broke off')
    this.#lastFailure = why
  }
}

/** The same bytes; tells when some have arrived. */
async function* listened(chunks: AsyncIterable<Buffer>, heard: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    heard()
    yield chunk
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal.addEventListener('abort', finish)
  })
}
