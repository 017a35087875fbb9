import { createHash } from 'node:crypto'
import type { StormApplication, StormUser } from '../storm/population.ts'
import type { Random } from '../storm/random.ts'
import { type Breakage, breakages, type FlowName } from './quirks.ts'

/** A client that repeats one flow at its own pace. */
export interface ScriptedClient {
  readonly application: StormApplication
  readonly user: StormUser
  readonly flow: FlowName
  readonly isBasic: boolean
  readonly hasPkce: boolean
  /** Mean milliseconds between two flows. */
  readonly everyMs: number
  readonly breakage: Breakage | undefined
}

/** The clients and users of the demonstration, and the seed file for the monolith. */
export interface Cast {
  readonly clients: readonly ScriptedClient[]
  readonly seedFile: string
}

/** Weights of the flows that clients which do not break use. */
const FLOWS: ReadonlyArray<readonly [number, FlowName]> = [
  [4, 'client credentials'],
  [3, 'code'],
  [2, 'code and refresh'],
  [1, 'device'],
]
const USERS = 16
/** A broken client is one of the busier ones, so that the demonstration ends in minutes. */
const BROKEN_EVERY_MS = 2_500

/** Makes `count` clients, twelve of which break on IAM; the same for the same random numbers. */
export function makeCast(
  count: number,
  random: Random,
  pace: { slowestMs: number; fastestMs: number; lateMs: number },
): Cast {
  const broken = breakages(pace.lateMs)
  if (count < 2 * broken.length) throw new RangeError(`--clients must be at least ${2 * broken.length}`)
  const users = Array.from({ length: USERS }, (_, index): StormUser => {
    return { username: `user${index + 1}`, password: `a-good-password-${index + 1}` }
  })
  const [first, ...others] = users
  if (first === undefined) throw new RangeError('the demonstration needs users')
  // Spread over the list, so that each step of the rollout meets some of them.
  const places = new Map(
    broken.map((breakage, index) => [Math.floor(((index + 0.5) * count) / broken.length), breakage]),
  )
  const clients = Array.from({ length: count }, (_, index): ScriptedClient => {
    const breakage = places.get(index)
    const flow = breakage?.flow ?? random.weighted(FLOWS)
    // Log-uniform: most clients are slow, a few are fast.
    const everyMs = pace.slowestMs * (pace.fastestMs / pace.slowestMs) ** random.next()
    return {
      application: applicationOf(index + 1),
      user: random.pick([first, ...others]),
      ...{ flow, breakage, isBasic: breakage?.isBasic ?? random.chance(0.4) },
      hasPkce: breakage?.hasPkce ?? random.chance(0.7),
      everyMs: breakage === undefined ? everyMs : Math.min(everyMs, BROKEN_EVERY_MS),
    }
  })
  return { clients, seedFile: seedFile(clients, users) }
}

function applicationOf(id: number): StormApplication {
  const digest = (what: string) => createHash('sha256').update(`rollout ${what} ${id}`).digest('hex')
  return {
    ...{ id, kind: 'confidential', clientId: digest('client'), secret: `gloas-${digest('secret')}` },
    redirectUri: `https://app-${id}.example.test/callback`,
  }
}

function seedFile(clients: readonly ScriptedClient[], users: readonly StormUser[]): string {
  const applications = clients.map(({ application: { id, clientId, secret, redirectUri }, breakage }) => [
    `app${id}`,
    {
      ...{ id, name: breakage === undefined ? `Client ${id}` : `Client ${id} (breaks)`, uid: clientId, secret },
      ...{ scopes: '', redirect_uris: [redirectUri], confidential: true, trusted: false },
    },
  ])
  const people = users.map((user, index) => ({
    ...{ ...user, id: index + 1, name: `User ${index + 1}`, email: `${user.username}@example.test` },
  }))
  return JSON.stringify({
    note: 'made up for a demonstration',
    users: people,
    clients: Object.fromEntries(applications),
  })
}
