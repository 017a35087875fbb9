import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog } from '../../../observability/index.ts'
import { openUpstream } from '../../upstream/upstream.ts'
import { MarkCheck } from './mark-check.ts'

const MARKS = { extraIamPrefixes: [], iamJwtIssuer: undefined, legacyJwtIssuer: undefined, verifierKey: undefined }

test('a failing check is retried with growing delays and logged once; the last result is kept until there is a new one', async () => {
  const answers: Array<(response: ServerResponse) => void> = [
    (response) => response.end('{"access_token":"gliamat-1"}'),
    (response) => response.end('{}'),
    (response) => response.writeHead(503).end(),
    (response) => response.writeHead(401).end('{"error":"invalid_client"}'),
    (response) => response.destroy(),
    (response) => response.end('<html>'),
    (response) => response.end('{"access_token":"renamed-1"}'),
    (response) => response.writeHead(404).end(),
  ]
  const seen: string[] = []
  const at: number[] = []
  const server = createServer((_message, response) => {
    seen.push(String(check.status.iam))
    at.push(performance.now())
    const answer = answers.shift()
    if (answer) answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const limits = { connectMs: 1_000, headersMs: 1_000, bodyIdleMs: 1_000 }
  const upstream = openUpstream('iam', url, limits, { max: 4, reserved: 0, queueLength: 4, queueMs: 1_000 })
  const lines: string[] = []
  const log = createLog('gateway', { destination: { write: (line: string) => void lines.push(line) } })
  const probe = { upstream, client: { clientId: 'c', secret: 's' }, token: '/t', revoke: '/r', timeoutMs: 1_000 }
  const check = new MarkCheck({ iam: probe }, { marks: MARKS, isIamUnmarked: false, everyMs: 60, retryMs: 20, log })
  check.start()
  while (at.length < 9) await sleep(10)
  await check.close()
  await upstream.pool.destroy()
  server.closeAllConnections()
  server.close()
  assert.deepEqual(seen, ['unknown', 'agrees', ...Array(5).fill('agrees'), 'drifts', 'drifts'])
  const gaps = at.map((time, index) => time - (at[index - 1] ?? time))
  assert.ok((gaps[4] ?? 0) >= 35 && (gaps[5] ?? 0) >= 55, gaps.join())
  const told = lines.map((line) => JSON.parse(line) as { level: string; cause?: string })
  assert.deepEqual(
    told.map(({ level, cause }) => [level, cause]),
    [
      ['info', undefined],
      ['warn', 'UND_ERR_SOCKET'],
      ['error', undefined],
      ['warn', 'status 404'],
    ],
  )
})
