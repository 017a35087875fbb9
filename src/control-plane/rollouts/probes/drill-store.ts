import type { Environment } from '../../../flags/index.ts'
import type { Database } from '../../../storage/index.ts'

/** `guard`: a guard catches a twin that was broken on purpose. `fail_open`: a new flow falls back without IAM. */
export const DRILLS = ['guard', 'fail_open'] as const
export type DrillName = (typeof DRILLS)[number]

/** How a drill went. */
export interface DrillResult {
  readonly hasPassed: boolean
  /** Outcomes until the guard acted, or flows that fell back. */
  readonly outcomes: number
  /** The version of IAM that was proven; undefined for an IAM that does not tell. */
  readonly iamVersion: string | undefined
  readonly sentence: string
}

/** A drill as stored. */
export interface StoredDrill extends DrillResult {
  /** Later drills have larger ids. */
  readonly id: number
  readonly at: Date
  readonly by: string
}

/** Stores the result of a drill; resolves with it as stored. */
export async function storeDrill(
  database: Database,
  schema: string,
  of: { readonly environment: Environment; readonly drill: DrillName; readonly by: string },
  result: DrillResult,
): Promise<StoredDrill> {
  const [row] = await database.query<{ id: number; at: Date }>(
    `insert into ${schema}.drills (environment, drill, has_passed, outcomes, iam_version, sentence, by)
      values ($1, $2, $3, $4, $5, $6, $7) returning id, at`,
    [of.environment, of.drill, result.hasPassed, result.outcomes, result.iamVersion ?? null, result.sentence, of.by],
  )
  if (row === undefined) throw new Error('the drill was not stored')
  return { ...result, by: of.by, id: row.id, at: new Date(row.at) }
}

interface Row {
  readonly id: number
  readonly has_passed: boolean
  readonly outcomes: number
  readonly iam_version: string | null
  readonly sentence: string
  readonly by: string
  readonly at: Date
}

/** The latest drill of a kind; undefined if there was none. */
export async function latestDrill(
  database: Database,
  schema: string,
  environment: Environment,
  drill: DrillName,
): Promise<StoredDrill | undefined> {
  const [row] = await database.query<Row>(
    `select id, has_passed, outcomes, iam_version, sentence, by, at from ${schema}.drills
      where environment = $1 and drill = $2 order by at desc, id desc limit 1`,
    [environment, drill],
  )
  if (row === undefined) return undefined
  const { has_passed: hasPassed, iam_version, ...rest } = row
  return { ...rest, hasPassed, iamVersion: iam_version ?? undefined, at: new Date(row.at) }
}
