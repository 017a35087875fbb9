import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DirectoryInUseError, DirectoryUnusableError } from './errors.ts'

/** A data directory that this process alone may use until it releases it. */
export interface DataDirectory {
  readonly path: string
  release(): void
}

const PATIENCE_MS = 2_000

/**
 * Creates the directory (mode 0700) where needed and locks it by a pid file inside. A lock whose process is gone is
 * taken over; a living holder is given 2 s to go, so that a restart may overlap the end of the one before.
 * Rejects with {@link DirectoryInUseError} or {@link DirectoryUnusableError}; nothing is changed then.
 */
export async function claimDataDirectory(path: string): Promise<DataDirectory> {
  const lock = join(path, 'handover.lock')
  const claim = join(path, `handover.lock.${process.pid}`)
  try {
    makeDirectory(path)
    writeFileSync(claim, String(process.pid))
  } catch (error) {
    throw new DirectoryUnusableError(path, error as NodeJS.ErrnoException)
  }
  try {
    const until = Date.now() + PATIENCE_MS
    for (;;) {
      const holder = tryLink(claim, lock)
      if (holder === undefined) break
      if (!isRunning(holder)) {
        rmSync(lock, { force: true })
        continue
      }
      if (Date.now() > until) throw new DirectoryInUseError(path, holder)
      await sleep(100)
    }
  } finally {
    rmSync(claim, { force: true })
  }
  const release = () => {
    if (holderOf(lock) === process.pid) rmSync(lock, { force: true })
  }
  process.once('exit', release)
  return {
    path,
    release() {
      process.off('exit', release)
      release()
    },
  }
}

/** As `mkdir -p`; Node's own recursive way never returns below /proc, where a directory can neither be nor be made. */
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

/** Takes the lock by a hard link, which either happens whole or not at all; returns the holder's pid when it exists. */
function tryLink(claim: string, lock: string): number | undefined {
  try {
    linkSync(claim, lock)
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new DirectoryUnusableError(lock, error as NodeJS.ErrnoException)
    }
    return holderOf(lock) ?? 0
  }
}

function holderOf(lock: string): number | undefined {
  try {
    return Number(readFileSync(lock, 'utf8'))
  } catch {
    return undefined
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
