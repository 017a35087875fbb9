import type { Log } from '../../observability/index.ts'
import { type Failure, isServerFailure } from '../responses/failure.ts'
import type { UpstreamRequest } from '../upstream/attempt.ts'
import { type CompleteResponse, queryWithRetry } from '../upstream/query-upstream.ts'
import type { Upstream } from '../upstream/upstream.ts'

const KEPT_MS = 24 * 3_600_000
const MAX_DOCUMENTS = 100

interface Kept {
  readonly answer: CompleteResponse
  readonly at: number
}

/**
 * The discovery documents. Legacy answers for both sides, so that there is a single issuer. The last good document is
 * kept for a day in case legacy cannot respond: by address, which the document repeats (recordings M003, M004), and by
 * the requesting origin, which the headers may repeat.
 */
export class DiscoveryCache {
  readonly #legacy: Upstream
  readonly #timeoutMs: number
  readonly #log: Log
  readonly #kept = new Map<string, Kept>()

  constructor(legacy: Upstream, timeoutMs: number, log: Log) {
    this.#legacy = legacy
    this.#timeoutMs = timeoutMs
    this.#log = log
  }

  /** Returns legacy's response, or the last good one if legacy fails. Never rejects. */
  async answer(
    request: UpstreamRequest,
    address: string,
    origin: string | undefined,
  ): Promise<CompleteResponse | Failure> {
    const name = JSON.stringify([request.method, address, origin])
    const answer = await queryWithRetry(this.#legacy, request, this.#timeoutMs)
    if (typeof answer !== 'string' && !isServerFailure(answer.status)) {
      if (answer.status === 200) this.#keep(name, answer)
      return answer
    }
    const kept = this.#kept.get(name)
    if (kept === undefined || performance.now() - kept.at > KEPT_MS) return answer
    const cause = typeof answer === 'string' ? answer : `status ${answer.status}`
    const age_seconds = Math.round((performance.now() - kept.at) / 1_000)
    this.#log.warn({ cause, age_seconds }, 'legacy cannot give its discovery document, the last one stands in')
    return kept.answer
  }

  #keep(name: string, answer: CompleteResponse): void {
    this.#kept.delete(name)
    this.#kept.set(name, { answer, at: performance.now() })
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_DOCUMENTS) break
      this.#kept.delete(oldest)
    }
  }
}
