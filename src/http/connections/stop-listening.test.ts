import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { drainServer } from './drain.ts'
import { NodeConnections } from './node-connections.ts'
import { ReadAheadBudget } from './read-ahead.ts'

/** Opens connections without waiting for responses, each with one request, until the server refuses one. */
const CROWD = `
const { connect } = require('node:net')
const { parentPort, workerData: port } = require('node:worker_threads')
const seen = { answered: 0, reset: 0, refused: 0 }
let open = 0
const finish = () => seen.refused > 0 && open === 0 && parentPort.postMessage(seen)
const knock = () => {
  let text = ''
  open++
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'))
  socket.on('error', ({ code }) => { if (code === 'ECONNREFUSED') seen.refused++ })
  socket.on('data', (piece) => { text += piece })
  socket.on('close', () => {
    open--
    if (text.includes(' 200 OK')) seen.answered++
    else if (socket.wasConnected) seen.reset++
    finish()
  })
  socket.on('connect', () => { socket.wasConnected = true })
}
const again = () => {
  if (seen.refused > 0) return finish()
  if (open < 4_000) for (let count = 0; count < 3; count++) knock()
  setImmediate(again)
}
again()
parentPort.postMessage('begun')
`

test('a server that stops resets no connection that the kernel has completed', async () => {
  for (let round = 0; round < 5; round++) {
    let requests = 0
    const server = createServer((_message, response) => {
      requests++
      response.end('ok')
    })
    const connections = new NodeConnections(server, new ReadAheadBudget())
    server.on('connection', (socket) => connections.take(socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const crowd = new Worker(CROWD, { eval: true, workerData: (server.address() as AddressInfo).port })
    const seen = new Promise<{ answered: number; reset: number; refused: number }>((resolve) => {
      crowd.on('message', (message) => message !== 'begun' && resolve(message))
    })
    while (requests < 20) await new Promise((resolve) => setImmediate(resolve))
    await drainServer(server, [connections], { graceMs: 20_000, idleMs: 250 })
    const { answered, reset } = await seen
    assert.deepEqual({ reset, areAllAnswered: answered === requests }, { reset: 0, areAllAnswered: true })
    await crowd.terminate()
  }
})
