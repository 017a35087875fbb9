import type { Environment } from '../../../flags/index.ts'
import type { ChangeContext } from '../../audit/change-context.ts'
import type { Store } from '../../state/store.ts'

/** The components whose deployments are recorded. */
export const COMPONENTS = ['gateway', 'control', 'iam', 'monolith'] as const
export type Component = (typeof COMPONENTS)[number]

/** The stages of an environment: a canary takes a part of its traffic and is deployed first. */
export const STAGES = ['main', 'canary'] as const
export type Stage = (typeof STAGES)[number]

/** A deployment to an environment. */
export interface Deployment {
  readonly environment: Environment
  readonly component: Component
  readonly stage: Stage
  readonly version: string
  readonly commit: string | null
  /** Commits that the deployment contains, as stated by its author. */
  readonly contains: readonly string[]
}

/** A recorded deployment. */
export interface RecordedDeployment extends Deployment {
  readonly id: number
  readonly deployed_at: Date
  readonly recorded_by: string
}

const COLUMNS = 'id, environment, component, stage, version, commit, contains, deployed_at, recorded_by'

/** Stores a deployment as the latest of its component in its environment, and records it in the audit log. */
export function recordDeployment(
  store: Store,
  deployment: Deployment,
  context: ChangeContext,
): Promise<RecordedDeployment> {
  const { environment, component, stage, version, commit, contains } = deployment
  return store.write(async (tx) => {
    const [row] = await tx.query<RecordedDeployment>(
      `insert into ${store.schema}.deployments (environment, component, stage, version, commit, contains, recorded_by)
        values ($1, $2, $3, $4, $5, $6, $7) returning ${COLUMNS}`,
      [environment, component, stage, version, commit, JSON.stringify(contains), context.by],
    )
    if (row === undefined) throw new Error('the deployment was not stored')
    const after = { stage, version, commit, contains: contains.length }
    await tx.record({ context, action: 'deployment.record', environment, subject: component, before: null, after })
    return { change: undefined, result: row }
  })
}

/** The latest deployment of each component in each stage of each environment. */
export function latestDeployments({ database, schema }: Store): Promise<RecordedDeployment[]> {
  return database.query<RecordedDeployment>(
    `select distinct on (environment, component, stage) ${COLUMNS} from ${schema}.deployments
      order by environment, component, stage, id desc`,
  )
}

/** Whether any recorded deployment of an environment lists a commit, given by its first digits. */
export function isListed(deployment: Pick<Deployment, 'commit' | 'contains'>, sha: string): boolean {
  return [deployment.commit ?? '', ...deployment.contains].some(
    (known) => known !== '' && (known.startsWith(sha) || sha.startsWith(known)),
  )
}
