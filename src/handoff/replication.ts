import { z } from 'zod'

/**
 * How applications are replicated in bulk; the same on IAM's internal port and at the control plane.
 *
 * **Batch**: POST with `application/x-ndjson`, a document on each line, each line ended by a line feed, at most {@link
 * MOST_IN_BATCH} lines and 1 MiB. The answer has one result for each line, in their order: {@link batchAnswerSchema}. A
 * faulty document concerns its own result only. A batch that ends within a line is refused as a whole.
 *
 * **Digests**: GET `?bounds=0,1000,…`, at most {@link MOST_BOUNDS} ascending ids: the digest of the applications of each
 * range, from after one bound up to and including the next: {@link digestsSchema}.
 *
 * **Versions**: GET `?after=ID&up_to=ID&limit=N`: what is held, in the order of ids. `next` is the `after` of the next
 * page, null at the end.
 */
export const MOST_IN_BATCH = 1_000
export const MOST_BOUNDS = 129
/** The most applications on a page of versions. */
export const MOST_VERSIONS = 1_000

/** The result of one document of a batch. */
export const batchResultSchema = z.object({
  /** The application of the line; null when the line names none. */
  id: z.int().nullable(),
  /** False, without `error`: nothing changed, because this version or a newer one is held. */
  stored: z.boolean(),
  /** The version that is held, or that of the removal that is remembered. */
  version: z.int().optional(),
  state: z.enum(['held', 'removed']).optional(),
  /** Why the document was refused: the field and the rule. */
  error: z.string().optional(),
})
export type BatchResult = z.infer<typeof batchResultSchema>

/** The answer to a batch. */
export const batchAnswerSchema = z.object({ results: z.array(batchResultSchema).max(MOST_IN_BATCH) })

/** The digests of ranges; how they are computed: `rangeDigest` of the applications folder. */
export const digestsSchema = z.object({ digests: z.array(z.object({ count: z.int(), digest: z.string() })) })

/** A line of a batch that could be read, or what is wrong with it. */
export type BatchLine<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly id: number | null; readonly error: string }

/** A batch, or why it is refused as a whole. */
export type ReadBatch<Value> =
  | { readonly ok: true; readonly lines: readonly BatchLine<Value>[] }
  | { readonly ok: false; readonly why: string }

/** Reads the lines of a batch; `isWithinLimits` judges the text of a line before it is parsed. */
export function readBatch<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  isWithinLimits: (line: string) => boolean = () => true,
): ReadBatch<z.infer<Schema>> {
  if (text === '') return { ok: false, why: 'the batch is empty' }
  if (!text.endsWith('\n')) return { ok: false, why: 'the batch ends within a line' }
  const lines = text.slice(0, -1).split('\n')
  if (lines.length > MOST_IN_BATCH) return { ok: false, why: `the batch has more than ${MOST_IN_BATCH} lines` }
  return { ok: true, lines: lines.map((line) => readLine(line, schema, isWithinLimits)) }
}

function readLine<Schema extends z.ZodType>(
  line: string,
  schema: Schema,
  isWithinLimits: (line: string) => boolean,
): BatchLine<z.infer<Schema>> {
  if (!isWithinLimits(line)) return { ok: false, id: null, error: 'the line has too many members or is too deep' }
  let raw: unknown
  try {
    raw = JSON.parse(line)
  } catch {
    return { ok: false, id: null, error: 'the line is not JSON' }
  }
  const read = schema.safeParse(raw)
  if (read.success) return { ok: true, value: read.data }
  const faults = read.error.issues.map((issue) => `${issue.path.join('.') || '(line)'}: ${issue.message}`)
  return { ok: false, id: idIn(raw), error: faults.join('; ').slice(0, 500) }
}

/** The id that a faulty document names: its own, or that of its member `application`. */
function idIn(raw: unknown): number | null {
  const { id, application } = (raw ?? {}) as { readonly id?: unknown; readonly application?: { readonly id?: unknown } }
  const named = id ?? application?.id
  return Number.isSafeInteger(named) ? (named as number) : null
}

const ID = /^(0|[1-9]\d{0,15})$/

/** Reads an id from a query; undefined for what is not an integer from 0 to 2^53 - 1. */
export function readId(text: string): number | undefined {
  return ID.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}

/** The rule for the bounds of digests. */
export const BOUNDS_RULE = `must be 2 to ${MOST_BOUNDS} ascending ids, separated by commas`

/** Reads the bounds of digests; undefined for what breaks {@link BOUNDS_RULE}. */
export function readBounds(text: string): readonly number[] | undefined {
  const bounds = text.split(',').map(readId)
  const isAscending = bounds.every(
    (bound, at) => bound !== undefined && (at === 0 || bound > (bounds[at - 1] ?? bound)),
  )
  return isAscending && bounds.length >= 2 && bounds.length <= MOST_BOUNDS ? (bounds as number[]) : undefined
}
