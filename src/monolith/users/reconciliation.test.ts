import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { SEED, startPlatform } from '../../../test/support/monolith-platform.ts'
import { freePortRange } from '../../../test/support/ports.ts'
import { eventually } from '../../../test/support/wait.ts'
import { type RunningIam, startIam } from '../../iam/index.ts'
import { silentLog } from '../../observability/index.ts'
import type { RunningMonolith, SeedDocument } from '../index.ts'

const TOKEN = 'admin-token-of-the-tests'
const INTERNAL = 'internal-token-of-the-tests'
const CLIENT = { client_id: 'web', client_secret: 'web-secret' }
const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin'] as const
const users = NAMES.map((username, index) => ({
  ...{ id: index + 1, username, name: username, password: `${username}-password`, email: `${username}@example.test` },
}))

for (const engine of testDatabases())
  describe(`missed changes of users at IAM, on ${engine.kind}`, () => {
    let store: TestDatabase
    let monolith: RunningMonolith | undefined
    let iam: RunningIam | undefined
    let ports: number

    const openIam = async () => {
      iam = await startIam(
        {
          listen: { host: '127.0.0.1', port: ports },
          internalListen: { host: '127.0.0.1', port: ports + 1 },
          issuer: `http://127.0.0.1:${ports + 2}`,
          database: store.database,
          internalToken: INTERNAL,
          verifierKey: Buffer.alloc(32, 7),
          resourceOwnerUrl: `http://127.0.0.1:${ports + 2}/-/iam/resource_owner`,
        },
        silentLog,
      )
    }
    const closeIam = async () => {
      await iam?.close()
      iam = undefined
    }
    const openMonolith = async (seed?: SeedDocument) => {
      monolith = await startPlatform(store.database, {
        listen: { host: '127.0.0.1', port: ports + 2 },
        adminToken: TOKEN,
        iam: { internalUrl: `http://127.0.0.1:${ports + 1}`, token: INTERNAL },
        seed,
      })
    }
    const closeMonolith = async () => {
      await monolith?.close()
      monolith = undefined
    }
    before(async () => {
      store = await engine.open()
      ports = await freePortRange(3)
      await openIam()
      await openMonolith({ ...SEED, users })
      assert.equal(await monolith?.replicator.whenDelivered(30_000), true)
    })
    after(async () => {
      await closeMonolith()
      await closeIam()
      await store.close()
    })

    const tokenOf = async (username: (typeof NAMES)[number]) => {
      const form = { ...CLIENT, grant_type: 'password', username, password: `${username}-password`, scope: 'openid' }
      const answer = await fetch(`${iam?.url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
      const { access_token } = (await answer.json()) as Record<string, string>
      return access_token ?? assert.fail(`no token for ${username}`)
    }
    const isGood = async (token: string) => {
      const answer = await fetch(`${iam?.url}/oauth/userinfo`, { headers: { authorization: `Bearer ${token}` } })
      assert.ok([200, 401].includes(answer.status), `${answer.status}`)
      return answer.status === 200
    }
    const assertEndsAlone = async (ended: string, other: string) => {
      await eventually('IAM ends what it has issued', async () => !(await isGood(ended)))
      assert.equal(await isGood(other), true, 'another user keeps the token')
    }

    test('a block written to the database while the monolith was down reaches IAM at startup', async () => {
      const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')]
      await closeMonolith()
      await store.database.query('update monolith.users set blocked_at = now() where id = 1')
      assert.equal(await isGood(alice), true)
      await openMonolith()
      await assertEndsAlone(alice, bob)
    })

    test('a deletion written to the database while the monolith was down reaches IAM at startup', async () => {
      const [bob, carol] = [await tokenOf('bob'), await tokenOf('carol')]
      await closeMonolith()
      await store.database.query('delete from monolith.users where id = 3')
      await openMonolith()
      await assertEndsAlone(carol, bob)
    })

    test('a block and a sign-out with deliveries lost while IAM was down reach it through the comparison', async () => {
      const [bob, dave, erin] = [await tokenOf('bob'), await tokenOf('dave'), await tokenOf('erin')]
      await closeIam()
      for (const path of ['4/block', '5/sign_out']) {
        const headers = { 'private-token': TOKEN }
        const answer = await fetch(`${monolith?.url}/api/v4/users/${path}`, { method: 'POST', headers })
        assert.equal(answer.status, 201)
      }
      await closeMonolith()
      await store.database.query('delete from monolith.user_changes')
      await openIam()
      assert.deepEqual([await isGood(dave), await isGood(erin)], [true, true])
      await openMonolith()
      await assertEndsAlone(dave, bob)
      await assertEndsAlone(erin, bob)
    })
  })
