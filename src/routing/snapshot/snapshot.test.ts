import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ROUTING_FLAG, UNKNOWN_CLIENTS_FLAG } from '../vocabulary.ts'
import type { FlagGates, SnapshotLine } from './lines.ts'
import type { Snapshot } from './snapshot.ts'
import { SnapshotReader } from './snapshot-reader.ts'

const gates = (over: Partial<FlagGates> = {}): FlagGates => ({
  boolean: false,
  actors: [],
  percentage_of_actors: 0,
  opted_out: [],
  ...over,
})
const begin = (over: object = {}) => ({
  type: 'begin',
  format: 1,
  environment: 'production',
  version: 5,
  brake: false,
  flags: { [ROUTING_FLAG]: gates({ actors: ['Authn::OauthApplication:1'] }) },
  ...over,
})
const rows = {
  type: 'applications',
  rows: [
    [1, 'one', 1],
    [2, 'two', 1],
    [3, 'three', 0],
  ],
}
const end = (over: object = {}) => ({ type: 'end', version: 5, applications: 3, ...over })

function fed(...lines: unknown[]): { reader: SnapshotReader; last: ReturnType<SnapshotReader['accept']> | undefined } {
  const reader = new SnapshotReader('production')
  let last: ReturnType<SnapshotReader['accept']> | undefined
  for (const line of lines) last = reader.accept(typeof line === 'string' ? line : JSON.stringify(line))
  return { reader, last }
}

function held(...lines: unknown[]): Snapshot {
  const { reader } = fed(begin(), rows, end(), ...lines)
  assert.ok(reader.snapshot)
  return reader.snapshot
}

test('a complete snapshot is held and resolves its applications', () => {
  const snapshot = held()
  assert.equal(snapshot.version, 5)
  assert.equal(snapshot.size, 3)
  assert.deepEqual(snapshot.lookUp('one'), { applicationId: 1, flag: 'on' })
  assert.deepEqual(snapshot.lookUp('two'), { applicationId: 2, flag: 'off' })
  assert.equal(snapshot.lookUp('four'), 'unknown_client')
})

test('an application that IAM lacks has not arrived if the flag is on for it, and is off otherwise', () => {
  const snapshot = held({ type: 'change', from: 5, to: 6, flags: { [ROUTING_FLAG]: gates({ boolean: true }) } })
  assert.deepEqual(snapshot.lookUp('two'), { applicationId: 2, flag: 'on' })
  assert.deepEqual(snapshot.lookUp('three'), { applicationId: 3, flag: 'not_arrived' })
  assert.deepEqual(held().lookUp('three'), { applicationId: 3, flag: 'off' })
})

test('a change updates flags, applications and the brake together', () => {
  const snapshot = held({
    type: 'change',
    from: 5,
    to: 7,
    brake: true,
    flags: {
      [ROUTING_FLAG]: gates({ boolean: true, opted_out: ['Authn::OauthApplication:2'] }),
      [UNKNOWN_CLIENTS_FLAG]: gates({ boolean: true }),
    },
    applications: [
      [3, 'three', 1],
      [4, 'four', 1],
    ],
    removed: ['one'],
  })
  assert.equal(snapshot.version, 7)
  assert.equal(snapshot.brake, true)
  assert.equal(snapshot.unknownClientsToIam, true)
  assert.equal(snapshot.lookUp('one'), 'unknown_client')
  assert.deepEqual(snapshot.lookUp('two'), { applicationId: 2, flag: 'off' })
  assert.deepEqual(snapshot.lookUp('three'), { applicationId: 3, flag: 'on' })
  assert.deepEqual(snapshot.lookUp('four'), { applicationId: 4, flag: 'on' })
})

test('a removed flag is off', () => {
  const snapshot = held({ type: 'change', from: 5, to: 6, removed_flags: [ROUTING_FLAG] })
  assert.deepEqual(snapshot.lookUp('one'), { applicationId: 1, flag: 'off' })
})

test('a change that was applied before changes nothing', () => {
  const change = { type: 'change', from: 5, to: 6, removed: ['two'] }
  const snapshot = held(change, { ...change, removed: ['one'] })
  assert.deepEqual(snapshot.lookUp('one'), { applicationId: 1, flag: 'on' })
})

