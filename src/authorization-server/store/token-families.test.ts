import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { type Database, migrate, type Queryable } from '../../storage/index.ts'
import { applicationOf } from '../testing/seed.ts'
import { createApplicationStore } from './applications.ts'
import { digestOf } from './digest.ts'
import { createGrantStore } from './grants.ts'
import { authorizationMigrations } from './migrations.ts'
import { createSecurityEventStore } from './security-events.ts'
import { createTokenStore, type NewPair, type StoredToken } from './tokens.ts'

const SCHEMA = 'families'
const application = applicationOf('conf')

let count = 0
function pair(): NewPair {
  count++
  return { accessToken: `access-${count}`, refreshToken: `refresh-${count}`, now: Date.now(), lifetime: 7_200 }
}

for (const engine of testDatabases()) {
  describe(`a family of tokens on ${engine.kind}`, () => {
    let store: TestDatabase
    before(async () => {
      store = await engine.open()
      await migrate(store.database, SCHEMA, authorizationMigrations)
    })
    after(() => store.close())
    beforeEach(async () => {
      await store.database.query(`truncate ${SCHEMA}.tokens, ${SCHEMA}.grants, ${SCHEMA}.security_events`)
      await applications().remove(application.client_id)
      await applications().upsert(application)
    })

    const on = (queryable: Queryable) => queryable as Database
    const tokens = (queryable: Queryable = store.database) => createTokenStore(on(queryable), SCHEMA)
    const grants = (queryable: Queryable = store.database) => createGrantStore(on(queryable), SCHEMA)
    const record = () => createSecurityEventStore(store.database, SCHEMA)
    const applications = (queryable: Queryable = store.database) =>
      createApplicationStore(on(queryable), SCHEMA, () => {})
    const firstPair = async (): Promise<StoredToken & { readonly refreshToken: string }> => {
      const made = pair()
      const owner = { familyId: randomUUID(), applicationId: application.id, subject: '1', scopes: 'api' }
      await tokens().insert(made, owner)
      return { ...(await found(made.accessToken)), refreshToken: made.refreshToken ?? '' }
    }
    const found = async (accessToken: string): Promise<StoredToken> => {
      const token = await tokens().findByAccess(accessToken)
      assert.ok(token)
      return token
    }
    const evidenceOf = ({ familyId, applicationId, subject }: StoredToken) =>
      ({ kind: 'refresh_token_reuse', familyId, applicationId, subject, firstUsedAt: 1_000 }) as const
    const live = async (): Promise<number> => {
      const [row] = await store.database.query<{ count: number }>(
        `select count(*) as count from ${SCHEMA}.tokens where revoked_at is null`,
      )
      return row?.count ?? -1
    }
    const code = async (): Promise<string> => {
      const text = randomUUID()
      await grants().insert(text, {
        ...{ applicationId: application.id, subject: '1', scopes: 'api', redirectUri: 'https://x.test/' },
        ...{ codeChallenge: null, codeChallengeMethod: null, nonce: null, familyId: randomUUID() },
        ...{ createdAt: Date.now(), expiresIn: 600 },
      })
      return text
    }

    /** Runs `second` while the transaction of `first` is open, and commits `first` only once `second` waits for it. */
    const overtaken = async <T>(first: (tx: Queryable) => Promise<unknown>, second: () => Promise<T>): Promise<T> => {
      let pending: Promise<T> | undefined
      await store.database.transaction(async (tx) => {
        await first(tx)
        pending = second()
        pending.catch(() => {})
        await eventually('the second one waits', async () => {
          const rows = await store.database.query(
            `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          )
          return rows.length > 0
        })
      })
      assert.ok(pending)
      return pending
    }

    it('ends as a whole, once, and is recorded', async () => {
      const first = await firstPair()
      const next = pair()
      assert.equal(await tokens().rotate(first.id, 'api', next), true)
      const event = await record().endFamily(evidenceOf(first), Date.now())
      const told = {
        kind: 'refresh_token_reuse',
        clientId: application.client_id,
        applicationId: application.id,
        subject: '1',
        familyId: first.familyId,
        tokensRevoked: 1,
        firstUsedAt: 1_000,
      }
      assert.deepEqual(event, told)
      assert.equal((await found(next.accessToken)).revokeReason, 'reuse')
      assert.equal(await record().endFamily(evidenceOf(first), Date.now()), undefined)
      const [{ id, occurredAt, ...kept } = {} as never, ...more] = await record().list(new Date(0))
      assert.ok(Number.isInteger(id) && occurredAt instanceof Date)
      assert.deepEqual(kept, told)
      assert.deepEqual(more, [])
      assert.deepEqual(await record().list(new Date(Date.now() + 60_000)), [])
    })

    it('that is already revoked is recorded once all the same', async () => {
      const first = await firstPair()
      await tokens().revoke(first, Date.now())
      assert.equal((await record().endFamily(evidenceOf(first), Date.now()))?.tokensRevoked, 0)
      assert.equal(await record().endFamily(evidenceOf(first), Date.now()), undefined)
    })

    it('cannot be revived by a rotation', async () => {
      const first = await firstPair()
      await record().endFamily(evidenceOf(first), Date.now())
      assert.equal(await tokens().rotate(first.id, 'api', pair()), false)
      assert.equal(await live(), 0)
    })

    it('ends with its application, including a pair that is stored too late', async () => {
      await applications().remove(application.client_id)
      const late = pair()
      await tokens().insert(late, {
        familyId: randomUUID(),
        applicationId: application.id,
        subject: null,
        scopes: 'api',
      })
      assert.equal(await tokens().findByAccess(late.accessToken), undefined)
      assert.equal(await tokens().findByRefresh(late.refreshToken ?? ''), undefined)
      assert.equal(await tokens().findByEither(late.accessToken), undefined)
      assert.equal(await applications().upsert(application), true)
      assert.equal(await tokens().findByAccess(late.accessToken), undefined, 'an application begins with nothing')
    })

    it('survives a change of its application', async () => {
      const first = await firstPair()
      assert.equal(await applications().upsert({ ...application, version: 2 }), true)
      assert.equal(await applications().upsert({ ...application, version: 1 }), false)
      assert.equal((await tokens().findByRefresh(first.refreshToken))?.revokedAt, null)
    })

    // The embedded engine has one session, where no statement ever waits for another.
    describe('when statements overlap', { skip: engine.kind === 'embedded' ? 'one session only' : false }, () => {
      it('ends together with the successor of an in-flight rotation', async () => {
        const first = await firstPair()
        const event = await overtaken(
          (tx) => tokens(tx).rotate(first.id, 'api', pair()),
          () => record().endFamily(evidenceOf(first), Date.now()),
        )
        assert.equal(event?.tokensRevoked, 1)
        assert.equal(await live(), 0)
      })

      it('ends before a rotation that waits for it', async () => {
        const first = await firstPair()
        const won = await overtaken(
          (tx) => createSecurityEventStore(on(tx), SCHEMA).endFamily(evidenceOf(first), Date.now()),
          () => tokens().rotate(first.id, 'api', pair()),
        )
        assert.equal(won, false)
        assert.equal(await live(), 0)
      })

      it('has no live pair after a revocation during a rotation', async () => {
        const first = await firstPair()
        await overtaken(
          (tx) => tokens(tx).rotate(first.id, 'api', pair()),
          () => tokens().revoke(first, Date.now()),
        )
        assert.equal(await live(), 0)
      })

      it('issues nothing to a rotation that waits for the revocation of its pair', async () => {
        const first = await firstPair()
        const won = await overtaken(
          (tx) => tokens(tx).revoke(first, Date.now()),
          () => tokens().rotate(first.id, 'api', pair()),
        )
        assert.equal(won, false)
        assert.equal(await live(), 0)
      })

      it('ends when its application is removed during the exchange that starts it', async () => {
        const made = pair()
        const hash = digestOf(await code())
        await overtaken(
          (tx) => tokens(tx).exchangeCode(hash, made),
          () => applications().remove(application.client_id),
        )
        assert.equal(await tokens().findByAccess(made.accessToken), undefined)
      })

      it('is never started by an exchange that waits for the removal of its application', async () => {
        const hash = digestOf(await code())
        const won = await overtaken(
          (tx) => applications(tx).remove(application.client_id),
          () => tokens().exchangeCode(hash, pair()),
        )
        assert.equal(won, false)
        assert.equal(await live(), 0)
      })

      it('ends when its application is removed during its rotation', async () => {
        const first = await firstPair()
        const next = pair()
        await overtaken(
          (tx) => tokens(tx).rotate(first.id, 'api', next),
          () => applications().remove(application.client_id),
        )
        assert.equal(await tokens().findByRefresh(next.refreshToken ?? ''), undefined)
      })

      it('starts once for two exchanges of one code', async () => {
        const hash = digestOf(await code())
        const won = await overtaken(
          (tx) => tokens(tx).exchangeCode(hash, pair()),
          () => tokens().exchangeCode(hash, pair()),
        )
        assert.equal(won, false)
        assert.equal(await live(), 1)
      })

      it('has one successor for two rotations', async () => {
        const first = await firstPair()
        const won = await overtaken(
          (tx) => tokens(tx).rotate(first.id, 'api', pair()),
          () => tokens().rotate(first.id, 'api', pair()),
        )
        assert.equal(won, false)
        assert.equal(await live(), 1)
      })
    })
  })
}
