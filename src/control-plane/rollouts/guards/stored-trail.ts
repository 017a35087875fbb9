import { ROUTING_FLAG } from '../../../routing/index.ts'
import type { Store } from '../../state/store.ts'
import type { TrailPoint } from './trail.ts'

/**
 * How the strongest evidence of an application grew in its present attempt, or in its last one if it was moved back; as
 * the replica that leads stored it a second ago. Empty for an application that always did well.
 */
export async function storedTrail(
  { database, schema }: Pick<Store, 'database' | 'schema'>,
  environment: string,
  applicationId: number,
): Promise<readonly TrailPoint[]> {
  const [row] = await database.query<{ trail: readonly TrailPoint[] | null }>(
    `select state -> 'trail' as trail from ${schema}.guard_attempts
      where environment = $1 and flag = $2 and application_id = $3
      order by attempt desc limit 1`,
    [environment, ROUTING_FLAG, applicationId],
  )
  return row?.trail ?? []
}
