import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, openDatabase } from '../../src/storage/index.ts'
import { createServerDatabase } from '../support/database.ts'
import { freePorts } from '../support/ports.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually } from '../support/wait.ts'
import { type IamProcess, iamProcess, trustingMonolith } from './iam-process.ts'
import { type Storm, startStorm } from './storm.ts'

/** The short form runs every time; `HANDOVER_STORM_KILLS=100 npm test -- test/crash` is the long one. */
const KILLS = Number(process.env['HANDOVER_STORM_KILLS'] ?? 2)
/** The number of rotations between two kills, so that each kill happens in the middle of the storm. */
const ROTATIONS_BETWEEN = 40
const SECRET = 'secret-of-the-storm'
const APPLICATION = {
  id: 1,
  client_id: 'client-of-the-storm',
  name: 'Storm',
  secret_digest: createHash('sha512').update(SECRET).digest('hex'),
  redirect_uris: ['https://client.example.test/callback'],
  scopes: [],
  confidential: true,
  trusted: false,
  version: 1,
}

/** Families with more than one live pair: there must never be any. */
async function forkedFamilies(database: Database): Promise<number> {
  const rows = await database.query(
    'select from iam.tokens where revoked_at is null group by family_id having count(*) > 1',
  )
  return rows.length
}

describe('kill -9 while refresh tokens rotate', () => {
  const scratch = scratchDirectory('storm')
  let monolith: Awaited<ReturnType<typeof trustingMonolith>>
  before(async () => {
    monolith = await trustingMonolith()
  })
  after(async () => {
    await monolith.close()
    scratch.remove()
  })

  const processes = async (count: number, databaseUrl: string | undefined): Promise<IamProcess[]> => {
    const ports = await freePorts(2 * count)
    return Array.from({ length: count }, (_, index) =>
      iamProcess({
        ports: [ports[2 * index] ?? 0, ports[2 * index + 1] ?? 0],
        directory: scratch.path,
        databaseUrl,
        resourceOwnerUrl: monolith.url,
      }),
    )
  }
  const begin = async (servers: readonly IamProcess[], clients: number): Promise<Storm> => {
    for (const server of servers) await server.start()
    await servers[0]?.replicate(APPLICATION)
    const urls = servers.map((server) => server.url)
    return startStorm({ clients, servers: urls, clientId: APPLICATION.client_id, clientSecret: SECRET })
  }
  const killAgainAndAgain = async (storm: Storm, servers: readonly IamProcess[], look: () => Promise<void>) => {
    for (let kill = 0; kill < KILLS; kill++) {
      const from = storm.figures.rotations
      await eventually('the storm goes on', () => storm.figures.rotations >= from + ROTATIONS_BETWEEN)
      await sleep(Math.random() * 20)
      const server = servers[kill % servers.length]
      await server?.kill()
      await look()
      await server?.start()
    }
  }
  const conclude = async (storm: Storm, clients: number, context: TestContext) => {
    const { working, oldTaken } = await storm.settle()
    context.diagnostic(JSON.stringify({ kills: KILLS, clients, ...storm.figures, working, oldTaken }))
    const { unanswered, recovered, lost, takenTwice, wronglyRefused } = storm.figures
    assert.equal(takenTwice, 0, 'no token is ever taken twice')
    assert.equal(wronglyRefused, 0, 'a client that missed no answer is never refused')
    assert.equal(unanswered, recovered + lost, 'every client learns what became of a request without an answer')
    assert.equal(working, clients, 'every client holds a token that works')
    assert.equal(oldTaken, 0, 'and none that works twice')
  }

  const server = process.env['HANDOVER_TEST_DATABASE_URL']
  const skip = server === undefined ? 'there is no server to test with' : false
  test('on PostgreSQL with two processes: every client has one token or knows that it lost it', { skip }, async (t) => {
    const { url, remove } = await createServerDatabase(server ?? '')
    const servers = await processes(2, url)
    const database = await openDatabase({ kind: 'postgres', url })
    let storm: Storm | undefined
    try {
      storm = await begin(servers, 24)
      await killAgainAndAgain(storm, servers, async () => assert.equal(await forkedFamilies(database), 0))
      await conclude(storm, 24, t)
      assert.equal(await forkedFamilies(database), 0)
    } finally {
      await storm?.abandon()
      for (const each of servers) await each.kill()
      await database.close()
      await remove()
    }
  })

  test('on the embedded database: every client has one token or knows that it lost it', async (t) => {
    const servers = await processes(1, undefined)
    let storm: Storm | undefined
    try {
      storm = await begin(servers, 12)
      await killAgainAndAgain(storm, servers, async () => {})
      await conclude(storm, 12, t)
      await servers[0]?.stop()
      const database = await openDatabase({ kind: 'embedded', dataDir: scratch.path })
      assert.equal(await forkedFamilies(database), 0)
      await database.close()
    } finally {
      await storm?.abandon()
      for (const each of servers) await each.kill()
    }
  })
})
