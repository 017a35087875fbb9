import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Polls until `probe` answers something other than undefined, null or false, and returns that. A probe that rejects
 * counts as no answer. Rejects after `limitMs` (default 20,000), with what the probe last threw as the cause.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  limitMs = 20_000,
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
  const probe = async () => (await fetch(url, { signal: AbortSignal.timeout(2_000) })).status === 200
  return eventually(`GET ${url} answers 200`, async () => (await probe()) || undefined, limitMs)
}
