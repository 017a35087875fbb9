import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { ROOT } from '../../../test/support/program.ts'
import { scratchDirectory } from '../../../test/support/scratch.ts'
import { WAIT_LIMIT_MS } from '../../../test/support/wait.ts'
import { canonicalHash, canonicalJson } from './canonical.ts'
import { SYSTEM_CONTEXT } from './change-context.ts'
import { NO_ENTRIES, nextEntry, type SealedEntry } from './entry.ts'
import { csvRow } from './export.ts'

const run = promisify(execFile)
const directory = scratchDirectory('audit-script').path
const script = join(directory, 'verify-audit.mjs')
const page = readFileSync(join(ROOT, 'docs/how-to/audit.md'), 'utf8')
writeFileSync(script, /```js\n([\s\S]+?)```/.exec(page)?.[1] ?? '')

function chain(): SealedEntry[] {
  const entries: SealedEntry[] = []
  for (const after of [null, { percentage_of_actors: 33.333, actors: ['ü', '"\n'] }, { b: 1, a: { d: [], c: true } }]) {
    const event = {
      context: SYSTEM_CONTEXT,
      action: 'flag.set',
      environment: 'dev',
      subject: 'x',
      before: null,
    } as const
    entries.push(nextEntry(entries.at(-1) ?? NO_ENTRIES, '2026-11-23T06:00:00.000000Z', { ...event, after }))
  }
  return entries
}

async function verify(entries: readonly object[]) {
  const file = join(directory, 'audit.jsonl')
  // The order of members does not matter; the parsed values do.
  writeFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
  return run(process.execPath, [script, file], { timeout: WAIT_LIMIT_MS })
}

describe("the how-to's script for an export", () => {
  test('finds a valid chain, and prints its head', async () => {
    const entries = chain()
    assert.equal((await verify(entries)).stdout, `sound up to entry 3, ${entries[2]?.hash}\n`)
  })

  test('finds an entry that was altered, removed or moved', async () => {
    const [first, second, third] = chain()
    assert.ok(first && second && third)
    const { hash: _, ...content } = { ...second, by: 'somebody else' }
    const forged = { ...content, hash: canonicalHash(content) }
    for (const [entries, number] of [
      [[first, { ...second, by: 'somebody else' }, third], 2],
      [[first, third], 2],
      [[first, forged, third], 3],
      [[second, third], 1],
    ] as const) {
      await assert.rejects(verify(entries), new RegExp(`entry ${number} is not sound`))
    }
  })
})

describe('canonical JSON', () => {
  test('does not depend on the order of members, and keeps the values', () => {
    const value = fc.object({
      key: fc.string({ minLength: 1 }).map((name) => `n${name}`),
      maxDepth: 3,
      withNullPrototype: false,
    })
    fc.assert(
      fc.property(value, (object) => {
        const turned = Object.fromEntries(Object.entries(object).reverse())
        assert.equal(canonicalJson(turned), canonicalJson(object))
        assert.deepEqual(JSON.parse(canonicalJson(object)), JSON.parse(JSON.stringify(object)))
      }),
      { numRuns: 200 },
    )
    assert.equal(
      canonicalJson({ b: [2, { d: 1, c: null }], a: 'ü', u: undefined }),
      '{"a":"ü","b":[2,{"c":null,"d":1}]}',
    )
  })
})

describe('a row of the CSV', () => {
  test('has no cell that a spreadsheet interprets as a formula', () => {
    for (const text of ['=1+1', '+1', '-1', '@x', '\t=1', '\r=1', ' =1', '%0', '|x']) {
      const [entry] = chain()
      assert.ok(entry)
      const row = csvRow({ ...entry, reason: text, subject: text })
      assert.ok(row.includes(`"'${text}"`), JSON.stringify(row))
    }
  })

  test('quotes characters that would end a cell or a row', () => {
    const [entry] = chain()
    assert.ok(entry)
    assert.ok(csvRow({ ...entry, reason: 'a,b\r\n"c"' }).includes(',"a,b\r\n""c""",'))
  })
})
