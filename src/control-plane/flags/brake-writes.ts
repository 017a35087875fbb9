import type { Environment } from '../../flags/index.ts'
import type { AuditEvent } from '../audit/entry.ts'
import type { Brake } from '../state/model.ts'
import type { Store, Written } from '../state/store.ts'

/** The name of the brake in the audit log. */
export const BRAKE_SUBJECT = 'brake'

/** A brake, and when and by whom it was last changed; null for one that never was. */
export interface BrakeRecord extends Brake {
  readonly version: number | null
  readonly changed_by: string | null
  readonly changed_at: Date | null
}

/** The result of a write of the brake; `conflict` with the version that the brake has instead of the expected one. */
export type BrakeOutcome = 'written' | 'unchanged' | { readonly conflict: number }

/**
 * Sets or releases an environment's brake; the current state again is no change. `details` are added to the audit
 * entry. `ifVersion` is the version that the brake must still have, 0 for one that was never set.
 */
export function setBrake(
  store: Store,
  environment: Environment,
  brake: Brake,
  {
    context,
    details = {},
    ifVersion,
  }: Pick<AuditEvent, 'context' | 'details'> & { readonly ifVersion?: number | undefined },
): Promise<BrakeOutcome> {
  return store.write<BrakeOutcome>(async (tx, version): Promise<Written<BrakeOutcome>> => {
    const [held] = await tx.query<Brake & { version: number }>(
      `select is_on as on, reason, version from ${store.schema}.brakes where environment = $1`,
      [environment],
    )
    const on = held?.on ?? false
    const found = held?.version ?? 0
    if (ifVersion !== undefined && found !== ifVersion) return { change: undefined, result: { conflict: found } }
    if (on === brake.on && (held?.reason ?? '') === brake.reason) return { change: undefined, result: 'unchanged' }
    await tx.query(
      `insert into ${store.schema}.brakes (environment, is_on, reason, version, changed_by) values ($1, $2, $3, $4, $5)
        on conflict (environment) do update set is_on = excluded.is_on, reason = excluded.reason,
          version = excluded.version, changed_by = excluded.changed_by, changed_at = now()`,
      [environment, brake.on, brake.reason, version, context.by],
    )
    await tx.record({
      ...{ context, action: brake.on ? 'brake.on' : 'brake.off', environment, subject: BRAKE_SUBJECT, details },
      before: { on, reason: held?.reason ?? '' },
      after: brake,
    })
    return { change: { kind: 'brake', environment, brake }, result: 'written' }
  })
}

/** Reads an environment's brake. */
export async function readBrake(store: Store, environment: Environment): Promise<BrakeRecord> {
  const [row] = await store.database.query<BrakeRecord>(
    `select is_on as on, reason, version, changed_by, changed_at from ${store.schema}.brakes where environment = $1`,
    [environment],
  )
  return row ?? { on: false, reason: '', version: null, changed_by: null, changed_at: null }
}
