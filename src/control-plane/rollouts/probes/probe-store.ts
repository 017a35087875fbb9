import type { Environment } from '../../../flags/index.ts'
import type { OutcomeKind, OutcomeSide } from '../../../outcomes/index.ts'
import type { ProbeResult } from '../../../probes/index.ts'
import type { Database } from '../../../storage/index.ts'

/** Results of probes are kept for 7 days; none contains a credential. */
export const PROBES_SQL = `
create table {schema}.probe_results (
  id bigint generated always as identity primary key,
  environment text not null,
  twin text not null,
  application_id bigint not null,
  kind text not null,
  side text,
  verdict text not null,
  failed_at text,
  status integer,
  error text,
  reason text,
  request_id text,
  duration_ms integer not null,
  occasion text not null,
  at timestamptz not null default now()
);
create index probe_results_at on {schema}.probe_results (environment, at);
create table {schema}.drills (
  id bigint generated always as identity primary key,
  environment text not null,
  drill text not null,
  has_passed boolean not null,
  outcomes integer not null,
  iam_version text,
  sentence text not null,
  by text not null,
  at timestamptz not null default now()
);
create index drills_at on {schema}.drills (environment, drill, at);
`

/** Why a probe ran. */
export type Occasion = 'schedule' | 'move' | 'demand'

/** One result, as stored. */
export interface StoredProbe {
  readonly twin: string
  readonly applicationId: number
  readonly kind: OutcomeKind
  /** The side that served it; undefined if unknown. */
  readonly side: OutcomeSide | undefined
  readonly verdict: ProbeResult['verdict']
  readonly failedAt: string | undefined
  readonly status: number | undefined
  readonly error: string | undefined
  readonly reason: string | undefined
  readonly requestId: string | undefined
  readonly durationMs: number
  readonly occasion: Occasion
  readonly at: Date
}

/** The twin, the environment and the occasion of some results. */
export interface ProbeRun {
  readonly environment: Environment
  readonly twin: string
  readonly applicationId: number
  readonly occasion: Occasion
}

const KEPT = "interval '7 days'"

/** Stores the results of one run, and drops those that are too old. */
export async function storeProbes(
  database: Database,
  schema: string,
  run: ProbeRun,
  results: readonly ProbeResult[],
): Promise<void> {
  const rows = results.map((result) => ({
    ...run,
    kind: result.kind,
    side: result.side ?? null,
    verdict: result.verdict,
    failedAt: result.failedAt ?? null,
    status: result.status ?? null,
    error: result.error ?? null,
    reason: result.reason ?? null,
    requestId: result.requestId ?? null,
    durationMs: result.durationMs,
  }))
  await database.query(
    `insert into ${schema}.probe_results (environment, twin, application_id, kind, side, verdict, failed_at, status, error,
        reason, request_id, duration_ms, occasion)
      select * from jsonb_to_recordset($1::jsonb) as row (environment text, twin text, "applicationId" bigint, kind text,
        side text, verdict text, "failedAt" text, status integer, error text, reason text, "requestId" text,
        "durationMs" integer, occasion text)`,
    [JSON.stringify(rows)],
  )
  await database.query(`delete from ${schema}.probe_results where at < now() - ${KEPT}`, [])
}

interface Row {
  readonly twin: string
  readonly application_id: string | number
  readonly kind: OutcomeKind
  readonly side: OutcomeSide | null
  readonly verdict: ProbeResult['verdict']
  readonly failed_at: string | null
  readonly status: number | null
  readonly error: string | null
  readonly reason: string | null
  readonly request_id: string | null
  readonly duration_ms: number
  readonly occasion: Occasion
  readonly at: Date
}

/** The latest result of each twin, side and kind of an environment. */
export async function latestProbes(
  database: Database,
  schema: string,
  environment: Environment,
): Promise<readonly StoredProbe[]> {
  const rows = await database.query<Row>(
    `select distinct on (twin, kind, side) * from ${schema}.probe_results where environment = $1
      order by twin, kind, side, at desc, id desc`,
    [environment],
  )
  return rows.map((row) => ({
    twin: row.twin,
    applicationId: Number(row.application_id),
    kind: row.kind,
    side: row.side ?? undefined,
    verdict: row.verdict,
    failedAt: row.failed_at ?? undefined,
    status: row.status ?? undefined,
    error: row.error ?? undefined,
    reason: row.reason ?? undefined,
    requestId: row.request_id ?? undefined,
    durationMs: row.duration_ms,
    occasion: row.occasion,
    at: new Date(row.at),
  }))
}
