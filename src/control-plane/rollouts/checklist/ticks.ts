import type { Environment } from '../../../flags/index.ts'
import type { ItemTick } from '../../../rollouts/index.ts'
import type { ChangeContext } from '../../audit/change-context.ts'
import type { Store } from '../../state/store.ts'

/** The ticks of a checklist; `rollout` is empty for the checklist of an environment. */
export const CHECKLIST_SQL = `
create table {schema}.checklist_ticks (
  environment text not null,
  rollout text not null,
  item text not null,
  by text not null,
  note text not null,
  at timestamptz not null default now(),
  primary key (environment, rollout, item)
);
alter table {schema}.deployments add column stage text not null default 'main';
`

/** Whose checklist it is. */
export interface ChecklistScope {
  readonly environment: Environment
  /** The id of a rollout; undefined for the environment itself. */
  readonly rollout: number | undefined
}

const keyOf = ({ rollout }: ChecklistScope) => (rollout === undefined ? '' : String(rollout))

/** Ticks an item, or removes its tick, and records it in the audit log; the same tick again changes nothing. */
export function setTick(
  store: Store,
  scope: ChecklistScope,
  { item, isDone, note }: { readonly item: string; readonly isDone: boolean; readonly note: string },
  context: ChangeContext,
): Promise<'written' | 'unchanged'> {
  const key = [scope.environment, keyOf(scope), item]
  return store.write<'written' | 'unchanged'>(async (tx) => {
    const [held] = await tx.query<{ by: string; note: string }>(
      `select by, note from ${store.schema}.checklist_ticks where environment = $1 and rollout = $2 and item = $3`,
      key,
    )
    if (isDone === (held !== undefined) && (!isDone || held?.note === note)) {
      return { change: undefined, result: 'unchanged' }
    }
    if (isDone) {
      await tx.query(
        `insert into ${store.schema}.checklist_ticks (environment, rollout, item, by, note) values ($1, $2, $3, $4, $5)
          on conflict (environment, rollout, item) do update set by = excluded.by, note = excluded.note, at = now()`,
        [...key, context.by, note],
      )
    } else {
      await tx.query(
        `delete from ${store.schema}.checklist_ticks where environment = $1 and rollout = $2 and item = $3`,
        key,
      )
    }
    await tx.record({
      context,
      ...{ action: isDone ? 'checklist.tick' : 'checklist.untick', environment: scope.environment },
      subject: scope.rollout === undefined ? item : `${item} of rollout ${scope.rollout}`,
      before: held === undefined ? null : { ...held },
      after: isDone ? { by: context.by, note } : null,
    })
    return { change: undefined, result: 'written' }
  })
}

/** The ticks of a checklist. Those of the environment also count for its rollouts. */
export async function ticksOf(
  { database, schema }: Pick<Store, 'database' | 'schema'>,
  scope: ChecklistScope,
): Promise<Partial<Record<string, ItemTick>>> {
  const rows = await database.query<{ item: string; by: string; note: string; at: Date }>(
    `select item, by, note, at from ${schema}.checklist_ticks where environment = $1 and rollout in ('', $2)
      order by rollout`,
    [scope.environment, keyOf(scope)],
  )
  return Object.fromEntries(rows.map(({ item, by, note, at }) => [item, { by, note, at: new Date(at) }]))
}
