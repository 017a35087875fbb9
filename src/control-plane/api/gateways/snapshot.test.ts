import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { outputLines } from '../../../../test/support/output-lines.ts'
import { ROOT } from '../../../../test/support/program.ts'
import { scratchDirectory } from '../../../../test/support/scratch.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { SNAPSHOT_STREAM_PATH, type SnapshotLine, SnapshotReader, snapshotLineSchema } from '../../../routing/index.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const SET = `/api/v4/features/${FLAG}`

/** A gateway's end of a stream: lines as they arrive, and a strict reader of them. */
async function follow(plane: TestControlPlane, query = '', token = plane.gatewayToken) {
  const headers = { authorization: `Bearer ${token}` }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${plane.url}${SNAPSHOT_STREAM_PATH}${query}`, { headers }, resolve).on('error', reject)
  })
  assert.equal(response.statusCode, 200)
  response.on('error', () => {})
  const lines = outputLines(response)
  const parsed = () => lines.all.map((line) => snapshotLineSchema.parse(JSON.parse(line)))
  return {
    response,
    lines: parsed,
    of: <T extends SnapshotLine['type']>(type: T) =>
      parsed().filter((line): line is Extract<SnapshotLine, { type: T }> => line.type === type),
    /** Waits for a line and returns it. */
    until: async (fits: (line: SnapshotLine) => boolean) =>
      snapshotLineSchema.parse(JSON.parse(await lines.waitFor((line) => fits(JSON.parse(line))))),
    /** Feeds everything received so far to a strict reader. */
    read: () => {
      const strict = new SnapshotReader('production')
      for (const line of lines.all) {
        const outcome = strict.accept(line)
        assert.ok(outcome.kind !== 'refused' && outcome.kind !== 'behind', JSON.stringify(outcome))
      }
      return strict.snapshot
    },
    end: () => response.destroy(),
  }
}

const isEnd = (line: SnapshotLine) => line.type === 'end'
const isHeartbeat = (line: SnapshotLine) => line.type === 'heartbeat'
const versionOf = async (plane: TestControlPlane) => {
  const first = (await plane.ask('GET', '/api/v1/snapshot')).text.split('\n')[0] ?? ''
  return JSON.parse(first) as { version: number; epoch: string }
}

for (const engine of testDatabases()) {
  describe(`snapshots on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      await plane.announce(testApplication(1))
      await plane.announce(testApplication(2), null)
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    test('a whole snapshot has a beginning, the applications and an end, and a strict reader accepts it', async () => {
      const { text, headers } = await plane.ask('GET', '/api/v1/snapshot', { token: plane.gatewayToken })
      assert.equal(headers.get('content-type'), 'application/x-ndjson')
      const reader = new SnapshotReader('production')
      const outcomes = text
        .trimEnd()
        .split('\n')
        .map((line) => reader.accept(line).kind)
      assert.deepEqual(outcomes, ['read', 'read', 'replaced'])
      assert.equal(reader.snapshot?.size, 2)
      assert.equal(reader.snapshot?.lookUp('nobody'), 'unknown_client')
    })

    test('a change reaches the stream, whole and in order, soon after the write is answered', async () => {
      const stream = await follow(plane)
      await stream.until(isEnd)
      await plane.ask('POST', SET, { json: { value: 'true' } })
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true } })
      await plane.ask('PUT', '/api/v1/brake', { json: { on: false } })
      await plane.announce(testApplication(3))
      await plane.announce(testApplication(3, { version: 2, client_id: 'renamed' }))
      await stream.until((line) => line.type === 'change' && line.removed?.[0] === 'client-3')
      await plane.ask('DELETE', '/api/v1/applications/3?version=3')
      await stream.until((line) => line.type === 'change' && line.removed?.[0] === 'renamed')
      const snapshot = stream.read()
      assert.deepEqual(snapshot?.lookUp('client-1'), { applicationId: 1, flag: 'on' })
      assert.deepEqual(snapshot?.lookUp('client-2'), { applicationId: 2, flag: 'not_arrived' }, 'IAM does not hold it')
      assert.equal(snapshot?.lookUp('renamed'), 'unknown_client')
      const changes = stream.of('change')
      assert.deepEqual(
        changes.map((change) => change.brake).filter((brake) => brake !== undefined),
        [true, false],
      )
      for (const change of changes) assert.equal(change.to, change.from + 1)
      await plane.ask('DELETE', `${SET}?confirm=true`)
      await stream.until((line) => line.type === 'change' && line.flags?.[FLAG]?.boolean === false)
      stream.end()
    })

    test('a change of another environment is an empty step', async () => {
      const stream = await follow(plane)
      await stream.until(isEnd)
      await plane.ask('POST', SET, { json: { value: 'true', environment: 'dev' } })
      const change = await stream.until((line) => line.type === 'change')
      assert.deepEqual(Object.keys(change).sort(), ['from', 'stamp', 'to', 'type'])
      stream.end()
    })

    test('a stream resumes with the missed changes, from memory and, after a restart, from the database', async () => {
      const { version, epoch } = await versionOf(plane)
      await plane.announce(testApplication(4))
      await plane.announce(testApplication(4, { version: 2, client_id: 'four' }))
      const restarted = await startTestControlPlane(store.database, {
        schema: plane.schema,
        directory: plane.directory,
      })
      for (const each of [plane, restarted]) {
        const stream = await follow(each, `?since=${version}&epoch=${epoch}`)
        await stream.until(isHeartbeat)
        assert.deepEqual(
          stream
            .lines()
            .filter((line) => !isHeartbeat(line))
            .map(({ stamp: _, ...line }: SnapshotLine & { stamp?: string | undefined }) => line),
          [
            { type: 'change', from: version, to: version + 1, applications: [[4, 'client-4', 1]] },
            {
              type: 'change',
              from: version + 1,
              to: version + 2,
              removed: ['client-4'],
              applications: [[4, 'four', 1]],
            },
          ],
        )
        stream.end()
      }
      await restarted.close()
      const current = await follow(plane, `?since=${version + 2}`)
      await current.until(isHeartbeat)
      assert.equal(current.of('begin').length, 0)
      current.end()
    })

    test('a stream starts over from a future version, another epoch, or a version dropped long ago', async () => {
      const { version } = await versionOf(plane)
      for (const query of [`?since=${version + 1_000}`, `?since=${version}&epoch=another`, '?since=0']) {
        const stream = await follow(plane, query)
        await stream.until(isEnd)
        assert.equal(stream.of('begin').length, 1, query)
        stream.end()
      }
    })

    test('a version resumes only with its stamp; another stamp means it was lost and starts a new epoch', async () => {
      await plane.announce(testApplication(5))
      const first = await follow(plane)
      const begin = await first.until((line) => line.type === 'begin')
      assert.ok(begin.type === 'begin' && begin.epoch !== undefined && begin.stamp !== undefined)
      await first.until(isEnd)
      await plane.announce(testApplication(6))
      const { version, epoch, stamp } = begin
      const held = (claimed: string) => `?since=${version}&epoch=${epoch}&stamp=${claimed}`
      const resumed = await follow(plane, held(stamp))
      await resumed.until(isHeartbeat)
      assert.deepEqual([resumed.of('begin').length, resumed.of('change').length], [0, 1])
      const viewer = await plane.ask('POST', '/api/v1/tokens', { json: { role: 'viewer', name: `viewer-${version}` } })
      const idle = await follow(plane, held('made-up'), viewer.json.token)
      const same = await idle.until((line) => line.type === 'begin')
      assert.equal(same.type === 'begin' && same.epoch, epoch, 'what a person claims begins no epoch')
      const lost = await follow(plane, held('made-up'))
      const next = await lost.until((line) => line.type === 'begin')
      assert.ok(next.type === 'begin' && next.epoch !== epoch && next.version > version + 1)
      await eventually('streams of the epoch before have ended', () => first.response.closed && resumed.response.closed)
      const again = await follow(plane, held('made-up'))
      const last = await again.until((line) => line.type === 'begin')
      assert.ok(last.type === 'begin' && last.epoch === next.epoch, 'an epoch that is over begins no other')
      for (const stream of [idle, lost, again]) stream.end()
    })

    test('heartbeats carry the version while nothing happens', async () => {
      const stream = await follow(plane)
      const first = await stream.until(isHeartbeat)
      const { version } = await versionOf(plane)
      assert.ok(first.type === 'heartbeat' && first.version === version)
      await eventually('a second heartbeat', () => stream.of('heartbeat').length > 1)
      stream.end()
    })

    test('an unknown environment and an invalid version are refused', async () => {
      for (const path of [SNAPSHOT_STREAM_PATH, '/api/v1/snapshot']) {
        const answer = await plane.ask('GET', `${path}?environment=prod`)
        assert.deepEqual([answer.status, answer.json.errors[0].field], [400, 'environment'])
      }
      for (const since of ['x', '-1', '1.5', '1e3', '', '9'.repeat(30)]) {
        const answer = await plane.ask('GET', `${SNAPSHOT_STREAM_PATH}?since=${since}`)
        assert.deepEqual([answer.status, answer.json.errors[0].field], [400, 'since'], since)
      }
      assert.equal((await plane.ask('GET', `${SNAPSHOT_STREAM_PATH}?since=1&since=2`)).status, 400)
    })

    test('a definition that is not a regular file fails the start with its name, without hanging', async () => {
      const { path } = scratchDirectory('definitions')
      cpSync(join(ROOT, 'flags'), path, { recursive: true })
      assert.equal(spawnSync('mkfifo', [join(path, 'pipe.yml')]).status, 0)
      symlinkSync('/dev/zero', join(path, 'device.yml'))
      await assert.rejects(
        startTestControlPlane(store.database, { definitionsDirectory: path }),
        /device\.yml: must be a regular file[\s\S]*pipe\.yml: must be a regular file/,
      )
    })

    test('a feature group is sent as its actors, and decides like them', async () => {
      const { path } = scratchDirectory('definitions')
      cpSync(join(ROOT, 'flags'), path, { recursive: true })
      mkdirSync(join(path, 'feature_groups'))
      writeFileSync(join(path, 'feature_groups', 'pilots.yml'), 'name: pilots\napplications: [1, 99]\n')
      const grouped = await startTestControlPlane(store.database, { definitionsDirectory: path })
      await grouped.announce(testApplication(1))
      const set = await grouped.ask('POST', SET, { json: { value: 'true', feature_group: 'pilots' } })
      assert.deepEqual(set.json.gates[1], { key: 'groups', value: ['pilots'] })
      const stream = await follow(grouped)
      await stream.until(isEnd)
      const actors = ['Authn::OauthApplication:1', 'Authn::OauthApplication:99']
      assert.deepEqual(stream.of('begin')[0]?.flags[FLAG]?.actors, actors)
      assert.deepEqual(stream.read()?.lookUp('client-1'), { applicationId: 1, flag: 'on' })
      const why = await grouped.ask('POST', '/api/v1/explain', { json: { client_id: 'client-1' } })
      assert.deepEqual([why.json.destination, why.json.flag.gate], ['iam', 'feature_group'])
      stream.end()
      await grouped.close()
    })

    test('the streams of one control plane carry the writes of another', async () => {
      const other = await startTestControlPlane(store.database, { schema: plane.schema, directory: plane.directory })
      const stream = await follow(other)
      await stream.until(isEnd)
      await plane.ask('POST', SET, { json: { value: 'true' } })
      await stream.until((line) => line.type === 'change' && line.flags?.[FLAG]?.boolean === true)
      assert.equal((await other.ask('GET', '/api/v4/features')).json[0].state, 'on')
      const [one, two] = await Promise.all([
        plane.ask('POST', SET, { json: { value: 'true', oauth_application: '1', environment: 'pre' } }),
        other.ask('POST', SET, { json: { value: '5', key: 'percentage_of_actors', environment: 'pre' } }),
      ])
      assert.deepEqual([one.status, two.status], [201, 201])
      const both = await other.ask('GET', '/api/v4/features?environment=pre')
      assert.equal(both.json[0].gates.length, 3)
      stream.read()
      await other.close()
      await eventually('the stream has ended', () => stream.response.closed)
      await plane.ask('DELETE', `${SET}?confirm=true`)
    })

    test('disconnected readers are forgotten, and closing ends the streams of the others', async () => {
      const other = await startTestControlPlane(store.database)
      const streams = await Promise.all([follow(other), follow(other), follow(other)])
      const open = async () => /snapshot_streams (\d+)/.exec((await other.ask('GET', '/metrics')).text)?.[1]
      assert.equal(await open(), '3')
      streams[0]?.end()
      await eventually('the reader is forgotten', async () => (await open()) === '2')
      await other.close()
      await eventually('all have ended', () => streams.every((stream) => stream.response.closed))
    })

    test('100,000 applications are sent in chunks, complete, to several readers at once', async () => {
      const big = await startTestControlPlane(store.database)
      await big.close()
      await store.database.query(
        `insert into ${big.schema}.applications (id, client_id, document, version, iam_version, is_removed)
          select n, md5(n::text) || md5((n + 1)::text), '{}', 1, case when n % 2 = 0 then 1 end, false
          from generate_series(1, 100000) n`,
      )
      const loaded = await startTestControlPlane(store.database, { schema: big.schema, directory: big.directory })
      const streams = await Promise.all([follow(loaded), follow(loaded), follow(loaded)])
      for (const stream of streams) await stream.until(isEnd)
      for (const stream of streams) {
        assert.equal(stream.of('applications').length, 100)
        stream.end()
      }
      assert.equal(streams[0]?.read()?.size, 100_000)
      const last = await loaded.ask('GET', '/api/v1/applications?after=99995')
      assert.deepEqual([last.json.applications.length, last.json.next], [5, null])
      await loaded.close()
    })
  })
}

