import type { Database, Queryable, Statement } from '../../../storage/index.ts'

/** The planner's result for one statement. */
export interface Explained {
  readonly text: string
  /** Milliseconds to execute it, the shortest of the first runs. */
  readonly milliseconds: number
  /** Pages read in that run. */
  readonly pages: number
  /** Tables scanned in full, by the plan for the given values or by the generic plan. */
  readonly readWhole: readonly string[]
}

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

const MOST_RUNS = 3
const PLANNED = /^\s*(select|insert|update|delete|with)\b/i
const UNDO = Symbol('undo')

/** Wraps a PostgreSQL database: every statement is explained and rolled back before it is executed. */
export function explaining(database: Database): { readonly database: Database; explained(): Explained[] } {
  const found = new Map<string, Explained & { runs: number }>()
  const look = async (on: Queryable, statement: Statement | string, values: readonly unknown[]) => {
    const text = typeof statement === 'string' ? statement : statement.text
    const before = found.get(text)
    if (!PLANNED.test(text) || (before?.runs ?? 0) >= MOST_RUNS) return
    const { plan, milliseconds } = await analyzed(on, text, values)
    const generic = before === undefined ? await genericPlan(on, text) : undefined
    const whole = [...wholeTables(plan), ...(generic === undefined ? (before?.readWhole ?? []) : wholeTables(generic))]
    const isBest = milliseconds < (before?.milliseconds ?? Infinity)
    found.set(text, {
      text,
      milliseconds: isBest ? milliseconds : (before?.milliseconds ?? milliseconds),
      pages: isBest ? pagesOf(plan) : (before?.pages ?? 0),
      readWhole: [...new Set(whole)],
      runs: (before?.runs ?? 0) + 1,
    })
  }
  const query: Database['query'] = async (statement, values = []) => {
    await undone(database, (tx) => look(tx, statement, values))
    return database.query(statement, values)
  }
  const transaction: Database['transaction'] = (work) =>
    database.transaction((tx) =>
      work({
        ...tx,
        query: async (statement, values = []) => {
          await tx.query('savepoint explained')
          await look(tx, statement, values)
          await tx.query('rollback to savepoint explained')
          return tx.query(statement, values)
        },
      }),
    )
  const replaced: Partial<Database> = { query, transaction }
  const wrapped = new Proxy(database, {
    get(target, name) {
      const value: unknown = Reflect.get(replaced, name) ?? Reflect.get(target, name)
      return typeof value === 'function' && !(name in replaced) ? value.bind(target) : value
    },
  })
  return { database: wrapped, explained: () => [...found.values()] }
}

async function undone(database: Database, work: (tx: Queryable) => Promise<void>): Promise<void> {
  await database
    .transaction(async (tx) => {
      await work(tx)
      throw UNDO
    })
    .catch((error: unknown) => {
      if (error !== UNDO) throw error
    })
}

async function analyzed(
  on: Queryable,
  text: string,
  values: readonly unknown[],
): Promise<{ plan: PlanNode; milliseconds: number }> {
  const [row] = await on.query<{ 'QUERY PLAN': Array<{ Plan: PlanNode; 'Execution Time': number }> }>(
    `explain (analyze, buffers, format json) ${text}`,
    values,
  )
  const [first] = row?.['QUERY PLAN'] ?? []
  if (!first) throw new Error('no plan')
  return { plan: first.Plan, milliseconds: first['Execution Time'] }
}

/** The generic plan of a prepared statement. */
async function genericPlan(on: Queryable, text: string): Promise<PlanNode> {
  await on.query('set local plan_cache_mode = force_generic_plan')
  await on.query(`prepare explained_generic as ${text}`)
  try {
    const [known] = await on.query<{ count: number }>(
      `select cardinality(parameter_types) as count from pg_prepared_statements where name = 'explained_generic'`,
    )
    const nulls = Array.from({ length: known?.count ?? 0 }, () => 'null').join(', ')
    const [row] = await on.query<{ 'QUERY PLAN': Array<{ Plan: PlanNode }> }>(
      `explain (format json) execute explained_generic${nulls === '' ? '' : `(${nulls})`}`,
    )
    const [first] = row?.['QUERY PLAN'] ?? []
    if (!first) throw new Error('no plan')
    return first.Plan
  } finally {
    await on.query('deallocate explained_generic')
    await on.query('set local plan_cache_mode = auto')
  }
}

function wholeTables(plan: PlanNode): string[] {
  const own = plan['Node Type'] === 'Seq Scan' && plan['Relation Name'] ? [plan['Relation Name']] : []
  return [...own, ...(plan.Plans ?? []).flatMap(wholeTables)]
}

function pagesOf(plan: PlanNode): number {
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
}
