import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { ROUTING_FLAG } from '../vocabulary.ts'
import { type ApplicationRow, type FlagGates, MAX_MEMBERS, type SnapshotLine } from './lines.ts'
import type { Snapshot } from './snapshot.ts'
import { SnapshotInput } from './snapshot-input.ts'
import { type Acceptance, SnapshotReader } from './snapshot-reader.ts'
import { piecesOf, textOf } from './write.ts'

const OFF: FlagGates = { boolean: false, actors: [], percentage_of_actors: 0, opted_out: [] }
const actor = (id: number) => `Authn::OauthApplication:${id}`

interface Made {
  readonly rows?: readonly ApplicationRow[]
  readonly gates?: Partial<FlagGates>
  readonly version?: number
  readonly format?: number
}
const ROWS: readonly ApplicationRow[] = [
  [1, randomBytes(32).toString('hex'), 1],
  [2, 'two', 0],
  [Number.MAX_SAFE_INTEGER, 'größer', 1],
]

/** A snapshot in format 1. */
function format1({ rows = ROWS, gates = {}, version = 5, format = 1 }: Made = {}): string {
  const flags = { [ROUTING_FLAG]: { ...OFF, ...gates } }
  const begin = {
    type: 'begin',
    format,
    environment: 'production',
    epoch: 'e',
    version,
    stamp: 's',
    brake: true,
    flags,
  }
  const lines: unknown[] = [begin]
  for (let at = 0; at < rows.length; at += 1_000) {
    lines.push({ type: 'applications', rows: rows.slice(at, at + 1_000) })
  }
  return lines
    .concat({ type: 'end', version, applications: rows.length })
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('')
}

function read(reader: SnapshotReader, bytes: Buffer, pieceBytes = bytes.length): Acceptance[] {
  const input = new SnapshotInput(reader)
  const results: Acceptance[] = []
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    for (const result of input.push(bytes.subarray(at, at + pieceBytes))) {
      results.push(result)
      if (result.kind === 'refused') return results
    }
  }
  return results.concat(...input.end())
}

function held(text: string): Snapshot {
  const reader = new SnapshotReader('production')
  read(reader, Buffer.from(text))
  assert.ok(reader.snapshot)
  return reader.snapshot
}

const format2 = (made?: Made) =>
  Buffer.concat([...piecesOf(held(format1(made)).content())].map((piece) => Buffer.from(piece as string)))
const linesOf = (snapshot: Snapshot | undefined) => [...(snapshot?.lines() ?? [])]

describe('format 2', () => {
  test('carries the same as format 1, in pieces of any size', () => {
    const rows = Array.from(
      { length: 20_000 },
      (_, n): ApplicationRow => [
        n + 1,
        n % 7 === 0 ? `äpp-${n}` : n % 3 === 0 ? `app-${n}` : randomBytes(32).toString('hex'),
        n % 2 === 0 ? 1 : 0,
      ],
    )
    const gates = {
      actors: Array.from({ length: MAX_MEMBERS + 1 }, (_, n) => actor(n + 1)),
      opted_out: [actor(9), 'User:1'],
    }
    const text = format1({ rows, gates })
    const bytes = format2({ rows, gates })
    for (const size of [997, 65_536, bytes.length]) {
      const reader = new SnapshotReader('production')
      read(reader, bytes, size)
      assert.deepEqual(linesOf(reader.snapshot), linesOf(held(text)), `${size} bytes`)
    }
  })

  test('that is cut off after any byte never replaces the held snapshot', () => {
    const bytes = format2({ version: 6, gates: { actors: [actor(1)] } })
    for (let length = 0; length < bytes.length - 1; length++) {
      const reader = new SnapshotReader('production')
      read(reader, Buffer.from(format1()))
      read(reader, bytes.subarray(0, length))
      assert.equal(reader.snapshot?.version, 5, `${length} bytes`)
    }
  })

  test('with any byte of a block changed is refused', () => {
    const bytes = format2({ version: 6 })
    const line = bytes.indexOf('{"type":"block"')
    const [from, to] = [bytes.indexOf('\n', line) + 1, bytes.indexOf('{"type":"end"')]
    assert.ok(to - from > 40)
    for (let at = from; at < to; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8))
      const reader = new SnapshotReader('production')
      assert.deepEqual(read(reader, damaged).at(-1), { kind: 'refused', why: 'a block is damaged' })
      assert.equal(reader.snapshot, undefined)
    }
  })

  test('without one of its lines is refused', () => {
    const made = { version: 6, gates: { actors: [actor(1)], opted_out: [actor(2)] } }
    const pieces = [...piecesOf(held(format1(made)).content())]
    const kinds = pieces.map((piece) =>
      typeof piece === 'string' ? (JSON.parse(piece) as SnapshotLine).type : 'bytes',
    )
    assert.deepEqual(kinds, ['begin', 'members', 'members', 'block', 'bytes', 'end'])
    for (let without = 0; without < pieces.length; without++) {
      const reader = new SnapshotReader('production')
      const bytes = Buffer.concat(pieces.filter((_, at) => at !== without).map((piece) => Buffer.from(piece as string)))
      assert.notEqual(read(reader, bytes).at(-1)?.kind, 'replaced', `without ${kinds[without]}`)
      assert.equal(reader.snapshot, undefined)
    }
  })

  test('changes list only what came and went', () => {
    const snapshot = held(format1({ gates: { actors: [actor(1), 'User:1'], opted_out: [actor(3)] } }))
    const reader = new SnapshotReader('production')
    read(reader, format2({ gates: { actors: [actor(1), 'User:1'], opted_out: [actor(3)] } }))
    const gates = {
      actors: { added: [actor(2)], removed: [actor(1), 'User:1'] },
      opted_out: { removed: [actor(3)], added: [actor(4)] },
      percentage_of_actors: 12.5,
    }
    read(reader, Buffer.from(textOf({ type: 'change', from: 5, to: 6, stamp: 't', gates: { [ROUTING_FLAG]: gates } })))
    const flags = { [ROUTING_FLAG]: { ...OFF, actors: [actor(2)], opted_out: [actor(4)], percentage_of_actors: 12.5 } }
    snapshot.change({ type: 'change', from: 5, to: 6, stamp: 't', flags })
    assert.deepEqual(linesOf(reader.snapshot), linesOf(snapshot))
    assert.equal(reader.snapshot?.lookUp('two') !== 'unknown_client', true)
  })
})