describe('a slow reader', () => {
  test('delays no one else, and receives everything once it reads', async () => {
    const [engine] = testDatabases()
    const store = await engine?.open()
    assert.ok(store)
    const plane = await startTestControlPlane(store.database)
    try {
      await store.database.query(
        `insert into ${plane.schema}.applications (id, client_id, document, version, is_removed)
          select n, repeat(md5(n::text), 7), '{}', 1, false from generate_series(10, 60000) n`,
      )
      const again = await startTestControlPlane(store.database, { schema: plane.schema, directory: plane.directory })
      const slow = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { authorization: `Bearer ${again.gatewayToken}` }
        get(`${again.url}${SNAPSHOT_STREAM_PATH}`, { headers }, resolve).on('error', reject)
      })
      slow.pause()
      await sleep(200)
      for (let id = 1; id <= 5; id++) assert.equal((await again.announce(testApplication(id))).status, 200)
      const lines = outputLines(slow)
      slow.resume()
      await lines.waitFor((line) => line.includes('"client-5"'))
      const reader = new SnapshotReader('production')
      for (const line of lines.all) assert.notEqual(reader.accept(line).kind, 'refused')
      assert.equal(reader.snapshot?.size, 60_000 - 9 + 5)
      slow.destroy()
      await again.close()
    } finally {
      await plane.close()
      await store.close()
    }
  })
})
