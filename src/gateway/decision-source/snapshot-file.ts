import { stat } from 'node:fs/promises'
import type { Log } from '../../observability/index.ts'
import { type Snapshot, SnapshotReader } from '../../routing/index.ts'
import type { DecisionSourceSettings } from '../settings.ts'
import { readSnapshotFile } from './last-known-good.ts'
import { type ClientLookup, type DecisionSource, type KnownAs, knownFrom } from './source.ts'

const POLL_MS = 400

/** Which file to read. */
export type SnapshotFileSettings = Extract<DecisionSourceSettings, { kind: 'file' }>

/**
 * Routes by a snapshot file, and reads it again whenever it changes. An unusable file leaves the current snapshot in
 * use.
 */
export class SnapshotFile implements DecisionSource {
  readonly #settings: SnapshotFileSettings
  readonly #log: Log
  readonly #reader: SnapshotReader
  #timer: NodeJS.Timeout | undefined
  #mark = ''
  #readAt: number | undefined
  #reading: Promise<void> | undefined
  #isClosed = false

  constructor(settings: SnapshotFileSettings, log: Log) {
    this.#settings = settings
    this.#log = log
    this.#reader = new SnapshotReader(settings.environment)
  }

  /** Reads the file for the first time, then watches it. */
  async start(): Promise<void> {
    await this.reload()
    this.#watch()
  }

  get snapshot(): Snapshot | undefined {
    return this.#reader.snapshot
  }

  get version(): number | undefined {
    return this.#reader.snapshot?.version
  }

  get brake(): boolean {
    return this.#reader.snapshot?.brake ?? false
  }

  get unknownClientsToIam(): boolean {
    return this.#reader.snapshot?.unknownClientsToIam ?? false
  }

  get isAvailable(): boolean {
    return this.#reader.snapshot !== undefined
  }

  get ageMs(): number | undefined {
    return this.#readAt === undefined ? undefined : performance.now() - this.#readAt
  }

  lookUp(clientId: string): ClientLookup {
    return this.#reader.snapshot?.lookUp(clientId) ?? 'unavailable'
  }

  knownAs(clientId: string): KnownAs {
    return knownFrom(this.lookUp(clientId))
  }

  /** Reads the file again, whether or not it changed. */
  reload(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#reading
  }

  #watch(): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(async () => {
      if ((await markOf(this.#settings.path)) !== this.#mark) await this.reload()
      this.#watch()
    }, POLL_MS).unref()
  }

  async #read(): Promise<void> {
    const { path } = this.#settings
    this.#mark = await markOf(path)
    try {
      const result = await readSnapshotFile(path, this.#reader)
      if (result === undefined) this.#log.warn({ path }, 'there is no snapshot file')
      else if (!result.snapshot) this.#log.warn({ path, why: result.why }, 'the snapshot file is not usable')
      else {
        if (result.why !== undefined)
          this.#log.warn({ path, why: result.why }, 'the end of the snapshot file is not usable')
        this.#readAt = performance.now()
        this.#log.info({ path, version: this.version }, 'snapshot file read')
      }
    } catch (error) {
      const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message
      this.#log.warn({ path, cause }, 'the snapshot file cannot be read')
    }
  }
}

/** A value that changes with the file; empty if the file cannot be examined. */
async function markOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs} ${size} ${ino}`
  } catch {
    return ''
  }
}
