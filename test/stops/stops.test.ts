import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../support/ports.ts'
import { startHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually, untilReady } from '../support/wait.ts'
import { CLIENT_KINDS } from './clients.ts'
import { STORED_PARTS, startGateway, startSides, startStoredPart, stopUnderLoad } from './stop-under-load.ts'

describe('a gateway that is stopped under load', () => {
  const clients = Array.from({ length: 30 }, (_, index) => CLIENT_KINDS[index % CLIENT_KINDS.length] ?? 'kept')
  let sides: Awaited<ReturnType<typeof startSides>>
  before(async () => {
    sides = await startSides()
  })
  after(() => sides.stop())

  for (const [workers, rounds] of [
    [1, 3],
    [3, 1],
  ] as const) {
    test(`answers every request on a connection that the kernel completed, with ${workers} processes, and ends with code 0`, async () => {
      for (let round = 0; round < rounds; round++) {
        const { tally, ended } = await stopUnderLoad(await startGateway(sides.urls, workers), clients)
        assert.deepEqual([tally.lost, tally.lostLate, ended.code], [0, 0, 0], tally.causes.join('\n'))
        assert.ok(tally.answered >= clients.length, `${tally.answered} were answered`)
      }
    })
  }
})

for (const part of STORED_PARTS) {
  test(`${part} that is stopped under load answers every request that had begun, and ends with code 0`, async () => {
    const scratch = scratchDirectory('stops')
    const { tally, ended } = await stopUnderLoad(await startStoredPart(part, scratch.path), [...CLIENT_KINDS])
    assert.deepEqual([tally.lost, ended.code], [0, 0], tally.causes.join('\n'))
    scratch.remove()
  })
}

test('a gateway uses all the time of --drain-ms, and a second signal does not cut it short', async () => {
  let answerLate: (() => void) | undefined
  const legacy = createServer((_request, response) => {
    answerLate = () => void response.end('late')
  })
  await new Promise<void>((resolve) => legacy.listen(0, '127.0.0.1', resolve))
  const [port = 0, admin = 0] = await freePorts(2)
  const gateway = await startHandover([
    ...['gateway', '--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${admin}`, '--workers', '1'],
    ...['--legacy-url', `http://127.0.0.1:${(legacy.address() as AddressInfo).port}`, '--drain-ms', '20000'],
  ])
  await untilReady(`http://127.0.0.1:${admin}/readyz`)
  const client = connect(port, '127.0.0.1')
  let text = ''
  client.setEncoding('latin1').on('data', (piece: string) => {
    text += piece
  })
  client.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually('the request is with legacy', () => answerLate !== undefined)
  gateway.kill('SIGTERM')
  await eventually('it drains', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).status === 503)
  gateway.kill('SIGTERM')
  gateway.kill('SIGINT')
  // Longer than the time limit of any other component.
  await sleep(6_000)
  answerLate?.()
  await eventually('the answer comes', () => text.endsWith('late'))
  assert.match(text, /\r\nConnection: close\r\n/)
  client.destroy()
  const { code } = await gateway.ended
  assert.equal(code, 0)
  legacy.closeAllConnections()
  await new Promise((resolve) => legacy.close(resolve))
})
