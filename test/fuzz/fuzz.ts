import { Llhttp } from './llhttp.ts'
import { Random } from './random.ts'
import { compareRequest, randomRequest } from './requests.ts'
import { compareResponse, randomResponse } from './responses.ts'

/** What is compared: the requests of clients, or the responses of upstreams. */
export type Subject = 'requests' | 'responses'

/** The cases to run: `from` is the number of the first. */
export interface FuzzPlan {
  readonly subject: Subject
  readonly seed: number
  readonly from: number
  readonly cases: number
}

/** What a run found. */
export interface FuzzResult {
  /** Both parsers read the same. */
  readonly accepted: number
  /** The fast path leaves them to `node:http`, or refuses a response. */
  readonly left: number
  /** The first case in which the fast path reads something else than llhttp. */
  readonly fault: { readonly number: number; readonly bytes: Buffer; readonly difference: string } | undefined
}

/**
 * Compares the fast path's readers with llhttp on random bytes, in one process and without sockets. The same plan gives
 * the same cases.
 */
export function fuzz({ subject, seed, from, cases }: FuzzPlan): FuzzResult {
  const random = new Random()
  const llhttp = new Llhttp(subject)
  let accepted = 0
  for (let number = from; number < from + cases; number++) {
    random.begin(seed, number)
    const bytes = subject === 'requests' ? randomRequest(random) : randomResponse(random)
    const result = subject === 'requests' ? compareRequest(bytes, llhttp) : compareResponse(bytes, llhttp, random)
    if (result === 'accepted') accepted++
    else if (result !== 'left') {
      const { difference } = result
      return { accepted, left: number - from - accepted, fault: { number, bytes, difference } }
    }
  }
  return { accepted, left: cases - accepted, fault: undefined }
}
