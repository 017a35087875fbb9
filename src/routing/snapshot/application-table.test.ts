import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { ApplicationTable, REFUSALS } from './application-table.ts'
import { ClientKey } from './client-key.ts'
import { type RecordBlock, rowsOf } from './record-store.ts'

const hex = () => randomBytes(32).toString('hex')
const statusOf = (table: ApplicationTable, clientId: string) => {
  const handle = table.find(clientId)
  return handle === 0 ? undefined : [table.id(handle), table.isReady(handle)]
}
const rowsIn = (blocks: Iterable<RecordBlock>) => [...blocks].flatMap(rowsOf)

/** Client ids of every form, and some that differ from another one as little as possible. */
const one = hex()
const ALIKE = [
  one,
  one.toUpperCase(),
  `${one}0`,
  one.slice(1),
  `g${one.slice(1)}`,
  `:${one.slice(1)}`,
  `\`${one.slice(1)}`,
  String.fromCharCode(one.charCodeAt(0) + 0x100) + one.slice(1),
  'a',
  'a\0',
  'a\0\0\0\0\0\0\0',
  'aaaaaaaa',
  'é',
  'é\0',
  'e\u0301',
  '\ufffd',
  '\ud800',
  '\udfff',
  '€'.repeat(255),
  'x'.repeat(255),
]

describe('a table of applications', () => {
  test('tells client ids apart that differ in one character, in case, in length or in their encoding', () => {
    const table = new ApplicationTable()
    for (const [index, clientId] of ALIKE.entries()) {
      assert.equal(statusOf(table, clientId), undefined, JSON.stringify(clientId))
      table.put(clientId, index + 1, index % 2 === 0)
    }
    for (const [index, clientId] of ALIKE.entries()) {
      assert.deepEqual(statusOf(table, clientId), [index + 1, index % 2 === 0], JSON.stringify(clientId))
    }
    assert.deepEqual(
      rowsIn(table.blocks()).map(([, clientId]) => clientId),
      ALIKE,
    )
  })

  test('knows no client id that is empty or longer than 255 characters', () => {
    const table = new ApplicationTable()
    table.put('x'.repeat(255), 1, true)
    assert.equal(table.find(''), 0)
    assert.equal(table.find('x'.repeat(256)), 0)
    assert.equal(table.find('x'.repeat(255) + '\0'.repeat(1)), 0)
  })

  test('keeps ids up to 2^53 - 1 and their readiness', () => {
    const table = new ApplicationTable()
    const ids = [1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER]
    for (const id of ids) for (const isReady of [true, false]) table.put(`${id}${isReady}`, id, isReady)
    for (const id of ids)
      for (const isReady of [true, false]) assert.deepEqual(statusOf(table, `${id}${isReady}`), [id, isReady])
  })

  test('does the same as a map over many random changes, and so does a copy of its blocks', () => {
    const table = new ApplicationTable()
    const map = new Map<string, [number, boolean]>()
    const known = [
      ...ALIKE,
      ...Array.from({ length: 3_000 }, hex),
      ...Array.from({ length: 500 }, (_, n) => `app-${n}`),
    ]
    for (let step = 0; step < 60_000; step++) {
      const clientId = known[Math.floor(Math.random() * known.length)] as string
      if (Math.random() < 0.4) {
        table.remove(clientId)
        map.delete(clientId)
      } else {
        const [id, isReady] = [Math.floor(Math.random() * 2 ** 53) || 1, Math.random() < 0.5]
        table.put(clientId, id, isReady)
        map.set(clientId, [id, isReady])
      }
    }
    const copy = new ApplicationTable()
    copy.expect(map.size)
    for (const { rows, words } of table.blocks()) assert.equal(copy.addBlock(words), rows)
    for (const each of [table, copy]) {
      assert.equal(each.size, map.size)
      for (const clientId of known) assert.deepEqual(statusOf(each, clientId), map.get(clientId))
    }
  })

  test('reuses the memory of removed applications', () => {
    const table = new ApplicationTable()
    for (let round = 0; round < 20; round++) {
      const clientIds = Array.from({ length: 1_500 }, hex)
      for (const clientId of clientIds) table.put(clientId, 1, true)
      if (round === 19) assert.equal([...table.blocks()].length, 1, 'one chunk of 64 KiB')
      for (const clientId of clientIds) table.remove(clientId)
    }
    assert.equal(table.size, 0)
    assert.deepEqual(rowsIn(table.blocks()), [])
  })

  test('blocks keep showing the moment they were taken at', () => {
    const table = new ApplicationTable()
    for (let id = 1; id <= 10_000; id++) table.put(`client-${id}`, id, true)
    const blocks = table.blocks()
    const before = rowsIn(table.blocks())
    table.put('client-1', 1, false)
    table.put('client-9999', 7, false)
    table.remove('client-5')
    table.put('new', 5, true)
    for (let id = 20_001; id <= 30_000; id++) table.put(`client-${id}`, id, true)
    assert.deepEqual(rowsIn(blocks), before)
    assert.equal(rowsIn(table.blocks()).length, 20_000)
  })

  test('has no bucket that grows long for client ids that follow a pattern', () => {
    const table = new ApplicationTable()
    const zeros = '0'.repeat(54)
    for (let id = 1; id <= 50_000; id++) table.put(zeros + String(id).padStart(10, '0'), id, true)
    for (let id = 1; id <= 50_000; id++) assert.equal(table.id(table.find(zeros + String(id).padStart(10, '0'))), id)
  })
})

describe('a block of rows', () => {
  const blockOf = (...rows: Array<[string, number]>) => {
    const table = new ApplicationTable()
    for (const [clientId, id] of rows) table.put(clientId, id, true)
    const [block] = table.blocks()
    return (block as RecordBlock).words.slice()
  }

  test('is refused if two applications have one client id', () => {
    const [first, second] = [blockOf([one, 1]), blockOf([one, 2])]
    assert.equal(new ApplicationTable().addBlock(new Uint32Array([...first, ...second])), REFUSALS.duplicate)
    assert.equal(new ApplicationTable().addBlock(new Uint32Array([...first, ...first])), REFUSALS.duplicate)
  })

  test('is refused if a row is cut off or has no id', () => {
    const words = blockOf([one, 1])
    for (let length = 2; length < words.length; length++)
      assert.equal(new ApplicationTable().addBlock(words.slice(0, length)), REFUSALS.cut, `${length} words`)
    words[0] = 0
    assert.equal(new ApplicationTable().addBlock(words), REFUSALS.noId)
  })

  test('is refused if a client id is written in another form than its own', () => {
    const key = new ClientKey()
    const written: Array<[string, Uint32Array]> = []
    key.set('abc')
    const ascii = blockOf(['abc', 1])
    written.push([
      'text behind the end',
      Uint32Array.from(ascii, (word, at) => (at === 2 ? word | (0x64 << 24) : word)),
    ])
    const bytes = Buffer.from(one, 'latin1')
    const digits = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 64))
    written.push(['digits as text', new Uint32Array([1, (64 << 24) | (1 << 22), ...digits])])
    written.push(['ASCII as UTF-16', new Uint32Array([1, (1 << 24) | (2 << 22), 0x61, 0])])
    written.push(['no characters', new Uint32Array([1, 1 << 22])])
    written.push(['a form that does not exist', new Uint32Array([1, (1 << 24) | (3 << 22), 0x61, 0])])
    written.push(['ten digits as packed ones', new Uint32Array([1, 10 << 24, ...new Array(8).fill(1)])])
    for (const [what, words] of written) assert.equal(new ApplicationTable().addBlock(words), REFUSALS.key, what)
  })
})
