import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { silentLog } from '../../observability/index.ts'
import { migrate } from '../../storage/index.ts'
import { MIGRATIONS } from '../migrations.ts'
import { ChangeFeed } from './feed.ts'
import { SnapshotStreams, type StreamEnd, type StreamLimits } from './snapshot-streams.ts'
import { openStore, type Store } from './store.ts'

const NONE = { flags: new Map(), featureGroups: new Map() }

describe('limits of a snapshot stream', () => {
  let database: TestDatabase
  let store: Store
  let feed: ChangeFeed
  before(async () => {
    const [engine] = testDatabases()
    assert.ok(engine)
    database = await engine.open()
    await migrate(database.database, 'control', MIGRATIONS)
    store = openStore(database.database, 'control')
    await database.database.query(
      `insert into control.applications (id, client_id, version, is_removed)
        select n, repeat(md5(n::text), 7), 1, false from generate_series(1, 60000) n`,
    )
    feed = await ChangeFeed.open(store, NONE, silentLog)
  })
  after(async () => {
    await feed.close()
    await database.close()
  })

  /** Serves one stream to a socket that never reads, runs `meanwhile`, and returns how the stream ended. */
  const withDeafReader = async (limits: StreamLimits, meanwhile: () => Promise<void>): Promise<StreamEnd> => {
    const streams = new SnapshotStreams(feed, limits)
    let server: Server | undefined
    let socket: Socket | undefined
    try {
      return await new Promise<StreamEnd>((resolve, reject) => {
        server = createServer((_request, response) => {
          response.writeHead(200)
          streams.serve(response, { environment: 'production', format: 1, since: undefined }).then(resolve, reject)
          meanwhile().catch(reject)
        })
        server.listen(0, '127.0.0.1', () => {
          const address = server?.address()
          assert.ok(address && typeof address === 'object')
          socket = connect(address.port, '127.0.0.1', () => {
            socket?.pause().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
          })
        })
      })
    } finally {
      streams.close()
      socket?.destroy()
      server?.close()
    }
  }

  test('a reader that reads nothing for the time limit is disconnected', async () => {
    const limits = { heartbeatMs: 1_000, stalledMs: 100, waitingChanges: 10_000 }
    assert.equal(await withDeafReader(limits, async () => {}), 'reader_stalled')
  })

  test('a reader with too many waiting changes is disconnected', async () => {
    const limits = { heartbeatMs: 1_000, stalledMs: 30_000, waitingChanges: 3 }
    const end = await withDeafReader(limits, async () => {
      for (let version = 1; version <= 5; version++) {
        await store.write(async () => ({
          change: { kind: 'brake', environment: 'dev', brake: { on: version % 2 === 1, reason: '' } },
          result: undefined,
        }))
      }
      await feed.catchUp()
    })
    assert.equal(end, 'reader_too_slow')
  })

  test('streams end when the sequence of changes is broken, so that readers start over', async () => {
    const limits = { heartbeatMs: 1_000, stalledMs: 30_000, waitingChanges: 10_000 }
    const end = await withDeafReader(limits, async () => {
      // A version whose change is not kept, as after an absence longer than the log.
      await database.database.query('update control.clock set version = version + 1')
      await store.write(async () => ({
        change: { kind: 'brake', environment: 'dev', brake: { on: false, reason: 'later' } },
        result: undefined,
      }))
    })
    assert.equal(end, 'reloaded')
  })
})
