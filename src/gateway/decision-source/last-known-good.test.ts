import assert from 'node:assert/strict'
import { appendFile, readdir, readFile, rename, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type ApplicationRow, piecesOf, type Snapshot, SnapshotReader } from '../../routing/index.ts'
import { Bed, ndjson, snapshotLines, until } from '../testing/test-bed.ts'
import { LastKnownGood, readSnapshotFile } from './last-known-good.ts'

let bed: Bed
let files = 0
before(async () => {
  bed = await Bed.make()
})
after(() => bed.end())

const path = () => join(bed.directory, `kept-${++files}`)
const readerOf = (lines: readonly unknown[]) => {
  const reader = new SnapshotReader('production')
  for (const line of lines) reader.accept(JSON.stringify(line))
  return reader
}
const held = (lines: readonly unknown[] = snapshotLines()) => readerOf(lines).snapshot as Snapshot
const format2 = (lines?: readonly unknown[]) =>
  Buffer.concat([...piecesOf(held(lines).content())].map((piece) => Buffer.from(piece as string)))
const readBack = async (file: string) => {
  const reader = new SnapshotReader('production')
  const result = await readSnapshotFile(file, reader)
  assert.equal(result?.snapshot, reader.snapshot)
  return { version: reader.snapshot?.version, why: result?.why, snapshot: reader.snapshot }
}
const change = (from: number, to: number, more: object = {}) => ({ type: 'change', from, to, ...more })

/** Applies a change and keeps the result, as the stream does. */
function follow(keeper: LastKnownGood, reader: SnapshotReader, line: object): void {
  const result = reader.accept(JSON.stringify(line))
  assert.ok(result.kind === 'changed')
  keeper.keep(result.snapshot, result.line)
}

describe('a snapshot file', () => {
  test('of either format is read', async () => {
    for (const bytes of [ndjson(snapshotLines()), format2()]) {
      const file = path()
      await writeFile(file, bytes)
      const { version, why, snapshot } = await readBack(file)
      assert.deepEqual([version, why], [7, undefined])
      assert.deepEqual(snapshot?.lookUp('moved'), { applicationId: 1, flag: 'on' })
      assert.deepEqual(snapshot?.lookUp('not-replicated'), { applicationId: 3, flag: 'not_arrived' })
    }
  })

  test('that is cut off anywhere before its end is not used', async () => {
    const file = path()
    const bytes = format2()
    for (let length = bytes.length - 2; length >= 0; length -= 7) {
      await writeFile(file, bytes.subarray(0, length))
      const { version, why } = await readBack(file)
      assert.equal(version, undefined, `${length} bytes`)
      assert.notEqual(why, undefined)
    }
  })

  test('with changes behind it is read up to the first that is cut off, damaged or missing', async () => {
    const changes = [change(7, 8), change(8, 9, { removed: ['moved'] })]
    const whole = ndjson(changes)
    const endings: Array<[string, number, RegExp | undefined]> = [
      [whole, 9, undefined],
      [whole.slice(0, -1), 9, undefined],
      [whole.slice(0, -2), 8, /not JSON/],
      [whole.slice(0, 20), 7, /not JSON/],
      [ndjson([change(7, 8), change(9, 10)]), 8, /missing/],
      [ndjson([change(7, 8, { applications: [[9, 'staying', 1]] })]), 7, /one client_id/],
    ]
    for (const start of [ndjson(snapshotLines()), format2()]) {
      for (const [text, expected, pattern] of endings) {
        const file = path()
        await writeFile(file, start)
        await appendFile(file, text)
        const { version, why } = await readBack(file)
        assert.equal(version, expected, text)
        if (pattern) assert.match(why ?? '', pattern)
        else assert.equal(why, undefined)
      }
    }
  })

  test('with many applications is read in slices: other work gets its turns in between', async () => {
    const rows = Array.from({ length: 200_000 }, (_, n): ApplicationRow => [n + 1, String(n).padStart(64, '0'), 1])
    const begin = snapshotLines({ rows: [] })[0]
    const lines: unknown[] = [begin]
    for (let at = 0; at < rows.length; at += 1_000) {
      lines.push({ type: 'applications', rows: rows.slice(at, at + 1_000) })
    }
    lines.push({ type: 'end', version: 7, applications: rows.length })
    for (const bytes of [ndjson(lines), format2(lines)]) {
      const file = path()
      await writeFile(file, bytes)
      let turns = 0
      let isReading = true
      const count = () => {
        turns += 1
        if (isReading) setImmediate(count)
      }
      setImmediate(count)
      const { snapshot } = await readBack(file)
      isReading = false
      assert.equal(snapshot?.size, rows.length)
      assert.ok(turns >= 5, `${turns} turns`)
    }
  })
})

