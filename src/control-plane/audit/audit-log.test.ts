import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDatabases } from '../../../test/support/database.ts'
import { migrate } from '../../storage/index.ts'
import { MIGRATIONS } from '../migrations.ts'
import type { Store } from '../state/store.ts'
import { type AuditFilter, readEntries } from './audit-log.ts'

const SCHEMA = 'audit_log_plans'

for (const engine of testDatabases()) {
  test(`a correlation id is looked up in an index of the audit log on ${engine.kind}`, async (t) => {
    const { database, close } = await engine.open()
    t.after(close)
    await migrate(database, SCHEMA, MIGRATIONS)
    await database.query(
      `insert into ${SCHEMA}.audit_log (number, entry, hash)
        select number, jsonb_build_object('at', '2026', 'correlation_id', 'request-' || number), ''
        from generate_series(1, 20000) number`,
    )
    await database.query(`analyze ${SCHEMA}.audit_log`)
    let plan = ''
    const explaining = {
      schema: SCHEMA,
      database: {
        async query(text: string, values: unknown[]) {
          plan = JSON.stringify(await database.query(`explain ${text}`, values))
          return database.query(text, values)
        },
      },
    } as unknown as Store
    const read = async (filter: AuditFilter) =>
      (await readEntries(explaining, filter, { before: undefined }, 51)).map(({ number }) => number)

    assert.deepEqual(await read({ correlation_id: 'request-7' }), [7])
    assert.match(plan, /audit_log_correlation/)
    assert.deepEqual(await read({ correlation_id: 'unknown' }), [])
    assert.match(plan, /audit_log_correlation/)
  })
}
