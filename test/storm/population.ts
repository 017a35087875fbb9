import { createHash } from 'node:crypto'
import type { Random } from './random.ts'

/** An application that takes part in the storm. */
export interface StormApplication {
  readonly id: number
  readonly kind: 'confidential' | 'public' | 'native' | 'trusted'
  readonly clientId: string
  readonly secret: string
  readonly redirectUri: string
}

export interface StormUser {
  readonly username: string
  readonly password: string
}

/** The applications and users of the storm, and the seed file for a server. */
export interface Population {
  readonly applications: readonly [StormApplication, ...StormApplication[]]
  readonly users: readonly [StormUser, ...StormUser[]]
  /** In the format of `--seed`. */
  readonly seedFile: string
}

const KINDS = ['confidential', 'confidential', 'public', 'native', 'trusted'] as const

/** Generates applications and users; the same for the same numbers. */
export function populate(applications: number, users: number): Population {
  const made = Array.from({ length: applications }, (_, index): StormApplication => {
    const id = index + 1
    const kind = KINDS[index % KINDS.length] ?? 'confidential'
    const digest = (what: string) => createHash('sha256').update(`${what} ${id}`).digest('hex')
    const redirectUri = kind === 'native' ? 'urn:ietf:wg:oauth:2.0:oob' : `https://app-${id}.example.test/callback`
    return { id, kind, clientId: digest('client'), secret: `gloas-${digest('secret')}`, redirectUri }
  })
  const people = Array.from({ length: users }, (_, index): StormUser => {
    return { username: `user${index + 1}`, password: `a-good-password-${index + 1}` }
  })
  const [first, ...rest] = made
  const [someone, ...others] = people
  if (first === undefined || someone === undefined) throw new RangeError('a storm needs applications and users')
  return { applications: [first, ...rest], users: [someone, ...others], seedFile: seedFile(made, people) }
}

function seedFile(applications: readonly StormApplication[], users: readonly StormUser[]): string {
  const clients = applications.map(({ id, kind, clientId, secret, redirectUri }) => [
    `app${id}`,
    {
      ...{ id, name: `Storm application ${id}`, uid: clientId, secret, scopes: '', redirect_uris: [redirectUri] },
      confidential: kind !== 'public',
      trusted: kind === 'trusted',
    },
  ])
  const people = users.map((user, index) => ({
    ...{ ...user, id: index + 1, name: `Storm user ${index + 1}`, email: `${user.username}@example.test` },
  }))
  return JSON.stringify({ note: 'made up for a storm', users: people, clients: Object.fromEntries(clients) })
}

/** Draws the scopes that a flow requests; with openid it gets an ID token. */
export function someScopes(random: Random): string {
  return random.weighted([
    [3, 'openid profile email'],
    [3, 'read_user'],
    [2, 'api'],
    [1, 'openid read_user'],
    [1, 'api read_user openid'],
  ])
}
