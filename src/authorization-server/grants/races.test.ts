import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { type Database, openDatabase } from '../../storage/index.ts'
import { applicationOf, seedOwner } from '../testing/seed.ts'
import {
  type Answer,
  credentials,
  exchangeFields,
  refreshFields,
  type ServerUnderTest,
  startServerUnderTest,
} from '../testing/server-under-test.ts'

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'
const SCHEMA = 'races'
const SETTINGS = { policy: { rules: { refresh_reuse: 'revoke', code_replay: 'revoke' } } } as const

for (const engine of testDatabases()) {
  describe(`two servers on ${engine.kind} that receive requests at the same time`, () => {
    let store: TestDatabase
    let second: Database
    let servers: readonly [ServerUnderTest, ServerUnderTest]
    before(async () => {
      store = await engine.open()
      second = engine.kind === 'embedded' ? store.database : await openDatabase(store.location)
      servers = [
        await startServerUnderTest(store.database, SCHEMA, SETTINGS),
        await startServerUnderTest(second, SCHEMA, SETTINGS),
      ]
    })
    after(async () => {
      for (const server of servers) await server.close()
      if (second !== store.database) await second.close()
      await store.close()
    })

    /** Sends the same request `count` times at once, alternating between the servers. */
    const storm = (count: number, fields: Record<string, string>) =>
      Array.from({ length: count }, (_, index) => servers[index % 2 === 0 ? 0 : 1].token(fields))
    const revoke = (token: string, client: 'conf' | 'other' = 'conf') =>
      servers[1].send('POST', '/oauth/revoke', { form: { token, ...credentials(client) } })
    const isLive = async (access: string) => {
      const asked = servers.map((server) =>
        server.send('GET', '/oauth/token/info', { query: { access_token: access } }),
      )
      const [one, other] = (await Promise.all(asked)).map((answer) => answer.status)
      assert.equal(one, other, 'both servers say the same')
      return one === 200
    }
    /** The successful answers; asserts that all others were plain refusals. */
    const winners = (answers: readonly Answer[], refusals = ['invalid_grant']) => {
      for (const { status, json } of answers) {
        assert.ok(status === 200 || refusals.includes(json?.error), `${status} ${json?.error}`)
      }
      return answers.filter((answer) => answer.status === 200)
    }
    const livePairs = async (forked: 'all' | 'forked' = 'all') => {
      const rows = await store.database.query(
        `select family_id from ${SCHEMA}.tokens where revoked_at is null group by family_id having count(*) > $1`,
        [forked === 'forked' ? 1 : 0],
      )
      return rows.length
    }

    for (const count of [8, 64]) {
      it(`issue tokens for one of ${count} exchanges of a code`, async () => {
        const won = winners(await Promise.all(storm(count, exchangeFields(await servers[0].code()))))
        assert.equal(won.length, 1)
        assert.equal(await isLive(won[0]?.json.access_token), true)
      })

      it(`issue one successor for ${count} refreshes of a token, which is valid and can be refreshed`, async () => {
        const { refresh } = await servers[0].pair()
        const won = winners(await Promise.all(storm(count, refreshFields(refresh))))
        assert.equal(won.length, 1)
        assert.equal(await isLive(won[0]?.json.access_token), true)
        assert.equal((await servers[1].token(refreshFields(won[0]?.json.refresh_token))).status, 200)
      })

      it(`issue tokens for one of ${count} polls of a device`, async () => {
        const { json } = await servers[0].send('POST', '/oauth/authorize_device', { form: credentials('conf') })
        await servers[1].core.approveDevice(json.user_code, seedOwner('alice'))
        const fields = { grant_type: DEVICE, device_code: json.device_code, ...credentials('conf') }
        const won = winners(await Promise.all(storm(count, fields)))
        assert.equal(won.length, 1)
        assert.equal(await isLive(won[0]?.json.access_token), true)
      })
    }

    it('leave nothing valid when the token being refreshed is reused late', async () => {
      await servers[0].core.reset()
      const { refresh } = await servers[0].pair()
      const current = (await servers[0].token(refreshFields(refresh))).json.refresh_token
      await servers[0].core.advance(11)
      const reuse = storm(16, refreshFields(refresh))
      const refreshes = storm(16, refreshFields(current))
      winners(await Promise.all([...reuse, ...refreshes]))
      assert.equal(await livePairs(), 0)
      const events = servers.flatMap((server) => server.securityEvents.splice(0))
      assert.ok(events.some((event) => event.kind === 'refresh_token_reuse'))
      assert.ok(events.every((event) => event.tokensRevoked <= 1))
    })

    it('leave nothing valid when the code of a token being refreshed is replayed late', async () => {
      await servers[0].core.reset()
      const code = await servers[0].code()
      const { json } = await servers[0].token(exchangeFields(code))
      await servers[0].core.advance(11)
      const replays = storm(16, exchangeFields(code))
      const refreshes = storm(16, refreshFields(json.refresh_token))
      winners(await Promise.all([...replays, ...refreshes]))
      assert.equal(await livePairs(), 0)
    })

    it('never leave two pairs when a token is refreshed and revoked at once', async () => {
      await servers[0].core.reset()
      for (let round = 0; round < 8; round++) {
        const { access, refresh } = await servers[0].pair()
        const refreshes = storm(8, refreshFields(refresh))
        const [answers, revocations] = await Promise.all([
          Promise.all(refreshes),
          Promise.all([revoke(refresh), revoke(access)]),
        ])
        assert.ok(winners(answers).length <= 1)
        assert.deepEqual(
          revocations.map((answer) => answer.status),
          [200, 200],
        )
        assert.equal(await isLive(access), false)
        assert.equal(await livePairs('forked'), 0)
      }
    })

    it('leave nothing of an application that is removed while its tokens are exchanged and refreshed', async () => {
      for (let round = 1; round <= 3; round++) {
        await servers[0].core.applications.upsert(applicationOf('other', 2 * round))
        const { refresh } = await servers[0].pair('other')
        const exchanges = storm(8, exchangeFields(await servers[1].code('other'), 'other'))
        const refreshes = storm(8, refreshFields(refresh, 'other'))
        const plain = storm(8, { grant_type: 'client_credentials', ...credentials('other') })
        const removal = servers[0].core.applications.remove(applicationOf('other').client_id, 2 * round)
        const answers = await Promise.all([...exchanges, ...refreshes, ...plain])
        assert.equal(await removal, true)
        for (const { json } of winners(answers, ['invalid_grant', 'invalid_client'])) {
          assert.equal(await isLive(json.access_token), false)
        }
        await servers[0].core.applications.upsert(applicationOf('other', 2 * round + 1))
        for (const { json } of winners(answers, ['invalid_grant', 'invalid_client'])) {
          assert.equal(await isLive(json.access_token), false, 'nor when it comes back')
        }
      }
    })
  })
}
