import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import { freePorts } from '../../../test/support/ports.ts'
import { eventually } from '../../../test/support/wait.ts'
import { silentLog } from '../../observability/index.ts'
import { type OutcomeBatch, testObservation } from '../../outcomes/index.ts'
import { OutcomeBuffer } from './outcome-buffer.ts'
import { OutcomeSender, type SenderClock } from './outcome-sender.ts'

const AWAY_MS = 60_000

/** A clock that stands still until it is advanced to the next turn of the sender. */
function steppedClock() {
  let now = 0
  let next: { readonly at: number; readonly run: () => void } | undefined
  const clock: SenderClock = {
    now: () => now,
    after: (inMs, run) => {
      next = { at: now + inMs, run }
      return () => {
        next = undefined
      }
    },
  }
  /** Runs one turn and waits until the sender has planned another. */
  const turn = async () => {
    await eventually('a turn is planned', () => next !== undefined)
    const { at, run } = next ?? { at: now, run: () => {} }
    next = undefined
    now = at
    run()
    await eventually('the turn is over', () => next !== undefined)
  }
  return { clock, turn, now: () => now }
}

/** A control plane that takes every batch and stores it at once. */
async function startTaker(port: number): Promise<{ server: Server; batches: OutcomeBatch[]; lines: string[] }> {
  const batches: OutcomeBatch[] = []
  const lines: string[] = []
  const server = createServer(async (request, response) => {
    const batch = (await json(request)) as OutcomeBatch
    const given = batch.lines === '' ? [] : batch.lines.split('\n')
    batches.push(batch)
    lines.push(...given.map((line) => line.split(' ').at(-1) ?? ''))
    const next = batch.first + given.length
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ next, stored: next }))
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return { server, batches, lines }
}

describe('the sender of outcomes', () => {
  const ends: Array<() => unknown> = []
  after(async () => {
    for (const end of ends) await end()
  })

  /** Observes something before each turn while the control plane is unavailable for a minute, then starts the control plane. */
  async function minuteAway(buffer: OutcomeBuffer, linesATurn: number) {
    const [port = 0] = await freePorts(1)
    const { clock, turn, now } = steppedClock()
    const target = { url: `http://127.0.0.1:${port}`, token: 'token', environment: 'production', instance: 'one' }
    const sender = new OutcomeSender(target, buffer, silentLog, clock)
    ends.push(() => sender.close())
    while (now() < AWAY_MS) {
      for (let line = 0; line < linesATurn; line++) {
        buffer.add(testObservation({ requestId: `request-${buffer.next}` }), now())
      }
      await turn()
    }
    const taker = await startTaker(port)
    ends.push(() => taker.server.close())
    assert.equal((taker.server.address() as AddressInfo).port, port)
    for (let turns = 0; buffer.oldest < buffer.next && turns < 100; turns++) await turn()
    return taker
  }

  test('sends everything, once and in order, when the control plane was away for a minute', async () => {
    const buffer = new OutcomeBuffer()
    const { lines, batches } = await minuteAway(buffer, 1_000)
    const observed = buffer.next - 1
    assert.ok(observed > 10_000, `${observed}`)
    assert.deepEqual(
      lines,
      Array.from({ length: observed }, (_, index) => `request-${index + 1}`),
    )
    assert.deepEqual([batches[0]?.first, batches[0]?.oldest], [1, 1])
    assert.equal(batches.at(-1)?.isComplete, true)
  })

  test('when the buffer is full, the newest outcomes arrive and the gap in their numbers tells how many were lost', async () => {
    const buffer = new OutcomeBuffer(500_000)
    const { lines, batches } = await minuteAway(buffer, 1_000)
    const first = batches[0]?.first ?? 0
    assert.ok(first > 1, `${first}`)
    assert.equal(batches[0]?.oldest, first)
    assert.deepEqual([lines[0], lines.at(-1)], [`request-${first}`, `request-${buffer.next - 1}`])
    assert.equal(lines.length + first, buffer.next)
  })
})
