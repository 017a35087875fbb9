import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../../../../test/support/wait.ts'
import { type LiveOptions, LiveStreams } from './live-streams.ts'

const MARKS = { now: Date.now(), audit_number: 1, outcomes: '', effects: '', rollouts: [] }

/** Streams whose database answers only while it is not held. */
function streamsWithDatabase() {
  const held: Array<() => void> = []
  let isHeld = false
  const query = async () => {
    if (isHeld) await new Promise<void>((resolve) => held.push(resolve))
    return [MARKS]
  }
  const options = {
    store: { schema: 'control', database: { query } },
    feed: { subscribe: () => () => {} },
    gateways: { all: async () => [] },
    log: { warn: () => {} },
    valid: async (ids: unknown) => ids,
  }
  return {
    streams: new LiveStreams(options as unknown as LiveOptions, { ofCaller: 2, all: 3 }),
    hold: () => {
      isHeld = true
    },
    waiting: () => held.length,
    release: () => {
      isHeld = false
      for (const resolve of held.splice(0)) resolve()
    },
  }
}

describe('the readers of the event stream', () => {
  const { streams, hold, waiting, release } = streamsWithDatabase()
  let opened = 0
  const server = createServer((_request, response) => {
    opened++
    response.writeHead(200).flushHeaders()
    void streams.serve(response, { environment: 'dev', by: { kind: 'session', id: 1 }, lastEventId: undefined })
  })
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
  after(async () => {
    await streams.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  async function open() {
    const aborting = new AbortController()
    const { port } = server.address() as AddressInfo
    const { body } = await fetch(`http://127.0.0.1:${port}/`, { signal: aborting.signal })
    let text = ''
    const reading = async () => {
      for await (const bytes of body ?? []) text += Buffer.from(bytes as Uint8Array).toString()
    }
    reading().catch(() => {})
    return { text: () => text, close: () => aborting.abort() }
  }

  test('a reader that comes while the last other one leaves, as after a reload, is kept alive', async () => {
    const former = await open()
    await eventually('the first reader is served', () => streams.size === 1)
    hold()
    await eventually('the marks are being read', () => waiting() > 0)
    const next = await open()
    await eventually('the next reader waits for them', () => opened === 2)
    former.close()
    await eventually('the first reader is gone', () => streams.size === 0)
    release()
    await eventually('the next reader is served', () => streams.size === 1)
    await eventually('a comment arrives', () => /^:$/m.test(next.text()))
    assert.equal(streams.size, 1)
    next.close()
    await eventually('the next reader is gone', () => streams.size === 0)
  })

  test('are limited for each session and for the process, as soon as they are accepted', async () => {
    hold()
    const [session, other] = [{ kind: 'session', id: 1 } as const, { kind: 'session', id: 2 } as const]
    const opening = [await open(), await open()]
    await eventually('both are accepted', () => streams.refusalOf(session) !== undefined)
    assert.equal(streams.refusalOf(session), 'a session may have at most 2 open event streams')
    assert.equal(
      streams.refusalOf({ kind: 'token', id: 1 }),
      undefined,
      'a token with the same number is another caller',
    )
    assert.equal(streams.refusalOf(other), undefined)
    opening.push(await open())
    await eventually('the process is full', () => streams.refusalOf(other) !== undefined)
    assert.equal(streams.refusalOf(other), 'this replica serves at most 3 event streams')
    release()
    for (const each of opening) each.close()
    await eventually('there is room again', () => streams.refusalOf(session) === undefined)
  })
})
