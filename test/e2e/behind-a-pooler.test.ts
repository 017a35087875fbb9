import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createServerDatabase } from '../support/database.ts'
import { type PgBouncer, pgbouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { runHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { startParts, untilReplicated } from './system.ts'

const server = process.env['HANDOVER_TEST_DATABASE_URL']
const skip =
  server === undefined ? 'there is no server to test with' : pgbouncer === undefined && 'PgBouncer is not installed'

describe('the parts behind PgBouncer', { skip }, () => {
  const scratch = scratchDirectory('pooler')
  const poolers: PgBouncer[] = []
  let created: Awaited<ReturnType<typeof createServerDatabase>>
  before(async () => {
    created = await createServerDatabase(server ?? '')
  })
  after(async () => {
    for (const pooler of poolers) await pooler.stop()
    await created?.remove()
    scratch.remove()
  })
  const through = async (...given: [mode: 'session' | 'transaction', settings: Record<string, string | number>]) => {
    const pooler = await startPgBouncer(created.url, ...given)
    poolers.push(pooler)
    return pooler.url
  }

  test('in transaction mode each part refuses to start, with one clear line and exit code 2', async () => {
    // A common setting that lets other programs reach their first statement.
    const ignored = { ignore_startup_parameters: 'statement_timeout,idle_in_transaction_session_timeout' }
    const url = await through('transaction', ignored)
    const own = ['--listen', '127.0.0.1:0', '--data-dir', scratch.path, '--database-url', url]
    const issuer = ['--issuer', 'https://platform.example.test']
    for (const args of [
      ['control', ...own],
      ['iam', ...own, '--internal-listen', '127.0.0.1:0', ...issuer],
      ['monolith', ...own, ...issuer],
    ]) {
      const { code, stderr } = await runHandover(args)
      assert.equal(code, 2, stderr)
      assert.match(stderr, /^handover \w+: the database is reached through a connection pooler in transaction[^\n]*$/)
    }
  })

  test('in session mode they start, replicate and receive a flag', async () => {
    const system = await startParts(await through('session', { default_pool_size: 60 }))
    try {
      await untilReplicated(system, 2)
      const flag = 'proxy_oauth_requests_to_iam_service'
      const set = await system.handover('flag', 'set', flag, 'true', '--oauth-application=1')
      assert.equal(set.code, 0, set.stderr)
    } finally {
      await system.stop()
    }
  })
})
