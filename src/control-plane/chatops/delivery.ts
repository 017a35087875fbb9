import { setTimeout as sleep } from 'node:timers/promises'
import { CallError, call } from '../../http/index.ts'

const LIMIT_MS = 5_000
const TRIES = 4
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000

/** The outcome of a message; the address is a secret and appears in no text of it. */
export type Delivery = { readonly kind: 'delivered' } | { readonly kind: 'failed'; readonly why: string }

/**
 * Posts JSON to a webhook: at most four attempts of 5 s each, with growing pauses or the ones that the receiver
 * requests.
 */
export async function deliver(url: string, message: unknown, signal?: AbortSignal): Promise<Delivery> {
  let why = ''
  for (let attempt = 0; attempt < TRIES; attempt++) {
    let pauseMs = FIRST_PAUSE_MS * 4 ** attempt * (0.75 + Math.random() / 2)
    try {
      const { status, headers } = await call({ method: 'POST', url, json: message, timeoutMs: LIMIT_MS })
      if (status >= 200 && status < 300) return { kind: 'delivered' }
      why = `answered with status ${status}`
      if (status < 500 && status !== 429) break
      const asked = Number(headers['retry-after'])
      if (status === 429 && asked > 0) pauseMs = asked * 1_000
    } catch (error) {
      if (!(error instanceof CallError)) throw error
      why = error.timedOut ? `no answer within ${LIMIT_MS} ms` : 'no connection'
    }
    if (attempt + 1 === TRIES || signal?.aborted) break
    await sleep(Math.min(LONGEST_PAUSE_MS, pauseMs), undefined, signal ? { signal } : {}).catch(() => {})
  }
  return { kind: 'failed', why }
}
