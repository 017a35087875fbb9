import type { Grant } from '../../authorization-server/index.ts'

/** An application that a user has authorized, on either server. */
export interface AuthorizedApplication {
  readonly id: number
  readonly clientId: string
  readonly name: string
  /** The scopes of all its grants, in alphabetical order. */
  readonly scopes: readonly string[]
  /** When the newest token was issued. */
  readonly authorizedAt: Date
}

/** Groups one user's grants by application; the name of an application is that of its first grant. */
export function authorizedApplications(grants: readonly Grant[]): AuthorizedApplication[] {
  const byClient = new Map<string, AuthorizedApplication>()
  for (const { id, clientId, name, scope, createdAt } of grants) {
    const before = byClient.get(clientId)
    const scopes = new Set([...(before?.scopes ?? []), ...scope.split(' ').filter((text) => text !== '')])
    const isNewer = before === undefined || createdAt > before.authorizedAt
    byClient.set(clientId, {
      ...(before ?? { id, clientId, name }),
      scopes: [...scopes].sort(),
      authorizedAt: isNewer ? createdAt : before.authorizedAt,
    })
  }
  return [...byClient.values()].sort((one, other) => one.name.localeCompare(other.name, 'en') || one.id - other.id)
}
