import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { type Database, migrate, openDatabase } from '../../storage/index.ts'
import { COMPATIBILITY } from '../model/compatibility.ts'
import { authorizationMigrations } from '../store/migrations.ts'
import type { SigningAlgorithm } from './algorithms.ts'
import { createKeyStore } from './key-store.ts'
import { createKeyRing, type KeyRing, type SigningKeyChange } from './ring.ts'
import type { KeyPolicy } from './schedule.ts'

const forEver: KeyPolicy = { algorithms: ['RS256'], lifetime: undefined, lead: 60_000, keep: 60_000, stale: 10_000 }
const { order } = COMPATIBILITY['5.9']
const sealing = Buffer.alloc(32, 1)

async function keySet(ring: KeyRing): Promise<JSONWebKeySet> {
  return { keys: (await ring.publicKeys()) as unknown as JSONWebKeySet['keys'] }
}

const kidOf = (token: string) => decodeProtectedHeader(token).kid

for (const engine of testDatabases()) {
  // One database for both suites, each in its own schemas.
  let store: TestDatabase
  before(async () => {
    store = await engine.open()
  })
  after(() => store.close())

  describe(`signing keys on ${engine.kind}`, () => {
    let schemas = 0
    const newSchema = async () => {
      const schema = `ring_${'abcdefghijklmnop'[schemas++]}`
      await migrate(store.database, schema, authorizationMigrations)
      return schema
    }
    const ringOn = (
      schema: string,
      more: { policy?: Partial<KeyPolicy>; sealingKeys?: readonly Uint8Array[]; database?: Database } = {},
    ) => {
      const changes: SigningKeyChange[] = []
      const ring = createKeyRing({
        store: createKeyStore(more.database ?? store.database, schema),
        sealingKeys: more.sealingKeys ?? [sealing],
        policy: { ...forEver, ...more.policy },
        order,
        onChange: (change) => changes.push(change),
      })
      return { ring, changes, told: () => changes.map(({ change }) => change) }
    }

    test('processes that start at once agree on one key', async () => {
      const schema = await newSchema()
      const rings = [ringOn(schema), ringOn(schema), ringOn(schema)]
      const kids = await Promise.all(rings.map(async ({ ring }) => kidOf(await ring.signJwt({ n: 1 }))))
      assert.equal(new Set(kids).size, 1)
      assert.deepEqual(
        (await rings[0]?.ring.publicKeys())?.map(({ kid }) => kid),
        [kids[0]],
      )
      assert.deepEqual(
        rings.flatMap(({ told }) => told()),
        ['made'],
      )
    })

    test('a requested rotation publishes the next key and keeps signing with the first', async () => {
      const { ring } = ringOn(await newSchema())
      const first = kidOf(await ring.signJwt({}))
      const [one, two] = await ring.rotate()
      assert.deepEqual([one?.kid, one?.state, two?.state], [first, 'current', 'next'])
      assert.equal(two?.signsFrom, one?.signsUntil)
      const lead = (two?.signsFrom ?? 0) - (two?.publishedAt ?? 0)
      assert.ok(Math.abs(lead - 60_000) < 5_000, String(lead))
      assert.deepEqual(
        (await ring.publicKeys()).map(({ kid }) => kid),
        [first, two?.kid],
      )
      assert.equal(kidOf(await ring.signJwt({})), first)
      assert.equal((await ring.rotate()).length, 2)
    })

    test('a withdrawn key disappears at once, and from other processes at their next read', async () => {
      const schema = await newSchema()
      const { ring, told } = ringOn(schema)
      const token = await ring.signJwt({})
      const first = kidOf(token) ?? ''
      assert.equal(await ring.withdraw(first, false), 'signing')
      assert.equal(await ring.withdraw('no-such-key', true), 'unknown')
      await ring.rotate()
      assert.equal(await ring.withdraw(first, true), 'withdrawn')
      const other = ringOn(schema).ring
      for (const one of [ring, other]) {
        await assert.rejects(jwtVerify(token, createLocalJWKSet(await keySet(one))), /no applicable key/)
        await jwtVerify(await one.signJwt({}), createLocalJWKSet(await keySet(one)))
      }
      assert.deepEqual(told(), ['made', 'made', 'withdrawn', 'scheduled'])
    })

    test('a key that was created needlessly can be withdrawn', async () => {
      const { ring } = ringOn(await newSchema())
      await ring.signJwt({})
      const next = (await ring.rotate()).find(({ state }) => state === 'next')
      assert.equal(await ring.withdraw(next?.kid ?? '', false), 'withdrawn')
      assert.equal((await ring.publicKeys()).length, 1)
    })

    test('an additional algorithm signs once its key has been published for the lead time, and RS256 is used until then', async () => {
      for (const algorithm of ['ES256', 'EdDSA'] as const) {
        const schema = await newSchema()
        await ringOn(schema).ring.signJwt({})
        const algorithms: SigningAlgorithm[] = ['RS256', algorithm]
        const patient = ringOn(schema, { policy: { algorithms } }).ring
        assert.equal(decodeProtectedHeader(await patient.signJwt({}, undefined, algorithm)).alg, 'RS256')
        await store.database.query(`update ${schema}.signing_keys set signs_from = now() where algorithm = $1`, [
          algorithm,
        ])
        await patient.upkeep()
        const token = await patient.signJwt({ sub: 'x' }, undefined, algorithm)
        assert.equal(decodeProtectedHeader(token).alg, algorithm)
        await jwtVerify(token, createLocalJWKSet(await keySet(patient)))
        assert.equal(decodeProtectedHeader(await patient.signJwt({})).alg, 'RS256')
        assert.equal((await patient.publicKeys())[0]?.['alg'], 'RS256')
      }
    })

    test('keys encrypted with the previous sealing key are decrypted and encrypted again', async () => {
      const schema = await newSchema()
      const renewed = Buffer.alloc(32, 2)
      const first = kidOf(await ringOn(schema).ring.signJwt({}))
      await assert.rejects(ringOn(schema, { sealingKeys: [renewed] }).ring.signJwt({}), {
        code: 'signing_key_unusable',
      })
      const { ring, told } = ringOn(schema, { sealingKeys: [renewed, sealing] })
      assert.equal(kidOf(await ring.signJwt({})), first)
      await eventually('it is sealed anew', () => told().length > 0)
      assert.deepEqual(told(), ['resealed'])
      assert.equal(kidOf(await ringOn(schema, { sealingKeys: [renewed] }).ring.signJwt({})), first)
    })

    test('a next key that cannot be decrypted is never scheduled', async () => {
      const schema = await newSchema()
      const { ring, told } = ringOn(schema, { policy: { lifetime: 1, lead: 0 } })
      await ring.signJwt({})
      await ring.upkeep()
      const [next] = (await ring.list()).filter(({ state }) => state === 'next')
      await store.database.query(`update ${schema}.signing_keys set private_key = 'x' where kid = $1`, [next?.kid])
      await ring.upkeep()
      assert.equal(told().at(-1), 'unusable')
      await jwtVerify(await ring.signJwt({}), createLocalJWKSet(await keySet(ring)))
    })
  })

  describe(`rotation under load on ${engine.kind}`, () => {
    const CACHED_MS = 400
    const TOKEN_LIFE_MS = 600
    const RUN_MS = 5_000
    const policy: KeyPolicy = { algorithms: ['RS256'], lifetime: 100, stale: 300, lead: 700, keep: 1_500 }
    let second: Database | undefined
    let server: Server
    before(async () => {
      await migrate(store.database, 'turned', authorizationMigrations)
      if (store.location.kind === 'postgres') second = await openDatabase(store.location)
    })
    after(async () => {
      server.close()
      await second?.close()
    })

    test('a client that caches the keys for the permitted time verifies every token of every process', async (context) => {
      const rings = [store.database, second ?? store.database].map((database) =>
        createKeyRing({ store: createKeyStore(database, 'turned'), sealingKeys: [sealing], policy, order }),
      )
      let turn = 0
      server = createServer((_request, response) => {
        const ring = rings[turn++ % rings.length] as KeyRing
        keySet(ring).then(
          (keys) => response.end(JSON.stringify(keys)),
          () => response.writeHead(500).end(),
        )
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`)
      // Does not refetch for an unknown key: the cached keys must be enough.
      const cached = createRemoteJWKSet(url, { cacheMaxAge: CACHED_MS, cooldownDuration: 1e9 })
      const kids = new Set<string | undefined>()
      const faults: string[] = []
      let tokens = 0
      const check = async (token: string, when: string, keys: Parameters<typeof jwtVerify>[1]) => {
        await jwtVerify(token, keys as never).catch((error: Error) => faults.push(`${when}: ${error.message}`))
      }
      const work = async (ring: KeyRing) => {
        const late: Array<{ token: string; at: number }> = []
        for (const until = performance.now() + RUN_MS; performance.now() < until; ) {
          const at = performance.now()
          const token = await ring.signJwt({ n: tokens++ })
          kids.add(kidOf(token))
          await check(token, 'with cached keys', cached as never)
          late.push({ token, at })
          for (let due = late[0]; due && performance.now() - due.at > TOKEN_LIFE_MS; due = late[0]) {
            late.shift()
            // On a busy machine the token may have expired by now, when no client would verify it any more.
            const keys = createLocalJWKSet(await keySet(ring))
            if (performance.now() - due.at < policy.keep - policy.stale)
              await check(due.token, 'as it expires', keys as never)
          }
        }
      }
      await Promise.all(rings.flatMap((ring) => [work(ring), work(ring)]))
      assert.deepEqual([...new Set(faults)], [])
      assert.ok(kids.size >= 3, `${kids.size} keys signed`)
      assert.ok(tokens > 200, `${tokens} tokens`)
      context.diagnostic(`${engine.kind}: ${tokens} tokens, ${kids.size} keys`)
    })
  })
}