const refused: Array<[string, unknown[]]> = [
  [
    'cut short in its applications',
    [begin({ version: 9 }), { ...rows, rows: rows.rows.slice(1) }, end({ version: 9 })],
  ],
  ['of another environment', [begin({ version: 9, environment: 'staging' }), rows, end({ version: 9 })]],
  ['older than what is held', [begin({ version: 4 }), rows, end({ version: 4 })]],
  ['that ends as another version', [begin({ version: 9 }), rows, end({ version: 8 })]],
  ['of a newer format', [begin({ version: 9, format: 3 }), rows, end({ version: 9 })]],
  [
    'with a row that does not fit',
    [begin({ version: 9 }), { type: 'applications', rows: [[0, 'x', 1]] }, end({ version: 9, applications: 1 })],
  ],
  [
    'with a percentage over 100',
    [begin({ version: 9, flags: { f: gates({ percentage_of_actors: 101 }) } }), end({ version: 9, applications: 0 })],
  ],
  ['with a line that is not JSON', [begin({ version: 9 }), '{"type":"applic']],
  ['without a beginning', [rows]],
  ['with a gap before a change', [{ type: 'change', from: 4, to: 9 }]],
]
for (const [what, lines] of refused) {
  test(`a snapshot ${what} is refused and the held one kept`, () => {
    const { reader, last } = fed(begin(), rows, end(), ...lines)
    assert.equal(last?.kind, 'refused')
    assert.equal(reader.snapshot?.version, 5)
    assert.deepEqual(reader.snapshot?.lookUp('one'), { applicationId: 1, flag: 'on' })
  })
}

test('a snapshot that never ends does not replace the held one', () => {
  const { reader } = fed(begin(), rows, end(), begin({ version: 9, flags: {} }), rows)
  assert.equal(reader.snapshot?.version, 5)
})

test('versions of another epoch are not compared', () => {
  const { reader } = fed(
    begin({ epoch: 'a' }),
    rows,
    end(),
    begin({ epoch: 'b', version: 1 }),
    rows,
    end({ version: 1 }),
  )
  assert.equal(reader.snapshot?.version, 1)
})

test('a heartbeat ahead of the held version reports that it is behind', () => {
  assert.deepEqual(fed(begin(), rows, end(), { type: 'heartbeat', version: 6, at: 1 }).last, { kind: 'behind' })
  assert.deepEqual(fed(begin(), rows, end(), { type: 'heartbeat', version: 5, at: 1 }).last, { kind: 'read' })
  assert.deepEqual(fed(begin(), rows, end(), { type: 'change', from: 6, to: 7 }).last, { kind: 'behind' })
})

test('a snapshot written out and read back is the same', () => {
  const first = held({ type: 'change', from: 5, to: 6, brake: true, applications: [[2_000_000_001, 'far', 1]] })
  const second = new SnapshotReader('production')
  for (const line of first.lines()) second.accept(JSON.stringify(line satisfies SnapshotLine))
  assert.deepEqual([...(second.snapshot?.lines() ?? [])], [...first.lines()])
})

test('a heartbeat with the same version but another stamp shows that the held version was lost', () => {
  const stamped = [begin({ stamp: 'a' }), rows, end()]
  const beat = (stamp?: string) => ({ type: 'heartbeat', version: 5, at: 1, ...(stamp && { stamp }) })
  assert.deepEqual(fed(...stamped, beat('b')).last, { kind: 'behind' })
  assert.deepEqual(fed(...stamped, beat('a')).last, { kind: 'read' })
  assert.deepEqual(fed(...stamped, beat()).last, { kind: 'read' }, 'an older control plane sends none')
  assert.deepEqual(fed(begin(), rows, end(), beat('b')).last, { kind: 'read' }, 'what an older one sent has none')
})

test('the stamp belongs to the version: kept on disk, replaced by a change, unknown after a change without one', () => {
  const { reader } = fed(begin({ stamp: 'a' }), rows, end())
  const [first] = reader.snapshot?.lines() ?? []
  assert.equal((first as { stamp?: string }).stamp, 'a')
  reader.accept(JSON.stringify({ type: 'change', from: 5, to: 6, stamp: 'b' }))
  assert.equal(reader.snapshot?.stamp, 'b')
  reader.accept(JSON.stringify({ type: 'change', from: 6, to: 7 }))
  assert.equal(reader.snapshot?.stamp, undefined)
})
