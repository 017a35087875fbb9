import { type Application, rangeDigest } from '../../src/applications/index.ts'
import type { ApplicationSource } from '../../src/replication/index.ts'

/** A source in memory; `write` stores a new version. */
export function sourceOf(
  applications: ReadonlyMap<number, Application>,
  write: (id: number, version: number) => Promise<void>,
): ApplicationSource {
  const within = (after: number, upTo: number) =>
    [...applications.values()].filter(({ id }) => id > after && id <= upTo).sort((a, b) => a.id - b.id)
  return {
    find: async (clientIds) =>
      new Map(
        [...applications.values()]
          .filter(({ client_id }) => clientIds.includes(client_id))
          .map((one) => [one.client_id, one]),
      ),
    async raise(clientId, above) {
      const found = [...applications.values()].find(({ client_id }) => client_id === clientId)
      if (found && found.version <= above) await write(found.id, above + 1)
    },
    bounds: async () => [0, 100, 200, Number.MAX_SAFE_INTEGER],
    digests: async (bounds) => bounds.slice(1).map((bound, at) => rangeDigest(within(bounds[at] ?? 0, bound))),
    page: async (after, upTo, limit) => within(after, upTo).slice(0, limit),
  }
}

/** A valid application with this id and the client_id `client-ID`. */
export function applicationNumber(id: number, version: number): Application {
  return {
    id,
    client_id: `client-${id}`,
    name: `Application ${id}`,
    secret_digest: 'ab'.repeat(64),
    redirect_uris: ['https://app.example.test/callback'],
    scopes: [],
    confidential: true,
    trusted: false,
    version,
  }
}
