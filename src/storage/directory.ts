import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { DirectoryInUseError, DirectoryUnusableError } from './errors.ts'

/** A data directory that only this process may use, until it releases it or ends. */
export interface DataDirectory {
  readonly path: string
  release(): void
}

const PATIENCE_MS = 2_000
const RETRY_MS = 100

/**
 * Creates the directory (mode 0700) if needed and locks it. The lock is held by the kernel (a SQLite file locked
 * exclusively), so it ends with its process in every case, and two claims never both succeed. A previous holder has 2 s
 * to exit, so that a restart may overlap its shutdown. Rejects with {@link DirectoryInUseError} or {@link
 * DirectoryUnusableError}, and changes nothing then.
 */
export async function claimDataDirectory(path: string): Promise<DataDirectory> {
  const pidFile = join(path, 'handover.pid')
  let lock: FileLock | undefined
  try {
    makeDirectory(path)
    lock = await lockFile(join(path, 'handover.lock'), PATIENCE_MS)
    if (lock === undefined) throw new DirectoryInUseError(path, readPid(pidFile))
    writeFileSync(pidFile, String(process.pid))
  } catch (error) {
    lock?.close()
    if (error instanceof DirectoryInUseError) throw error
    throw new DirectoryUnusableError(path, error as NodeJS.ErrnoException)
  }
  const claimed = lock
  return {
    path,
    release() {
      if (!claimed.isOpen) return
      rmSync(pidFile, { force: true })
      claimed.close()
    },
  }
}

/** A file that only this process has locked, until it closes it or ends. */
export interface FileLock {
  readonly isOpen: boolean
  close(): void
}

/** Locks a file, creating it if needed; undefined when another process still holds it after `patienceMs`. */
export async function lockFile(file: string, patienceMs: number): Promise<FileLock | undefined> {
  for (const until = performance.now() + patienceMs; ; await sleep(RETRY_MS)) {
    const lock = tryLock(file)
    if (lock !== undefined || performance.now() > until) return lock
  }
}

/** SQLite's primary result code for a file locked by another connection. */
const SQLITE_BUSY = 5

/** The locks of this process. The garbage collector closes an unreferenced database, and so releases its lock. */
const held = new Set<FileLock>()

/** Tries the lock; undefined when another process holds it. */
function tryLock(file: string): FileLock | undefined {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    database.exec('pragma journal_mode = off; begin exclusive')
    const lock: FileLock = {
      get isOpen() {
        return database.isOpen
      },
      close() {
        held.delete(lock)
        database.close()
      },
    }
    held.add(lock)
    return lock
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
}

/**
 * Like `mkdir -p`; Node's recursive mkdir never returns below /proc, where directories can neither exist nor be
 * created.
 */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (parent !== path) makeDirectory(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined
  } catch {
    return undefined
  }
}
