import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Log } from '../../observability/index.ts'
import type { Acceptance, Snapshot, SnapshotReader } from '../../routing/index.ts'

const DEBOUNCE_MS = 1_000
const RETRY_MS = 30_000

/**
 * Reads a snapshot from an NDJSON file into `reader`. Returns the outcome; undefined if the file does not exist.
 * Rejects if the file cannot be read.
 */
export async function readSnapshotFile(path: string, reader: SnapshotReader): Promise<Acceptance | undefined> {
  const input = createReadStream(path, { encoding: 'utf8', highWaterMark: 256 << 10 })
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  let last: Acceptance = { kind: 'refused', why: 'the file is empty' }
  try {
    for await (const line of lines) {
      if (line === '') continue
      last = reader.accept(line)
      if (last.kind === 'refused') break
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  } finally {
    lines.close()
    input.destroy()
    reader.reset()
  }
  return last.kind === 'read' || last.kind === 'behind' ? { kind: 'refused', why: 'the file ends too early' } : last
}

/** Returns the milliseconds since a file was written; undefined if it does not exist or cannot be examined. */
export async function ageOfFile(path: string): Promise<number | undefined> {
  try {
    return Math.max(0, Date.now() - (await stat(path)).mtimeMs)
  } catch {
    return undefined
  }
}

/**
 * Keeps the last good snapshot in a file, written atomically (temporary file, fsync, rename) at most once a second. A
 * full or read-only disk causes a warning and a retry.
 */
export class LastKnownGood {
  readonly #path: string
  readonly #log: Log
  #snapshot: Snapshot | undefined
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #isFailing = false
  #isClosed = false

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  /** Schedules a write of `snapshot`. */
  keep(snapshot: Snapshot): void {
    this.#snapshot = snapshot
    this.#schedule(DEBOUNCE_MS)
  }

  /** Writes any pending snapshot. */
  async close(): Promise<void> {
    this.#isClosed = true
    const isWaiting = this.#timer !== undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#writing
    if (isWaiting) await this.#write()
  }

  #schedule(delay: number): void {
    if (this.#isClosed) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#writing = (this.#writing ?? Promise.resolve()).then(() => this.#write())
    }, delay).unref()
  }

  async #write(): Promise<void> {
    const snapshot = this.#snapshot
    if (snapshot === undefined) return
    const beside = `${this.#path}.${process.pid}.tmp`
    const { version } = snapshot
    try {
      await mkdir(dirname(this.#path), { recursive: true })
      await writeLines(beside, snapshot)
      // A change during the write may be in only some of the lines.
      if (snapshot.version !== version) return this.#schedule(DEBOUNCE_MS)
      await rename(beside, this.#path)
      this.#isFailing = false
    } catch (error) {
      await rm(beside, { force: true }).catch(() => {})
      const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message
      if (!this.#isFailing) this.#log.warn({ path: this.#path, cause }, 'the last good snapshot cannot be kept on disk')
      this.#isFailing = true
      this.#schedule(RETRY_MS)
    }
  }
}

async function writeLines(path: string, snapshot: Snapshot): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    for (const line of snapshot.lines()) await file.write(`${JSON.stringify(line)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}
