import type { Environment } from '../../flags/index.ts'
import type { Store } from '../store.ts'

/** The parts whose deployments are kept. */
export const COMPONENTS = ['gateway', 'control', 'iam', 'monolith'] as const
export type Component = (typeof COMPONENTS)[number]

/** What was brought to an environment. */
export interface Deployment {
  readonly environment: Environment
  readonly component: Component
  readonly version: string
  readonly commit: string | null
  /** Commits that whoever recorded it says are in it. */
  readonly contains: readonly string[]
}

/** One that is kept. */
export interface RecordedDeployment extends Deployment {
  readonly id: number
  readonly deployed_at: Date
  readonly recorded_by: string
}

const COLUMNS = 'id, environment, component, version, commit, contains, deployed_at, recorded_by'

/** Keeps a deployment as the latest of its component in its environment. */
export async function recordDeployment(
  { database, schema }: Store,
  deployment: Deployment,
  by: string,
): Promise<RecordedDeployment> {
  const { environment, component, version, commit, contains } = deployment
  const [row] = await database.query<RecordedDeployment>(
    `insert into ${schema}.deployments (environment, component, version, commit, contains, recorded_by)
      values ($1, $2, $3, $4, $5, $6) returning ${COLUMNS}`,
    [environment, component, version, commit, JSON.stringify(contains), by],
  )
  if (row === undefined) throw new Error('a deployment was not stored')
  return row
}

/** The latest deployment of each component in each environment. */
export function latestDeployments({ database, schema }: Store): Promise<RecordedDeployment[]> {
  return database.query<RecordedDeployment>(
    `select distinct on (environment, component) ${COLUMNS} from ${schema}.deployments
      order by environment, component, id desc`,
  )
}

/** Whether an earlier or the latest deployment of an environment is said to hold a commit, by the commit's first digits. */
export function isListed(deployment: Pick<Deployment, 'commit' | 'contains'>, sha: string): boolean {
  return [deployment.commit ?? '', ...deployment.contains].some(
    (known) => known !== '' && (known.startsWith(sha) || sha.startsWith(known)),
  )
}
