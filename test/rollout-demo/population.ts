import { createHash } from 'node:crypto'
import { actorOf } from '../../src/applications/index.ts'
import { bucketOf, isWithin } from '../../src/flags/index.ts'
import type { StormApplication, StormUser } from '../storm/population.ts'
import type { Random } from '../storm/random.ts'
import type { Breakage, FlowName } from './quirks.ts'
import type { DemoScale } from './scale.ts'

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

const USERS = 16
export const FLAG = 'proxy_oauth_requests_to_iam_service'
/** A broken client is one of the busier ones, so that the demonstration ends in minutes. */
const BROKEN_EVERY_MS = 2_500

/** Makes the clients, some of which break on IAM; the same for the same random numbers. */
export function makeCast(scale: DemoScale, random: Random): Cast {
  const { clients: count, pace, flows } = scale
  const users = Array.from({ length: USERS }, (_, index): StormUser => {
    return { username: `user${index + 1}`, password: `a-good-password-${index + 1}` }
  })
  const [first, ...others] = users
  if (first === undefined) throw new RangeError('the demonstration needs users')
  const byId = idsOf(scale)
  const clients = Array.from({ length: count }, (_, index): ScriptedClient => {
    const breakage = byId.get(index + 1)
    const flow = breakage?.flow ?? random.weighted(flows)
    // Log-uniform: most clients are slow, a few are fast.
    const everyMs = pace.slowestMs * (pace.fastestMs / pace.slowestMs) ** random.next()
    return {
      application: applicationOf(index + 1),
      user: random.pick([first, ...others]),
      ...{ flow, breakage, isBasic: breakage?.isBasic ?? random.chance(0.4) },
      hasPkce: breakage?.hasPkce ?? random.chance(0.7),
      everyMs: breakage === undefined ? everyMs : Math.max(pace.fastestMs, Math.min(everyMs, BROKEN_EVERY_MS)),
    }
  })
  return { clients, seedFile: seedFile(clients, users) }
}

/** Gives each breakage the first application that its step moves. */
function idsOf({ breakages, clients, percentages }: DemoScale): Map<number, Breakage> {
  const ids = new Map<number, Breakage>()
  for (const breakage of breakages) {
    let id = 1
    while (id <= clients && (ids.has(id) || stepOf(id, percentages) !== breakage.step)) id++
    if (id > clients)
      throw new RangeError(`${clients} clients are too few: step ${breakage.step} moves too few of them`)
    ids.set(id, breakage)
  }
  return ids
}

/** The step that moves an application, 1 for the first percentage. */
function stepOf(id: number, percentages: readonly number[]): number {
  return 1 + percentages.findIndex((percentage) => isWithin(bucketOf(FLAG, actorOf({ id })), percentage))
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
