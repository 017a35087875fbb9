import { z } from 'zod'
import { LARGEST_ID } from '../applications/index.ts'
import {
  AUTH_TOKEN_HEADER,
  type BatchResult,
  batchAnswerSchema,
  digestsSchema,
  INTERNAL_PATHS,
  storedClientSchema,
} from '../handoff/index.ts'
import { type Call, CallError, call } from '../http/index.ts'
import type {
  BatchOutcome,
  DeliveryOutcome,
  HeldApplication,
  OutgoingApplication,
  RangeReader,
  ReplicationTarget,
} from './ports.ts'

/** An older service answers with the whole list and without `next`. */
const next = z.int().nullish()
const heldByIamSchema = z.object({
  clients: z.array(z.object({ id: z.int(), client_id: z.string(), version: z.int() })),
  next,
})
const heldByControlPlaneSchema = z.object({
  applications: z.array(
    z.object({ id: z.int(), client_id: z.string(), version: z.int(), iam_version: z.int().nullable() }),
  ),
  next,
})

const announcedSchema = z.object({
  applied: z.boolean(),
  application: z.unknown().nullable(),
  version: z.int().optional(),
})

const CALL_LIMIT_MS = 5_000
const BATCH_LIMIT_MS = 10_000
const LIST_LIMIT_MS = 30_000

/** The name of {@link createIamTarget} in its progress records. */
const IAM_TARGET = 'iam'

/** The IAM auth service as a target, through its internal port (`url`) and token. */
export function createIamTarget(options: { readonly url: string; readonly token: string }): ReplicationTarget {
  const origin = options.url.replace(/\/$/, '')
  const base = `${origin}${INTERNAL_PATHS.clients}`
  const headers = { [AUTH_TOKEN_HEADER]: options.token }
  return {
    name: IAM_TARGET,
    put: ({ application }) =>
      attempt({ method: 'PUT', url: base, headers, json: application }, (json) => {
        const answer = storedClientSchema.safeParse(json)
        if (!answer.success || answer.data.stored) return undefined
        const { version, state } = answer.data
        return staleUnless(application.version, version, state === 'removed')
      }),
    putAll: (documents) =>
      attemptAll(
        { url: base, headers, lines: documents.map(({ application }) => JSON.stringify(application)) },
        documents,
      ),
    remove: ({ clientId, version }) =>
      attempt({ method: 'DELETE', url: `${base}/${encodeURIComponent(clientId)}?version=${version}`, headers }),
    held: () =>
      heldBy({
        digests: (bounds) => readDigests(`${origin}${INTERNAL_PATHS.clientDigests}`, bounds, headers),
        async page(range) {
          const { clients, next } = heldByIamSchema.parse(await read(`${base}?${range}`, headers))
          return { held: clients.map(({ id, client_id, version }) => ({ id, clientId: client_id, version })), next }
        },
      }),
  }
}

/**
 * The control plane as a target, through its API (`url`) with a bearer token; it also receives the version that IAM has
 * confirmed.
 */
export function createControlPlaneTarget(options: { readonly url: string; readonly token: string }): ReplicationTarget {
  const api = `${options.url.replace(/\/$/, '')}/api/v1`
  const base = `${api}/applications`
  const headers = { authorization: `Bearer ${options.token}` }
  const announcement = ({ application, confirmedVersion }: OutgoingApplication) => ({
    application,
    iam_version: confirmedVersion,
  })
  return {
    name: 'control',
    reports: IAM_TARGET,
    put: (document) =>
      attempt(
        { method: 'PUT', url: `${base}/${document.application.id}`, headers, json: announcement(document) },
        (json) => {
          const answer = announcedSchema.safeParse(json)
          if (!answer.success || answer.data.applied) return undefined
          return staleUnless(document.application.version, answer.data.version, answer.data.application === null)
        },
      ),
    putAll: (documents) =>
      attemptAll({ url: base, headers, lines: documents.map((one) => JSON.stringify(announcement(one))) }, documents),
    remove: ({ id, version }) => attempt({ method: 'DELETE', url: `${base}/${id}?version=${version}`, headers }),
    held: () => {
      let isOlder = false
      return heldBy({
        digests: (bounds) => readDigests(`${api}/application-digests`, bounds, headers),
        async page(range) {
          const url = `${api}/application-versions?${range}`
          const answer = isOlder ? undefined : await readIfKnown(url, headers)
          isOlder = answer === undefined
          // An older control plane has no such list, and refuses `up_to` in the other.
          range.delete('up_to')
          const { applications, next } = heldByControlPlaneSchema.parse(
            answer ?? (await read(`${base}?${range}`, headers)),
          )
          const held = applications.map(({ id, client_id, version, iam_version }) => ({
            ...{ id, clientId: client_id, version, reportedVersion: iam_version },
          }))
          return { held, next }
        },
      })
    },
  }
}

interface ListOfTarget {
  readonly digests: RangeReader<HeldApplication>['digests']
  page(range: URLSearchParams): Promise<{ readonly held: HeldApplication[]; readonly next?: number | null | undefined }>
}

/** Reads ranges of a list. The whole list that an older service answers with is read once. */
function heldBy({ digests, page }: ListOfTarget): RangeReader<HeldApplication> {
  let whole: readonly HeldApplication[] | undefined
  const within = (rows: readonly HeldApplication[], after: number, upTo: number, limit: number) =>
    rows.filter(({ id }) => id > after && id <= upTo).slice(0, limit)
  return {
    digests,
    async page(after, upTo, limit) {
      if (whole === undefined) {
        const range = new URLSearchParams({ limit: String(limit), after: String(after), up_to: String(upTo) })
        const answer = await page(range)
        if (answer.next !== undefined) return within(answer.held, after, upTo, limit)
        whole = answer.held.sort((a, b) => a.id - b.id)
      }
      return pageOf(whole, after, upTo, limit)
    },
  }
}

