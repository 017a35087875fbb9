import type { Log } from '../../observability/index.ts'

/** A part that is running and can be stopped. */
export interface RunningPart {
  /** How long its stop may take by its own settings, in milliseconds. Default 5,000. */
  readonly stopMs?: number
  close(): Promise<void>
}

const STOP_MS = 5_000
/** What all parts together may take beyond the longest of their own times. */
const STOP_MARGIN_MS = 5_000

/**
 * Keeps parts running until SIGINT or SIGTERM, then closes them, last started first. Further signals change nothing: a
 * supervisor may signal the whole group, and its parent each process of it once more. Resolves with the exit code: 0
 * for an orderly stop, 1 when a part failed to stop or the stop took longer than the parts need.
 */
export async function runUntilStopped(parts: readonly RunningPart[], log: Log): Promise<number> {
  const why = await new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(signal))
    // A part that a supervisor started with a channel goes when the supervisor does, however it went.
    if (process.channel) process.once('disconnect', () => resolve('SIGTERM (the parent is gone)'))
  })
  log.info({ why }, 'stopping')
  const code = (await closeParts(parts, log)) ? 0 : 1
  log.info('stopped')
  return code
}

/**
 * Closes parts, last started first; resolves with whether each closed without a fault. Ends this process with exit code 1
 * when that takes longer than the parts need: a part that hangs must not keep a failed start or a stop from ending.
 */
export async function closeParts(parts: readonly RunningPart[], log: Log): Promise<boolean> {
  let isClean = true
  const limit = setTimeout(
    () => {
      log.error('the stop took too long, what is left is cut')
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
