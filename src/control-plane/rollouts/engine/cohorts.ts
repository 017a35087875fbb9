import { cohortOfDocument } from '../../../applications/index.ts'
import type { Store } from '../../state/store.ts'

const PAGE = 5_000

/** The cohort of each application whose registration is known. */
export async function cohortsOf(store: Store): Promise<Map<number, string>> {
  const cohorts = new Map<number, string>()
  for (let last = 0; ; ) {
    const page = await store.database.query<{ id: number; document: unknown }>(
      `select id, document from ${store.schema}.applications where id > $1 and not is_removed order by id limit ${PAGE}`,
      [last],
    )
    for (const { id, document } of page) {
      const cohort = cohortOfDocument(document)
      if (cohort !== undefined) cohorts.set(id, cohort)
      last = id
    }
    if (page.length < PAGE) return cohorts
  }
}
