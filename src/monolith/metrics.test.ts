import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpRequest } from '../http/index.ts'
import { silentLog } from '../observability/index.ts'
import { monolithMetrics, startMetricsServer } from './metrics.ts'

function requestFor(path: string): HttpRequest {
  return {
    ...{ method: 'GET', path, query: '', headers: {}, body: Buffer.alloc(0) },
    ...{ remoteAddress: '127.0.0.1', origin: 'http://a' },
  }
}

test('serves the grants, security events and response times along with the process metrics, and nothing else', async () => {
  const metrics = monolithMetrics()
  metrics.grant({ grantType: 'password', clientId: 'a', applicationId: 1 })
  const answer = metrics.timed(async () => ({ status: 200, headers: [], body: '' }))
  for (const path of ['/oauth/token', '/o/acme/oauth/token', '/-/iam/consent', '/made/up/path']) {
    await answer(requestFor(path))
  }
  const server = await startMetricsServer({ host: '127.0.0.1', port: 0 }, metrics, silentLog)
  try {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    for (const line of [
      'handover_monolith_grants_total{grant_type="password"} 1',
      'handover_monolith_security_events_total{kind="authorization_code_replay"} 0',
      'handover_monolith_request_duration_seconds_count{area="oauth",code="200"} 2',
      'handover_monolith_request_duration_seconds_count{area="platform",code="200"} 1',
      'handover_monolith_request_duration_seconds_count{area="other",code="200"} 1',
      'process_cpu_seconds_total ',
    ]) {
      assert.ok(text.includes(`\n${line}`), line)
    }
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
    assert.equal((await fetch(`${server.url}/oauth/token`)).status, 404)
  } finally {
    await server.close(0)
  }
})
