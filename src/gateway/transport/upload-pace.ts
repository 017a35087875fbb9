import type { IncomingMessage } from 'node:http'

/** How slow an upload may be. */
export interface PaceRule {
  /** Minimum average rate in bytes per second; 0 for no limit. */
  readonly minRate: number
  /** Time that every upload has in addition to what its bytes earn. */
  readonly graceMs: number
}

const CHECKS_PER_GRACE = 12

/**
 * Calls `onTooSlow`, once, when the body of a request has taken longer than the grace period plus the time its bytes
 * need at the minimum rate. Time while the gateway itself does not read (a slow upstream, or no free connection) does
 * not count. Returns a function that stops the watch.
 */
export function watchPace(message: IncomingMessage, rule: PaceRule, onTooSlow: () => void): () => void {
  if (rule.minRate === 0) return () => {}
  const { socket } = message
  const before = socket.bytesRead
  const everyMs = rule.graceMs / CHECKS_PER_GRACE
  let spentMs = 0
  const clock = setInterval(() => {
    if (message.complete || message.destroyed) return clearInterval(clock)
    const isHeldBack = message.readableFlowing !== true || message.readableLength > 0
    if (!isHeldBack) spentMs += everyMs
    if (spentMs <= rule.graceMs + ((socket.bytesRead - before) / rule.minRate) * 1_000) return
    clearInterval(clock)
    onTooSlow()
  }, everyMs)
  clock.unref()
  return () => clearInterval(clock)
}
