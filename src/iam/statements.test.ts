import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createServerDatabase } from '../../test/support/database.ts'
import { measureStatements } from './testing/statements/measure.ts'

const server = process.env.HANDOVER_TEST_DATABASE_URL

test('no statement of an IAM auth service scans a big table in full', {
  skip: server ? false : 'there is no server to test with',
}, async () => {
  const { url, remove } = await createServerDatabase(server ?? '')
  try {
    const { explained, faults, purge } = await measureStatements(url, { tokens: 50_000, backlog: 12_000 })
    assert.deepEqual(faults, [])
    assert.ok(explained.length > 30, `${explained.length} statements`)
    assert.ok(purge.rows >= 12_000, `${purge.rows} rows`)
  } finally {
    await remove()
  }
})
