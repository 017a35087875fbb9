import { z } from 'zod'
import type { GuardVerdict } from '../../../guards/index.ts'
import { CallError, call } from '../../../http/index.ts'

/** The server that answers queries. */
export interface QueryServer {
  /** Its address, including the path under which it is served, if any. */
  readonly url: string
  /** Sent as a bearer token. */
  readonly token: string | undefined
}

/** A guard on a PromQL query, as a plan writes it: the value must stay within both limits. */
export interface QueryGuard {
  readonly name: string
  readonly query: string
  readonly atMost: number | undefined
  readonly atLeast: number | undefined
}

/** The verdict on the present value of a query. */
export interface QueryReading {
  readonly guard: `query:${string}`
  readonly verdict: GuardVerdict
  /** Undefined when there is no single number. */
  readonly value: number | undefined
  readonly sentence: string
}

const LIMIT_MS = 5_000
/** A sample older than this says nothing about the present. */
const OLDEST_S = 5 * 60

const sample = z.tuple([z.number(), z.string()])
const answerSchema = z.object({
  status: z.literal('success'),
  data: z.discriminatedUnion('resultType', [
    z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: sample })) }),
    z.object({ resultType: z.literal('scalar'), result: sample }),
    z.object({ resultType: z.literal('matrix') }),
    z.object({ resultType: z.literal('string') }),
  ]),
})

/**
 * Asks Prometheus for the present value of a query (`GET /api/v1/query`). No value, NaN, several
 * series, an error, and an answer that comes too late or is too old are all "not enough evidence". Never rejects.
 */
export async function readQuery(
  server: QueryServer | undefined,
  guard: QueryGuard,
  limits: { readonly timeoutMs?: number } = {},
): Promise<QueryReading> {
  const unknown = (why: string): QueryReading => ({
    ...{ guard: `query:${guard.name}`, verdict: 'not_enough_evidence', value: undefined },
    sentence: `Not enough evidence: the query ${guard.name} ${why}.`,
  })
  if (server === undefined) return unknown('cannot be asked, because no Prometheus is configured')
  const timeoutMs = limits.timeoutMs ?? LIMIT_MS
  const url = `${server.url.replace(/\/+$/, '')}/api/v1/query?query=${encodeURIComponent(guard.query)}`
  const headers: Record<string, string> = server.token === undefined ? {} : { authorization: `Bearer ${server.token}` }
  try {
    const { status, json } = await call({ method: 'GET', url, headers, timeoutMs })
    if (status !== 200) return unknown(`was answered with status ${status}`)
    const read = answerSchema.safeParse(json)
    if (!read.success) return unknown('was answered with something unreadable')
    const found = presentValue(read.data.data)
    return typeof found === 'string' ? unknown(found) : judgeValue(guard, found)
  } catch (error) {
    const isLate = error instanceof CallError && error.timedOut
    return unknown(isLate ? `was not answered within ${timeoutMs / 1_000} s` : 'was not answered')
  }
}

/** The value of an answer, or why there is none. */
function presentValue(data: z.infer<typeof answerSchema>['data']): number | string {
  if (data.resultType === 'matrix' || data.resultType === 'string') return `returned a ${data.resultType}`
  const samples = data.resultType === 'scalar' ? [data.result] : data.result.map(({ value }) => value)
  const [first] = samples
  if (first === undefined) return 'returned nothing'
  if (samples.length > 1) return `returned ${samples.length} series instead of one`
  const [at, text] = first
  if (Math.abs(Date.now() / 1_000 - at) > OLDEST_S) return 'returned a value that is too old'
  const value = text === '+Inf' ? Number.POSITIVE_INFINITY : text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text)
  return Number.isNaN(value) || text.trim() === '' ? 'returned no number' : value
}

function judgeValue({ name, atMost, atLeast }: QueryGuard, value: number): QueryReading {
  const isOver = atMost !== undefined && value > atMost
  const isUnder = atLeast !== undefined && value < atLeast
  const limits = [
    ...(atMost === undefined ? [] : [`at most ${atMost}`]),
    ...(atLeast === undefined ? [] : [`at least ${atLeast}`]),
  ].join(' and ')
  const verdict = isOver || isUnder ? 'fail' : 'pass'
  const sentence = `${verdict === 'fail' ? 'Failed' : 'Passed'}: the query ${name} is ${value}; it must be ${limits}.`
  return { guard: `query:${name}`, verdict, value, sentence }
}
