import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpRequest } from '../../http/index.ts'
import { createLog, LineBudget } from '../../observability/index.ts'
import { logged, oauthErrorOf } from './request-log.ts'

test('log lines for rejected unauthenticated callers are limited at the public port, and no others', async () => {
  const lines: string[] = []
  const log = createLog('iam', { destination: { write: (line) => void lines.push(line) } })
  const logSampling = new LineBudget({ count: 2, seconds: 60 }, (left_out) =>
    log.info({ left_out }, 'requests omitted from the log'),
  )
  const parts = { log, tracing: undefined, logSampling }
  const ask = async (port: 'public' | 'internal', status: number) => {
    const request: HttpRequest = {
      ...{ method: 'GET', path: '/oauth/userinfo', query: '', headers: {}, body: Buffer.alloc(0) },
      ...{ remoteAddress: '127.0.0.1', origin: 'http://a' },
    }
    await logged(parts, port, async () => ({ status, headers: [], body: '' }))(request)
  }
  for (let count = 0; count < 5; count++) {
    for (const status of [200, 400, 401, 404]) await ask('public', status)
    await ask('internal', 401)
  }
  logSampling.close()
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const count = (port: string, status: number) =>
    entries.filter((entry) => entry['port'] === port && entry['status'] === status).length
  const counts = [200, 400, 401, 404].map((status) => count('public', status))
  assert.deepEqual([...counts, count('internal', 401)], [5, 5, 2, 2, 5])
  assert.deepEqual(entries.at(-1)?.['left_out'], { unauthorized: 3, not_found: 3 })
})

test('a request’s log line contains the OAuth error of a document or of a redirect to the client, and nothing else', async () => {
  const json = (status: number, body: string) => oauthErrorOf({ status, headers: [], body })
  const redirect = (location: string) => oauthErrorOf({ status: 302, headers: [['Location', location]], body: '' })
  assert.equal(json(401, '{"error":"invalid_client","error_description":"…"}'), 'invalid_client')
  assert.equal(redirect('https://client.test/cb?state=x&error=access_denied'), 'access_denied')
  assert.equal(redirect('https://client.test/cb#error=login_required'), 'login_required')
  for (const none of [
    json(200, '{"error":"invalid_client"}'),
    json(400, '<p>{"error":"invalid_client"}</p>'),
    json(400, '{"error":{"a":1}}'),
    json(400, '{"error":"Bearer gliamat-abc"}'),
    json(400, '{"error":'),
    redirect('https://client.test/cb?code=gliamac-abc'),
  ]) {
    assert.equal(none, undefined)
  }
  const lines: string[] = []
  const log = createLog('iam', { destination: { write: (line) => void lines.push(line) } })
  const logSampling = new LineBudget({ count: 9, seconds: 60 }, () => {})
  const request: HttpRequest = {
    ...{ method: 'POST', path: '/oauth/token', query: '', headers: {}, body: Buffer.alloc(0) },
    ...{ remoteAddress: '127.0.0.1', origin: 'http://a' },
  }
  const reply = { status: 401, headers: [], body: '{"error":"invalid_client"}' }
  await logged({ log, tracing: undefined, logSampling }, 'public', async () => reply)(request)
  logSampling.close()
  assert.equal((JSON.parse(lines[0] ?? '') as Record<string, unknown>)['oauth_error'], 'invalid_client')
})