describe('bad input', () => {
  const REFUSED: Array<[string, string | Buffer, RegExp]> = [
    ['of a newer format', format1({ version: 6, format: 3 }), /has format 3, and this gateway reads formats 1 and 2/],
    [
      'with two applications of one client id',
      format1({
        version: 6,
        rows: [
          [1, 'twice', 1],
          [2, 'twice', 1],
        ],
      }),
      /two applications have one client_id/,
    ],
    [
      'with an id beyond 2^53',
      format1({ version: 6, rows: [[1, 'one', 1]] }).replace('[1,', '[9007199254740993,'),
      /rows\.0\.0/,
    ],
    [
      'with a change to a client id that another application has',
      textOf({ type: 'change', from: 5, to: 6, applications: [[9, 'two', 1]] }),
      /two applications have one client_id/,
    ],
    [
      'with a change that names one client id twice',
      textOf({
        type: 'change',
        from: 5,
        to: 6,
        applications: [
          [9, 'new', 1],
          [10, 'new', 1],
        ],
      }),
      /two applications have one client_id/,
    ],
    [
      'with a million changes in one line',
      `{"type":"change","from":5,"to":6,"applications":[${'[1,"x",1],'.repeat(999_999)}[1,"x",1]]}\n`,
      /longer than 8388608 bytes/,
    ],
    [
      'with more than a thousand applications in one change',
      `{"type":"change","from":5,"to":6,"applications":[${'[1,"x",1],'.repeat(1_000)}[1,"x",1]]}\n`,
      /applications/,
    ],
    [
      'with a block larger than 256 KiB',
      `${beginLine(6)}{"type":"block","rows":1,"bytes":262152,"crc32":0}\n`,
      /bytes/,
    ],
    ['with a block of no whole rows', `${beginLine(6)}{"type":"block","rows":1,"bytes":41,"crc32":0}\n`, /bytes/],
    ['with a block before its beginning', '{"type":"block","rows":1,"bytes":40,"crc32":0}\n', /without a beginning/],
    ['with actors of a flag it does not have', `${beginLine(6)}{"type":"members","flag":"x","actors":[]}\n`, /flag/],
  ]
  for (const [what, bytes, why] of REFUSED) {
    test(`a snapshot ${what} is refused and the held one kept`, () => {
      const reader = new SnapshotReader('production')
      read(reader, Buffer.from(format1()))
      const result = read(reader, Buffer.from(bytes)).at(-1)
      assert.ok(result?.kind === 'refused', result?.kind)
      assert.match(result.why, why)
      assert.equal(reader.snapshot?.version, 5)
      assert.deepEqual(reader.snapshot?.lookUp('two'), { applicationId: 2, flag: 'off' })
      read(reader, format2({ version: 7 }))
      assert.equal(reader.snapshot?.version, 7, 'a good one is accepted afterwards')
    })
  }

  test('a client id that one application gives up and another takes over in one change is accepted', () => {
    const reader = new SnapshotReader('production')
    read(reader, Buffer.from(format1()))
    read(
      reader,
      Buffer.from(textOf({ type: 'change', from: 5, to: 6, removed: ['two'], applications: [[9, 'two', 1]] })),
    )
    assert.deepEqual(reader.snapshot?.lookUp('two'), { applicationId: 9, flag: 'off' })
  })
})

function beginLine(version: number): string {
  return `${format1({ version }).split('\n', 1)[0]}\n`
}
