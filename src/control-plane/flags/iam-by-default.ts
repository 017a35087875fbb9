import { type Definitions, ENVIRONMENTS, type Environment } from '../../flags/index.ts'
import { ROUTING_FLAG } from '../../routing/index.ts'
import { SYSTEM_CONTEXT } from '../audit/change-context.ts'
import type { GatewayRegistry } from '../gateways/gateway-registry.ts'
import type { Change } from '../state/model.ts'
import type { Store } from '../state/store.ts'

/**
 * Applies the setting `iam_by_default`: if it differs from what the last start of a control plane found, the change is
 * recorded in the audit log, and every gateway is sent the new default of a routing flag that is not set. Without this
 * step a gateway that resumes its stream would keep the old default.
 */
export async function enforceDefaults(store: Store, wanted: ReadonlySet<Environment>): Promise<void> {
  const { database, schema } = store
  const rows = await database.query<{ environment: string }>(`select environment from ${schema}.iam_by_default`)
  const held = new Set(rows.map(({ environment }) => environment))
  for (const environment of ENVIRONMENTS) {
    if (held.has(environment) !== wanted.has(environment))
      await writeDefault(store, environment, wanted.has(environment))
  }
}

function writeDefault(store: Store, environment: Environment, isIam: boolean): Promise<void> {
  const { schema } = store
  return store.write(async (tx) => {
    await tx.query(
      isIam
        ? `insert into ${schema}.iam_by_default (environment) values ($1) on conflict do nothing`
        : `delete from ${schema}.iam_by_default where environment = $1`,
      [environment],
    )
    const [set] = await tx.query(`select 1 from ${schema}.flags where environment = $1 and name = $2`, [
      environment,
      ROUTING_FLAG,
    ])
    const action = isIam ? 'default.iam' : 'default.rails'
    await tx.record({
      context: SYSTEM_CONTEXT,
      action,
      environment,
      subject: ROUTING_FLAG,
      before: !isIam,
      after: isIam,
    })
    const change: Change = { kind: 'flag', environment, name: ROUTING_FLAG, state: null }
    return { change: set === undefined ? change : undefined, result: undefined }
  })
}

/**
 * Says that the flag must not be deleted yet, because gateways follow control planes that would then send their new
 * flows to legacy; undefined if the setting is in force everywhere, or not here either.
 */
export async function refusalOfPartialDefault(
  { definitions, gateways }: { readonly definitions: Definitions; readonly gateways: GatewayRegistry },
  environment: Environment,
  flag: string,
): Promise<string | undefined> {
  if (flag !== ROUTING_FLAG || !definitions.iamByDefault?.has(environment)) return undefined
  const others = await gateways.withoutIamByDefault(environment)
  if (others === 0) return undefined
  const subject = others === 1 ? 'another control plane does' : `${others} other control planes do`
  return `iam_by_default is not in force everywhere: ${subject} not name ${environment} in it. Nothing was changed`
}
