import type { Policy } from '../../applications/index.ts'
import type { Client } from '../model/client.ts'
import { isStorable } from '../parameters/value.ts'
import type { ApplicationDocument, ApplicationStore } from '../store/applications.ts'
import { clientOf } from '../store/applications.ts'

/** Finds clients and caches them briefly: a change made elsewhere is visible within two seconds. */
export interface ClientDirectory {
  find(clientId: string): Promise<Client | undefined>
  /** Looks up a client by the application's id, uncached; meant for infrequent use. */
  findById(id: number): Promise<Client | undefined>
  forget(clientId: string): void
}

const LIFETIME_MS = 1_500
const CAPACITY = 2_000
const LONGEST_ID = 255

/** Creates a directory over a store. Unknown clients are not cached; `policyOf` is called once per client loaded. */
export function createClientDirectory(
  store: Pick<ApplicationStore, 'find' | 'findById'>,
  policyOf: (application: ApplicationDocument) => Policy,
): ClientDirectory {
  const known = new Map<string, { readonly client: Client; readonly until: number }>()
  let changes = 0
  return {
    async find(clientId) {
      const entry = known.get(clientId)
      // A monotonic clock: a wall clock that is set back would keep a withdrawn secret valid.
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
      // The answer may lack a change that was made while the store was queried.
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
