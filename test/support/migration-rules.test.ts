import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf } from './migration-rules.ts'

test('a migration that affects old replicas is detected', () => {
  const hurting = [
    'alter table {schema}.a drop column b',
    'alter table {schema}.a rename to c',
    'alter table {schema}.a add column b text not null',
    'alter table {schema}.a alter column b type text',
    'alter table {schema}.a\n  alter column b set not null',
    'create index i on {schema}.a (b)',
    'alter table {schema}.a add constraint c check (b > 0)',
  ]
  for (const sql of hurting) assert.equal(faultsOf({ name: 'x', sql }).length, 1, sql)
  const harmless = [
    'alter table {schema}.a add column b text',
    "alter table {schema}.a add column b text not null default ''",
    'create table {schema}.n (b text not null);\ncreate index i on {schema}.n (b)',
    'alter table {schema}.a add constraint c check (b > 0) not valid',
  ]
  for (const sql of harmless) assert.deepEqual(faultsOf({ name: 'x', sql }), [], sql)
})
