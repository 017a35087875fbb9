import type { Log } from '../../observability/index.ts'

/** A running part that can be stopped. */
export interface RunningPart {
  /** How long its shutdown may take, in milliseconds. Default 12,000. */
  readonly stopMs?: number
  close(): Promise<void>
}

/** The drain time of a server, plus a margin for its store. */
const STOP_MS = 12_000
/** What all parts together may take beyond the longest of these times. */
const STOP_MARGIN_MS = 5_000

/**
 * Keeps parts running until they are asked to stop, by default by SIGINT or SIGTERM, then closes them, last started
 * first. Further signals have no effect: a supervisor may signal the whole group, and its parent may signal each process
 * again. Resolves with the exit code: 0 for a clean shutdown, 1 if a part failed to close or the shutdown timed out.
 *
 * @param asked resolves with the reason to stop
 */
export async function runUntilStopped(
  parts: readonly RunningPart[],
  log: Log,
  asked: Promise<string> = untilSignal(),
): Promise<number> {
  const why = await asked
  log.info({ why }, 'stopping')
  const code = (await closeParts(parts, log)) ? 0 : 1
  log.info('stopped')
  return code
}

/** Resolves with the reason at the first SIGINT or SIGTERM; from this call on, neither ends the process by itself. */
export function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(signal))
    // A part that a supervisor started with a channel stops when the supervisor exits, for whatever reason.
    if (process.channel) process.once('disconnect', () => resolve('SIGTERM (the parent is gone)'))
  })
}

/**
 * Closes parts, last started first; resolves with whether all closed without an error. Exits this process with code 1
 * on a timeout: a part that hangs must not block the end of a failed start or a shutdown.
 */
export async function closeParts(parts: readonly RunningPart[], log: Log): Promise<boolean> {
  let isClean = true
  const limit = setTimeout(
    () => {
      log.error('shutdown timed out; closing remaining connections')
      process.exit(1)
    },
    Math.max(STOP_MS, ...parts.map(({ stopMs = STOP_MS }) => stopMs)) + STOP_MARGIN_MS,
  )
  for (const part of [...parts].reverse()) {
    await part.close().catch((error: unknown) => {
      log.error({ err: error }, 'a part did not stop cleanly')
      isClean = false
    })
  }
  clearTimeout(limit)
  return isClean
}
