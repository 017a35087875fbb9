import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ResourceOwner } from '../model/resource-owner.ts'
import type { ApplicationDocument } from '../store/applications.ts'

interface SeedClient {
  readonly id: number
  readonly name: string
  readonly uid: string
  readonly secret: string
  readonly confidential: boolean
  readonly trusted: boolean
  readonly scopes: string
  readonly redirect_uris: readonly [string, ...string[]]
}
interface Seed {
  readonly users: ReadonlyArray<
    Omit<ResourceOwner, 'id' | 'authTime' | 'claims'> & { readonly id: number; readonly password: string }
  >
  readonly clients: Readonly<Record<ClientName, SeedClient>>
}

/** The clients of the seed by their role. */
export type ClientName = 'conf' | 'public' | 'multi' | 'limited' | 'native' | 'trusted' | 'other' | 'scoped'

const file = new URL('../../../test/fixtures/seed.json', import.meta.url)
const seed = JSON.parse(readFileSync(file, 'utf8')) as Seed

export const clients = seed.clients

/** A user of the seed, signed in ten minutes ago. */
export function seedOwner(username: 'alice' | 'bob'): ResourceOwner {
  const user = seed.users.find((candidate) => candidate.username === username)
  if (!user) throw new Error(`no user ${username} in the seed`)
  const { name, email } = user
  const claims = { email_verified: true, groups: ['staff', 'staff/on-call'], title: 'not to be shown' }
  return { id: String(user.id), username, name, email, claims, authTime: Math.floor(Date.now() / 1_000) - 600 }
}

/** Whether this is the password of a user of the seed. */
export function isSeedPassword(username: string, password: string): boolean {
  return seed.users.some((user) => user.username === username && user.password === password)
}

/** A client of the seed as a replicated document. */
export function applicationOf(name: ClientName, version = 1): ApplicationDocument {
  const client = clients[name]
  return {
    id: client.id,
    client_id: client.uid,
    name: client.name,
    secret_digest: createHash('sha512').update(client.secret).digest('hex'),
    redirect_uris: client.redirect_uris,
    scopes: client.scopes.split(' ').filter((scope) => scope !== ''),
    confidential: client.confidential,
    trusted: client.trusted,
    version,
  }
}
