import { setImmediate as turn } from 'node:timers/promises'
import { cohortOfDocument } from '../../../applications/index.ts'
import type { Log } from '../../../observability/index.ts'
import type { Store } from '../../state/store.ts'

/** Short enough to leave time for renewals of the lease in between. */
const PAGE = 1_000
const MOST_NAMED = 20
/** An application whose registration the control plane does not hold, or cannot read. */
const UNKNOWN = 'unknown'

/** The cohort of each registered application. */
export class Cohorts {
  readonly #store: Store
  readonly #cohorts = new Map<number, string>()
  /** One copy of each name, whatever the number of its members. */
  readonly #names = new Map<string, string>()
  /** Applications with a document that is not a registration; each is logged once. */
  readonly #unreadable = new Set<number>()
  readonly #changed = new Set<number>()
  #refreshing: Promise<void> | undefined
  readonly #log: Log

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
  }

  /** The cohort of an application; `unknown` when its registration is not held or cannot be read. */
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

  /** Reads some registrations again, together with all that change in the same moment. */
  refresh(applicationIds: readonly number[]): Promise<void> {
    for (const id of applicationIds) this.#changed.add(id)
    this.#refreshing ??= this.#refreshChanged()
    return this.#refreshing
  }

  async #refreshChanged(): Promise<void> {
    await turn()
    try {
      while (this.#changed.size > 0) {
        const ids = [...this.#changed].slice(0, PAGE)
        for (const id of ids) this.#changed.delete(id)
        const found = new Set((await this.#read('id = any($1::bigint[])', ids)).map(({ id }) => id))
        for (const id of ids) if (!found.has(id)) this.#cohorts.delete(id)
      }
    } finally {
      // In the same turn in which nothing was left to read: what changes next needs a refresh of its own.
      this.#refreshing = undefined
    }
  }

  async #read(where: string, id: number | readonly number[]) {
    const rows = await this.#store.database.query<{ id: number; document: unknown }>(
      `select id, document from ${this.#store.schema}.applications
        where ${where} and not is_removed order by id limit ${PAGE}`,
      [id],
    )
    const unreadable: number[] = []
    for (const { id: applicationId, document } of rows) {
      const cohort = cohortOfDocument(document)
      if (cohort === undefined && document !== null) unreadable.push(applicationId)
      const name = cohort ?? UNKNOWN
      if (!this.#names.has(name)) this.#names.set(name, name)
      this.#cohorts.set(applicationId, this.#names.get(name) ?? name)
    }
    this.#report(unreadable.filter((applicationId) => !this.#unreadable.has(applicationId)))
    return rows
  }

  #report(unreadable: readonly number[]): void {
    if (unreadable.length === 0) return
    for (const applicationId of unreadable) this.#unreadable.add(applicationId)
    const applications = unreadable.slice(0, MOST_NAMED)
    this.#log.warn({ applications, count: unreadable.length }, 'registrations cannot be read; their cohort is unknown')
  }
}
