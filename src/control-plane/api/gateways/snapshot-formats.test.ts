import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'
import {
  SNAPSHOT_MEDIA_TYPES,
  SNAPSHOT_STREAM_PATH,
  type Snapshot,
  SnapshotInput,
  SnapshotReader,
} from '../../../routing/index.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const SET = `/api/v4/features/${FLAG}`
const BLOCKS = `${SNAPSHOT_MEDIA_TYPES[2]}, ${SNAPSHOT_MEDIA_TYPES[1]}`
const MANY = 20_000

/** A gateway's end of a stream: what it holds, and the bytes that were sent. */
async function follow(plane: TestControlPlane, accept: string) {
  const reader = new SnapshotReader('production')
  const headers = { authorization: `Bearer ${plane.gatewayToken}`, accept }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${plane.url}${SNAPSHOT_STREAM_PATH}`, { headers }, resolve).on('error', reject)
  })
  const input = new SnapshotInput(reader)
  const seen = { bytes: 0, kinds: [] as string[], changes: [] as string[] }
  response
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      for (const result of input.push(chunk)) {
        seen.kinds.push(result.kind)
        if (result.kind === 'changed') seen.changes.push(result.line)
      }
      seen.bytes += chunk.length
    })
  return {
    seen,
    type: response.headers['content-type'],
    reader,
    until: (fits: (snapshot: Snapshot) => boolean) =>
      eventually('the snapshot arrives', () => reader.snapshot !== undefined && fits(reader.snapshot)),
    end: () => response.destroy(),
  }
}

for (const engine of testDatabases()) {
  describe(`the formats of snapshots on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      for (let id = 1; id <= 3; id++) await plane.announce(testApplication(id))
      const flag = await plane.ask('POST', SET, { json: { value: 'true', oauth_application: '1' } })
      assert.equal(flag.status, 201)
    })
    after(async () => {
      await plane.close()
      await store.close()
    })
    const version = async () =>
      (JSON.parse((await plane.ask('GET', '/api/v1/snapshot')).text.split('\n')[0] ?? '') as { version: number })
        .version

    test('a reader receives format 2 if it names it, and format 1 otherwise; both hold the same after every change', async () => {
      const readers = [
        await follow(plane, BLOCKS),
        await follow(plane, 'application/x-ndjson'),
        await follow(plane, '*/*'),
      ]
      assert.deepEqual(
        readers.map(({ type }) => type),
        [SNAPSHOT_MEDIA_TYPES[2], SNAPSHOT_MEDIA_TYPES[1], SNAPSHOT_MEDIA_TYPES[1]],
      )
      await plane.ask('POST', SET, { json: { value: 'true', oauth_application: '2' } })
      await plane.ask('POST', SET, { json: { value: 'opt_out', oauth_application: '1' } })
      await plane.ask('POST', SET, { json: { value: '25', key: 'percentage_of_actors' } })
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true } })
      await plane.ask('PUT', '/api/v1/brake', { json: { on: false } })
      await plane.announce(testApplication(3, { version: 2, client_id: 'renamed' }))
      await plane.ask('POST', SET, { json: { value: 'true', environment: 'dev' } })
      const newest = await version()
      for (const reader of readers) await reader.until((snapshot) => snapshot.version === newest)
      const [first = [], ...others] = readers.map(({ reader }) => [...(reader.snapshot?.lines() ?? [])])
      const sorted = (lines: unknown[]) =>
        JSON.parse(JSON.stringify(lines), (_, value) => (Array.isArray(value) ? [...value].sort() : value))
      for (const other of others) assert.deepEqual(sorted(other), sorted(first))
      for (const reader of readers) assert.ok(!reader.seen.kinds.includes('refused'))
      assert.ok(readers[0]?.seen.kinds.includes('block'))
      for (const reader of readers) reader.end()
    })

    test('with many actors, a flip sends less than 1 kB and a change of percentage sends no list', async () => {
      const actors = Array.from({ length: MANY }, (_, n) => `Authn::OauthApplication:${n + 1_000}`)
      await store.database.query(
        `update ${plane.schema}.flags set state = jsonb_set(state::jsonb, '{actors}', $1::jsonb) where environment = 'production'`,
        [JSON.stringify(actors)],
      )
      const other = await startTestControlPlane(store.database, { schema: plane.schema, directory: plane.directory })
      try {
        const stream = await follow(other, BLOCKS)
        await stream.until(() => true)
        const sent = async (body: object) => {
          const before = stream.seen.bytes
          const answer = await other.ask('POST', SET, { json: body })
          assert.equal(answer.status, 201, answer.text)
          const newest = await version()
          await stream.until((snapshot) => snapshot.version === newest)
          return stream.seen.bytes - before
        }
        assert.ok((await sent({ value: 'true', oauth_application: '3' })) < 1_000)
        assert.deepEqual(stream.reader.snapshot?.lookUp('renamed'), { applicationId: 3, flag: 'on' })
        assert.ok((await sent({ value: 'false', oauth_application: '3' })) < 1_000)
        assert.deepEqual(stream.reader.snapshot?.lookUp('renamed'), { applicationId: 3, flag: 'off' })
        assert.ok((await sent({ value: '26', key: 'percentage_of_actors' })) < 1_000)
        for (const change of stream.seen.changes) assert.ok(!change.includes('Application:1000"'))
        stream.end()
      } finally {
        await other.close()
      }
    })

    test('a change of more actors than fit in one line sends the whole snapshot, and then what follows it', async () => {
      const stream = await follow(plane, BLOCKS)
      await stream.until(() => true)
      await store.database.query(
        `update ${plane.schema}.flags set state = jsonb_set(state::jsonb, '{actors}', '[]'::jsonb) where environment = 'production'`,
      )
      const replaced = () => stream.seen.kinds.filter((kind) => kind === 'replaced').length
      assert.equal(replaced(), 1)
      await plane.ask('POST', SET, { json: { value: 'true', oauth_application: '2' } })
      await plane.ask('POST', SET, { json: { value: 'true', oauth_application: '3' } })
      const newest = await version()
      await stream.until((snapshot) => snapshot.version === newest)
      assert.equal(replaced(), 2)
      assert.deepEqual(stream.reader.snapshot?.lookUp('client-2'), { applicationId: 2, flag: 'on' })
      assert.deepEqual(stream.reader.snapshot?.lookUp('renamed'), { applicationId: 3, flag: 'on' })
      stream.end()
    })
  })
}
