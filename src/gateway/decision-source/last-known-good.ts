import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Log } from '../../observability/index.ts'
import { type Acceptance, piecesOf, type Snapshot, SnapshotInput, type SnapshotReader } from '../../routing/index.ts'
import { resultsOf } from './slices.ts'

const DEBOUNCE_MS = 1_000
const RETRY_MS = 30_000
const READ_BYTES = 512 << 10
/** Beyond this many characters of changes, the file is written as a whole again. */
const MOST_APPENDED = 4 << 20

/** The result of reading a snapshot file. */
export interface FileResult {
  /** What is held now; undefined if the file contains no complete snapshot that may be used. */
  readonly snapshot: Snapshot | undefined
  /** Why the file, or what follows its snapshot, cannot be used; undefined if nothing is wrong. */
  readonly why: string | undefined
}

/**
 * Reads a snapshot file of either format into `reader`, and the changes behind it. A change that is cut off or damaged
 * ends the reading: what came before it is complete. Returns undefined if the file does not exist; rejects if it cannot
 * be read.
 */
export async function readSnapshotFile(path: string, reader: SnapshotReader): Promise<FileResult | undefined> {
  const file = createReadStream(path, { highWaterMark: READ_BYTES })
  let snapshot: Snapshot | undefined
  try {
    for await (const result of allResultsOf(file, new SnapshotInput(reader))) {
      if (result.kind === 'refused') return { snapshot, why: result.why }
      if (result.kind === 'behind') return { snapshot, why: 'a change is missing' }
      if (result.kind === 'replaced' || result.kind === 'changed') snapshot = result.snapshot
    }
    return { snapshot, why: snapshot ? undefined : 'the file ends too early' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  } finally {
    file.destroy()
    reader.reset()
  }
}

async function* allResultsOf(file: AsyncIterable<Buffer>, input: SnapshotInput): AsyncGenerator<Acceptance> {
  yield* resultsOf(file, input)
  yield* input.end()
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
 * Keeps the last good snapshot in a file, at most once a second: as a whole, written atomically (temporary file, fsync,
 * rename), and then change by change, appended. A full or read-only disk causes a warning and a retry, and leaves the
 * file as it was.
 */
export class LastKnownGood {
  readonly #path: string
  readonly #log: Log
  #snapshot: Snapshot | undefined
  /** The changes that the file lacks; undefined if it must be written as a whole. */
  #lacking: string[] | undefined
  #appended = 0
  /** Identifies the file as it was written last; empty for none. */
  #mark = ''
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #isFailing = false
  #isClosed = false

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  /** Schedules a write of `snapshot`; with `change`, the line that led to it from the snapshot kept before. */
  keep(snapshot: Snapshot, change?: string): void {
    this.#snapshot = snapshot
    if (change === undefined) this.#lacking = undefined
    else this.#lacking?.push(change)
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
    const lacking = this.#lacking
    this.#lacking = []
    try {
      if (lacking === undefined || !(await this.#append(lacking))) await this.#replace()
      this.#isFailing = false
    } catch (error) {
      this.#lacking = undefined
      const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message
      if (!this.#isFailing) this.#log.warn({ path: this.#path, cause }, 'the last good snapshot cannot be kept on disk')
      this.#isFailing = true
      this.#schedule(RETRY_MS)
    }
  }

  /** Appends changes; false if the file must be written as a whole, because it is long or not the one written last. */
  async #append(changes: readonly string[]): Promise<boolean> {
    const text = changes.map((change) => `${change}\n`).join('')
    this.#appended += text.length
    if (this.#mark === '' || this.#appended > MOST_APPENDED || (await markOf(this.#path)) !== this.#mark) return false
    if (text !== '') await writeSynced(this.#path, 'a', [text])
    this.#mark = await markOf(this.#path)
    return true
  }

  async #replace(): Promise<void> {
    // Changes from here on come behind what is written now.
    this.#lacking = []
    const content = this.#snapshot?.content()
    if (content === undefined) return
    const beside = `${this.#path}.${process.pid}.tmp`
    try {
      await mkdir(dirname(this.#path), { recursive: true })
      await writeSynced(beside, 'w', piecesOf(content))
      await rename(beside, this.#path)
    } catch (error) {
      await rm(beside, { force: true }).catch(() => {})
      throw error
    }
    this.#appended = 0
    this.#mark = await markOf(this.#path)
  }
}

/** A value that changes with the file; empty if there is none. */
async function markOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  return found ? `${found.ino} ${found.size}` : ''
}

async function writeSynced(path: string, flags: 'a' | 'w', pieces: Iterable<string | Uint8Array>): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    for (const piece of pieces) await file.appendFile(piece)
    await file.sync()
  } finally {
    await file.close()
  }
}
