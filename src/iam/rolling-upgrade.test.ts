import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createServerDatabase } from '../../test/support/database.ts'
import { eventually } from '../../test/support/wait.ts'
import { silentLog } from '../observability/index.ts'
import { type Database, openDatabase } from '../storage/index.ts'
import { type RunningIam, startIam } from './index.ts'
import { confidential, postForm, replicateAll, SECRET } from './testing/clients.ts'
import { type Platform, startPlatform, VERIFIER_KEY } from './testing/platform.ts'

const server = process.env['HANDOVER_TEST_DATABASE_URL']
const SCHEMA = 'iam_rolling'
const ORIGIN = 'https://iam.example.test'

/** Undoes the last migration of each schema; the statements of the previous version are the current ones. */
const UNDO = `
drop index ${SCHEMA}.grants_by_application, ${SCHEMA}.device_grants_by_application;
delete from ${SCHEMA}.migrations where name = '0007_removal_and_vacuum';
drop index ${SCHEMA}_handoff.challenges_unanswered;
delete from ${SCHEMA}_handoff.migrations where name = 'iam_0002_unanswered_challenges';
`

function start(database: Database): Promise<RunningIam> {
  const local = { host: '127.0.0.1', port: 0 }
  return startIam(
    {
      ...{ listen: local, internalListen: local, issuer: ORIGIN, database, schema: SCHEMA },
      ...{ internalToken: 'x'.repeat(32), verifierKey: VERIFIER_KEY },
    },
    silentLog,
  )
}

describe('replicas of IAM on one PostgreSQL', {
  skip: server === undefined && 'there is no server to test with',
}, () => {
  const withDatabase = async (work: (open: () => Promise<Database>) => Promise<void>) => {
    const { url, remove } = await createServerDatabase(server ?? '')
    const opened: Database[] = []
    try {
      await work(async () => {
        const database = await openDatabase({ kind: 'postgres', url, connections: 4 })
        opened.push(database)
        return database
      })
    } finally {
      await Promise.all(opened.map((each) => each.close()))
      await remove()
    }
  }

  test('four that start at once on an empty database all start, with the same keys', () =>
    withDatabase(async (open) => {
      const databases = await Promise.all([1, 2, 3, 4].map(open))
      const started = await Promise.allSettled(databases.map(start))
      const replicas = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      const keys = replicas.map(async ({ url }) => (await fetch(`${url}/oauth/discovery/keys`)).text())
      const kinds = new Set(await Promise.all(keys))
      await Promise.all(replicas.map((each) => each.close()))
      assert.deepEqual(
        started.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
      )
      assert.equal(kinds.size, 1)
    }))

  test('one that migrates at startup fails no request of a running one', () =>
    withDatabase(async (open) => {
      const serving = await open()
      const platform = await startPlatform(serving, SCHEMA)
      await replicateAll(platform)
      for (const statement of UNDO.split(';\n')) if (statement.trim() !== '') await serving.query(statement)
      const load = startLoad(platform)
      try {
        const next = await start(await open())
        const seen = load.statuses.length
        await eventually('requests after it', () => load.statuses.length > seen + 40)
        await next.close()
      } finally {
        await load.stop()
        await platform.close()
      }
      const [after] = await serving.query<{ count: number }>(
        `select count(*) from ${SCHEMA}.migrations where name = '0007_removal_and_vacuum'`,
      )
      const { statuses } = load
      assert.equal(after?.count, 1)
      assert.deepEqual([...new Set(statuses)], [200])
    }))
})

/** Four clients that request tokens continuously. */
function startLoad(platform: Platform): { readonly statuses: readonly number[]; stop(): Promise<void> } {
  const statuses: number[] = []
  let isOver = false
  const form = { grant_type: 'client_credentials', client_id: confidential.client_id, client_secret: SECRET }
  const work = async () => {
    while (!isOver) statuses.push((await postForm(platform, '/oauth/token', form)).status)
  }
  const workers = [1, 2, 3, 4].map(work)
  return {
    statuses,
    async stop() {
      isOver = true
      await Promise.all(workers)
    },
  }
}
