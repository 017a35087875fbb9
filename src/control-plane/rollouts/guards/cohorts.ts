import { cohortOf, type Registration } from '../../../applications/index.ts'
import type { Store } from '../../state/store.ts'

const PAGE = 5_000
/** An application whose registration the control plane does not hold. */
const UNKNOWN = 'unknown'

/** The cohort of each registered application. */
export class Cohorts {
  readonly #store: Store
  readonly #cohorts = new Map<number, string>()
  /** One copy of each name, whatever the number of its members. */
  readonly #names = new Map<string, string>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The cohort of an application; `unknown` when its registration is not held. */
  of(applicationId: number): string {
    return this.#cohorts.get(applicationId) ?? UNKNOWN
  }

  /** Reads all registrations. */
  async load(): Promise<void> {
    for (let last = 0; ; ) {
      const page = await this.#read('id > $1', last)
      last = page.at(-1)?.id ?? last
      if (page.length < PAGE) return
    }
  }

  /** Reads one registration again. */
  async refresh(applicationId: number): Promise<void> {
    const [found] = await this.#read('id = $1', applicationId)
    if (found === undefined) this.#cohorts.delete(applicationId)
  }

  async #read(where: string, id: number) {
    const rows = await this.#store.database.query<{ id: number; document: Registration | null }>(
      `select id, document from ${this.#store.schema}.applications
        where ${where} and not is_removed order by id limit ${PAGE}`,
      [id],
    )
    for (const { id: applicationId, document } of rows) {
      const name = document === null ? UNKNOWN : cohortOf(document)
      if (!this.#names.has(name)) this.#names.set(name, name)
      this.#cohorts.set(applicationId, this.#names.get(name) ?? name)
    }
    return rows
  }
}
