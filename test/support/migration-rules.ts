import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Migration } from '../../src/storage/index.ts'

/** What affects a replica of the previous version, or its users, during or after a migration. */
const RULES: ReadonlyArray<readonly [string, RegExp]> = [
  ['takes something away', /\bdrop (table|column|schema|function|sequence|view)\b/],
  ['gives something another name', /\brename\b/],
  ['changes a type', /\balter column \w+ (set data )?type\b/],
  ['wants a value that old statements do not write', /\bset not null\b|\balter column \w+ drop default\b/],
  ['adds a column that old statements do not fill', /\badd column \w+ [\w()[\] ]*not null(?!.*default)/],
  ['builds an index while nobody may write', /\bcreate (unique )?index\b(?! concurrently)/],
  ['checks every row while nobody may write', /\badd constraint\b(?!.*not valid)/],
]

/** Why a migration may do so. When you add one, explain the effect on an old replica, and update docs/upgrade.md. */
const NOTES: Readonly<Record<string, string>> = {
  '0002_indices_for_removal': 'before the first release',
  '0006_key_schedule': 'before the first release; a replica from before it must be stopped first',
  '0006_outbox_indices': 'before the first release; while it builds, changes of applications wait',
  '0007_removal_and_vacuum': 'before the first release',
  '0020_audit_correlation': 'before the first release; while it builds, changes of all replicas wait',
  iam_0002_unanswered_challenges: 'before the first release',
  iam_0004_user_states: 'before the first release',
}

/** The statements on tables that existed before: nothing uses yet what a migration itself creates. */
function statementsOnOldTables({ sql }: Migration): string[] {
  const made = Array.from(sql.matchAll(/create table \{schema\}\.(\w+)/g), ([, table = '']) => table)
  return sql
    .split(/;\s*(?:\n|$)/)
    .filter((statement) => !made.some((table) => new RegExp(`(on|table) \\{schema\\}\\.${table}\\b`).test(statement)))
}

/** The effects of a migration on replicas of the previous version; empty when there are none. */
export function faultsOf(migration: Migration): string[] {
  return statementsOnOldTables(migration).flatMap((statement) =>
    RULES.filter(([, pattern]) => pattern.test(statement.replaceAll(/\s+/g, ' '))).map(([what]) => what),
  )
}

/** Checks a list of migrations against the rules; its folder calls this in a test file. */
export function describeMigrations(name: string, migrations: readonly Migration[]): void {
  describe(`the migrations of ${name}`, () => {
    test('do not affect replicas of the previous version, or explain why they do', () => {
      for (const migration of migrations) {
        if (migration.name in NOTES) assert.notDeepEqual(faultsOf(migration), [], `${migration.name} needs no note`)
        else assert.deepEqual(faultsOf(migration), [], migration.name)
      }
    })

    test('sort in the order in which they are listed', () => {
      const names = migrations.map((migration) => migration.name)
      assert.deepEqual(names, [...names].sort())
    })
  })
}
