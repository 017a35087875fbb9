import type { Queryable } from './database.ts'

const LIMIT_MS = 2_000

/** Whether a database answers within 2 s: for `/readyz`, which must itself answer quickly. Never rejects. */
export async function isReachable(database: Queryable, limitMs = LIMIT_MS): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs)
  })
  const asked = database.query('select 1').then(
    () => true,
    () => false,
  )
  return Promise.race([asked, late]).finally(() => clearTimeout(timer))
}
