import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import {
  type ApplicationRow,
  piecesOf,
  SNAPSHOT_MEDIA_TYPES,
  type SnapshotLine,
  SnapshotReader,
} from '../../routing/index.ts'
import { Bed, GATES_OFF, ndjson, type Received, type Side, snapshotLines, until } from '../testing/test-bed.ts'
import { ControlStream } from './control-stream.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const actor = (id: number) => `Authn::OauthApplication:${id}`

let bed: Bed
let control: Side
let requests: Received[]
/** The bytes of each answer in turn; the last one repeats. */
let answers: Buffer[]
const open: ControlStream[] = []

before(async () => {
  bed = await Bed.make()
  control = await bed.side('control')
})
after(async () => {
  for (const stream of open) await stream.close()
  await bed.end()
})
beforeEach(() => {
  requests = []
  control.answer = (request, response) => {
    requests.push(request)
    response.writeHead(200, { 'Content-Type': SNAPSHOT_MEDIA_TYPES[2] })
    const bytes = answers.length > 1 ? answers.shift() : answers[0]
    response.write(bytes)
    if (answers.length > 1) response.end()
  }
})

function format2(lines: readonly SnapshotLine[]): Buffer {
  const reader = new SnapshotReader('production')
  for (const line of lines) reader.accept(JSON.stringify(line))
  assert.ok(reader.snapshot)
  return Buffer.concat([...piecesOf(reader.snapshot.content())].map((piece) => Buffer.from(piece as string)))
}

async function follow(): Promise<ControlStream> {
  const settings = { kind: 'control' as const, url: control.url, token: 't', environment: 'production' }
  const stream = new ControlStream({ ...settings, otherUrls: [], stateFile: undefined }, bed.log)
  open.push(stream)
  await stream.start()
  return stream
}

describe('a gateway that receives format 2', () => {
  test('offers both formats, and decides by a snapshot in blocks and by steps', async () => {
    const step = { actors: { added: [actor(2)], removed: [actor(1)] } }
    const change = { type: 'change', from: 7, to: 8, gates: { [FLAG]: step } }
    answers = [Buffer.concat([format2(snapshotLines()), Buffer.from(ndjson([change]))])]
    const stream = await follow()
    await until(() => stream.version === 8)
    assert.equal(requests[0]?.headers.accept, 'application/vnd.handover.snapshot, application/x-ndjson')
    assert.deepEqual(stream.lookUp('moved'), { applicationId: 1, flag: 'off' })
    assert.deepEqual(stream.lookUp('staying'), { applicationId: 2, flag: 'on' })
    assert.equal(stream.lookUp('unregistered'), 'unknown_client')
  })

  test('keeps what it holds while snapshots break off within a block, and takes the first complete one', async () => {
    const rows = Array.from({ length: 5_000 }, (_, n): ApplicationRow => [n + 1, `client-${n + 1}`, 1])
    const [begin, , end] = snapshotLines({ version: 9, rows })
    const lines = [begin, ...chunksOf(rows), end] as SnapshotLine[]
    const next = format2(lines)
    answers = [format2(snapshotLines()), next.subarray(0, 70_000), next.subarray(0, next.length - 3), next]
    const stream = await follow()
    await until(() => requests.length >= 3)
    assert.equal(stream.version, 7)
    assert.deepEqual(stream.lookUp('moved'), { applicationId: 1, flag: 'on' })
    await until(() => stream.version === 9)
    assert.deepEqual(stream.lookUp('client-5000'), { applicationId: 5_000, flag: 'off' })
    assert.equal(stream.lookUp('moved'), 'unknown_client')
  })

  test('asks for the whole snapshot again after a damaged block, a million changes in a line, or a client id of two', async () => {
    const damaged = format2(snapshotLines({ version: 8 }))
    const at = damaged.indexOf('moved')
    damaged[at] = 'n'.charCodeAt(0)
    const million = `{"type":"change","from":7,"to":8,"applications":[${'[1,"x",1],'.repeat(999_999)}[1,"x",1]]}\n`
    const twice = ndjson([{ type: 'change', from: 7, to: 8, applications: [[9, 'moved', 1]] }])
    for (const bad of [damaged, Buffer.from(million), Buffer.from(twice)]) {
      requests = []
      answers = [format2(snapshotLines()), bad, format2(snapshotLines({ version: 10, actors: [] }))]
      const stream = await follow()
      await until(() => requests.length >= 2)
      assert.ok(stream.version === 7 || stream.version === 10)
      await until(() => stream.version === 10)
      assert.match(requests[1]?.url ?? '', /since=7/)
      assert.doesNotMatch(requests[2]?.url ?? '', /since=/)
      assert.deepEqual(stream.lookUp('moved'), { applicationId: 1, flag: 'off' })
      await stream.close()
    }
  })

  test('understands complete gates in a change as well', async () => {
    const change = { type: 'change', from: 7, to: 8, flags: { [FLAG]: { ...GATES_OFF, actors: [actor(2)] } } }
    answers = [Buffer.concat([format2(snapshotLines()), Buffer.from(ndjson([change]))])]
    const stream = await follow()
    await until(() => stream.version === 8)
    assert.deepEqual(stream.lookUp('staying'), { applicationId: 2, flag: 'on' })
    assert.deepEqual(stream.lookUp('moved'), { applicationId: 1, flag: 'off' })
  })
})

function chunksOf(rows: readonly ApplicationRow[]): SnapshotLine[] {
  const lines: SnapshotLine[] = []
  for (let at = 0; at < rows.length; at += 1_000) lines.push({ type: 'applications', rows: rows.slice(at, at + 1_000) })
  return lines
}
