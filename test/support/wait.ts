import { setTimeout as sleep } from 'node:timers/promises'

/**
 * The time after which a test gives up waiting for a condition. Far above any real duration on a machine with twenty
 * runnable processes per CPU, where creating an embedded database takes 70 s: it only ends what hangs, and is no
 * statement about speed.
 */
export const WAIT_LIMIT_MS = 240_000

/**
 * Polls until `probe` resolves to something other than undefined, null or false, and returns that. A rejected probe
 * counts as no result. Rejects after `limitMs` (default {@link WAIT_LIMIT_MS}), with the probe's last error as the
 * cause.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  limitMs = WAIT_LIMIT_MS,
): Promise<T> {
  let cause: unknown
  for (const until = Date.now() + limitMs; Date.now() < until; await sleep(50)) {
    try {
      const found = await probe()
      if (found !== undefined && found !== null && found !== false) return found
    } catch (error) {
      cause = error
    }
  }
  throw new Error(`${what}: not within ${limitMs} ms`, { cause })
}

/** Waits until a server answers `url` with 200: for `/readyz` and `/healthz`. */
export function untilReady(url: string, limitMs?: number): Promise<true> {
  const probe = async () => (await fetch(url, { signal: AbortSignal.timeout(10_000) })).status === 200
  return eventually(`GET ${url} answers 200`, async () => (await probe()) || undefined, limitMs)
}
