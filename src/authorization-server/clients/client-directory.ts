import type { Policy } from '../../applications/index.ts'
import type { Client } from '../model/client.ts'
import { isStorable } from '../parameters/value.ts'
import type { ApplicationDocument, ApplicationStore } from '../store/applications.ts'
import { clientOf } from '../store/applications.ts'

/** Finds clients, remembering them for so short a time that a change elsewhere is seen within two seconds. */
export interface ClientDirectory {
  find(clientId: string): Promise<Client | undefined>
  /** By the application's id, asked of the store each time: for what happens rarely. */
  findById(id: number): Promise<Client | undefined>
  forget(clientId: string): void
}

const LIFETIME_MS = 1_500
const CAPACITY = 2_000
const LONGEST_ID = 255

/** Opens a directory over a store. Unknown clients are not remembered; `policyOf` is asked once for each one loaded. */
export function createClientDirectory(
  store: Pick<ApplicationStore, 'find' | 'findById'>,
  policyOf: (application: ApplicationDocument) => Policy,
): ClientDirectory {
  const known = new Map<string, { readonly client: Client; readonly until: number }>()
  let changes = 0
  return {
    async find(clientId) {
      const entry = known.get(clientId)
      // Not the clock on the wall: one that is set back would keep a withdrawn secret alive.
      const now = performance.now()
      if (entry !== undefined && entry.until > now) return entry.client
      if (clientId.length > LONGEST_ID || !isStorable(clientId)) return undefined
      const before = changes
      const application = await store.find(clientId)
      if (application === undefined) {
        known.delete(clientId)
        return undefined
      }
      const client = clientOf(application, policyOf(application))
      // A change that came while the store was asked may be missing from its answer.
      if (before === changes) remember(known, clientId, { client, until: now + LIFETIME_MS })
      return client
    },
    async findById(id) {
      const application = await store.findById(id)
      return application && clientOf(application, policyOf(application))
    },
    forget(clientId) {
      changes++
      known.delete(clientId)
    },
  }
}

function remember<Entry>(known: Map<string, Entry>, clientId: string, entry: Entry): void {
  known.delete(clientId)
  known.set(clientId, entry)
  if (known.size <= CAPACITY) return
  const oldest = known.keys().next().value
  if (oldest !== undefined) known.delete(oldest)
}