/** A page of a sorted list, found by bisection. */
function pageOf(rows: readonly HeldApplication[], after: number, upTo: number, limit: number): HeldApplication[] {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle]?.id ?? LARGEST_ID) <= after) low = middle + 1
    else high = middle
  }
  return rows.slice(low, low + limit).filter(({ id }) => id <= upTo)
}

async function readDigests(url: string, bounds: readonly number[], headers: Readonly<Record<string, string>>) {
  const answer = await readIfKnown(`${url}?bounds=${bounds.join(',')}`, headers)
  if (answer === undefined) return undefined
  const { digests } = digestsSchema.parse(answer)
  if (digests.length !== bounds.length - 1) throw new Error(`GET ${url}: answered ${digests.length} digests`)
  return digests
}

/**
 * The outcome `stale` from an answer that nothing was stored; undefined when the answer has no version, or has this
 * very version.
 */
function staleUnless(
  version: number,
  heldVersion: number | undefined,
  isRemoved: boolean,
): DeliveryOutcome | undefined {
  if (heldVersion === undefined || (heldVersion === version && !isRemoved)) return undefined
  return { kind: 'stale', heldVersion, isRemoved }
}

/** `read` looks for details in the body of an answer with a success status. */
async function attempt(
  options: Call,
  read: (json: unknown) => DeliveryOutcome | undefined = () => undefined,
): Promise<DeliveryOutcome> {
  try {
    const { status, json } = await call({ ...options, timeoutMs: CALL_LIMIT_MS })
    const outcome = outcomeOf(options.method, status)
    if (outcome.kind === 'rejected') return { ...outcome, reason: `${outcome.reason}${explanationIn(json)}` }
    return (outcome.kind === 'delivered' ? read(json) : undefined) ?? outcome
  } catch (error) {
    return unreachable(error)
  }
}

/** What the body of a refusal says, as the end of a sentence. */
function explanationIn(json: unknown): string {
  const { error_description, detail } = (json ?? {}) as Readonly<Record<string, unknown>>
  const text = error_description ?? detail
  return typeof text === 'string' ? `: ${text}` : ''
}

/** The statuses of a target that knows no batches, or not from this caller. */
const KNOWS_NO_BATCHES = new Set([403, 404, 405, 415])

async function attemptAll(
  options: Pick<Call, 'url' | 'headers' | 'lines'>,
  documents: readonly OutgoingApplication[],
): Promise<BatchOutcome> {
  try {
    const { status, json } = await call({ ...options, method: 'POST', timeoutMs: BATCH_LIMIT_MS })
    if (status === 200) return outcomesOf(documents, json)
    if (KNOWS_NO_BATCHES.has(status)) return { kind: 'singly', isUnknown: true }
    const outcome = outcomeOf('POST', status)
    return outcome.kind === 'unreachable' ? outcome : { kind: 'singly', isUnknown: false }
  } catch (error) {
    return unreachable(error)
  }
}

/** What a document has no valid result for has failed, so that nothing passes for delivered that was not confirmed. */
function outcomesOf(documents: readonly OutgoingApplication[], json: unknown): BatchOutcome {
  const answer = batchAnswerSchema.safeParse(json)
  if (!answer.success) return { kind: 'singly', isUnknown: false }
  const { results } = answer.data
  const outcomes = documents.map(({ application }, at): DeliveryOutcome => {
    const result = results[at]
    const isOfThis = result?.id === application.id || (result?.id === null && result.error !== undefined)
    if (result === undefined || !isOfThis)
      return { kind: 'failed', reason: 'the answer to the batch has no result for it' }
    return outcomeOfResult(application.version, result)
  })
  return { kind: 'each', outcomes }
}

function outcomeOfResult(sent: number, { stored, error, version, state }: BatchResult): DeliveryOutcome {
  if (error !== undefined) return { kind: 'rejected', reason: error }
  if (stored) return { kind: 'delivered' }
  return staleUnless(sent, version, state === 'removed') ?? { kind: 'delivered' }
}

function unreachable(error: unknown): Extract<DeliveryOutcome, { kind: 'unreachable' }> {
  const reason = error instanceof Error ? error.message : 'failed'
  return { kind: 'unreachable', reason, isLate: error instanceof CallError && error.timedOut }
}

/**
 * The outcome of a delivery by status: 409 means that the target has something newer, 5xx that it failed on this
 * document, except 503, which means that the target is down.
 */
export function outcomeOf(method: string, status: number): DeliveryOutcome {
  if ((status >= 200 && status < 300) || status === 409) return { kind: 'delivered' }
  if (method === 'DELETE' && status === 404) return { kind: 'delivered' }
  const reason = `answered ${status}`
  if (status === 400 || status === 413 || status === 422) return { kind: 'rejected', reason }
  return { kind: status >= 500 && status !== 503 ? 'failed' : 'unreachable', reason }
}

async function read(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const answer = await readIfKnown(url, headers)
  if (answer === undefined) throw new Error(`GET ${url}: answered 404`)
  return answer
}

/** Undefined when an older target does not know the path. */
async function readIfKnown(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const { status, json } = await call({ method: 'GET', url, headers, timeoutMs: LIST_LIMIT_MS })
  if (status === 404) return undefined
  if (status !== 200) throw new Error(`GET ${url}: answered ${status}`)
  return json
}
