import type { FeatureDelete, FeatureSet } from '../../../chatops/index.ts'
import type { Environment } from '../../../flags/index.ts'
import type { Store } from '../../state/store.ts'

/** A change that waits for a second person. */
export interface Proposal {
  readonly id: number
  readonly environment: Environment
  readonly flag: string
  readonly command: FeatureSet | FeatureDelete
  /** The command as it was typed. */
  readonly words: string
  /** The version of the flag when it was proposed. */
  readonly flag_version: number
  readonly proposed_by: string
  readonly proposed_at: Date
  readonly expires_at: Date
}

const COLUMNS = 'id, environment, flag, command, words, flag_version, proposed_by, proposed_at, expires_at'
const OPEN = `status = 'waiting' and expires_at > now()`

/** The pending proposals, oldest first. */
export function openProposals({ database, schema }: Store): Promise<Proposal[]> {
  return database.query<Proposal>(`select ${COLUMNS} from ${schema}.proposals where ${OPEN} order by id limit 100`)
}

/** A pending proposal; undefined if it has been decided, has expired, or never existed. */
export async function openProposal({ database, schema }: Store, id: number): Promise<Proposal | undefined> {
  const [row] = await database.query<Proposal>(`select ${COLUMNS} from ${schema}.proposals where id = $1 and ${OPEN}`, [
    id,
  ])
  return row
}

/** Stores a proposal; resolves to its number and its expiry. */
export async function propose(
  { database, schema }: Store,
  proposal: Omit<Proposal, 'id' | 'proposed_at' | 'expires_at'>,
  lifetimeMs: number,
): Promise<{ readonly id: number; readonly expires_at: Date }> {
  const { environment, flag, command, words, flag_version, proposed_by } = proposal
  const [row] = await database.query<{ id: number; expires_at: Date }>(
    `insert into ${schema}.proposals (environment, flag, command, words, flag_version, proposed_by, expires_at)
      values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7)) returning id, expires_at`,
    [environment, flag, JSON.stringify(command), words, flag_version, proposed_by, lifetimeMs / 1_000],
  )
  if (row === undefined) throw new Error('the proposal was not stored')
  return row
}

/**
 * Claims a proposal for the person who decides it; false if someone else was first, it has expired, or it is their own.
 */
export async function claimProposal({ database, schema }: Store, id: number, by: string): Promise<boolean> {
  const rows = await database.query<{ id: number }>(
    `update ${schema}.proposals set status = 'approved', decided_by = $2, decided_at = now()
      where id = $1 and ${OPEN} and proposed_by <> $2 returning id`,
    [id, by],
  )
  return rows.length === 1
}

/** Marks a proposal that was approved and then could not be applied. */
export async function failProposal({ database, schema }: Store, id: number): Promise<void> {
  await database.query(`update ${schema}.proposals set status = 'failed' where id = $1`, [id])
}