describe('the keeper of the last good snapshot', () => {
  test('writes it whole, then appends each change, and writes a new one whole', async () => {
    const file = path()
    const reader = readerOf(snapshotLines())
    const keeper = new LastKnownGood(file, bed.log)
    keeper.keep(reader.snapshot as Snapshot)
    await until(async () => (await readBack(file)).version === 7)
    const whole = await readFile(file)
    follow(keeper, reader, change(7, 8, { removed: ['moved'] }))
    follow(keeper, reader, change(8, 9, { brake: true }))
    await until(async () => (await readBack(file)).version === 9)
    assert.deepEqual((await readFile(file)).subarray(0, whole.length), whole)
    const { snapshot } = await readBack(file)
    assert.deepEqual([...(snapshot?.lines() ?? [])], [...(reader.snapshot?.lines() ?? [])])
    keeper.keep(held(snapshotLines({ version: 20 })))
    await until(async () => (await readBack(file)).version === 20)
    assert.ok((await readFile(file)).length < whole.length + 20)
    await keeper.close()
  })

  test('writes it whole again if its file has gone, or another one is in its place', async () => {
    const file = path()
    const reader = readerOf(snapshotLines())
    const keeper = new LastKnownGood(file, bed.log)
    keeper.keep(reader.snapshot as Snapshot)
    await until(async () => (await readBack(file)).version === 7)
    await writeFile(`${file}.other`, format2(snapshotLines({ version: 3 })))
    await rename(`${file}.other`, file)
    follow(keeper, reader, change(7, 8))
    await until(async () => (await readBack(file)).version === 8)
    await keeper.close()
  })

  test('leaves the file as it was when the disk is full, warns once, and writes it when there is room', async () => {
    const file = path()
    const before = format2(snapshotLines({ version: 5 }))
    await writeFile(file, before)
    // Every write to this device fails with ENOSPC.
    await symlink('/dev/full', `${file}.${process.pid}.tmp`)
    const warnings = async () =>
      (await bed.records()).filter(
        ({ msg, path, cause }) =>
          msg === 'the last good snapshot cannot be kept on disk' && path === file && cause === 'ENOSPC',
      )
    const reader = readerOf(snapshotLines())
    const keeper = new LastKnownGood(file, bed.log)
    keeper.keep(reader.snapshot as Snapshot)
    await until(async () => (await warnings()).length === 1)
    assert.deepEqual(await readFile(file), before)
    assert.deepEqual(
      (await readdir(bed.directory)).filter((name) => name.endsWith('.tmp')),
      [],
    )
    follow(keeper, reader, change(7, 8))
    await keeper.close()
    assert.equal((await readBack(file)).version, 8)
    assert.equal((await warnings()).length, 1)
  })

  test('writes it whole again if its file was cut off', async () => {
    const file = path()
    const reader = readerOf(snapshotLines())
    const keeper = new LastKnownGood(file, bed.log)
    keeper.keep(reader.snapshot as Snapshot)
    await until(async () => (await readBack(file)).version === 7)
    await truncate(file, 10)
    follow(keeper, reader, change(7, 8))
    await keeper.close()
    assert.equal((await readBack(file)).version, 8)
  })
})
