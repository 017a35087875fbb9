import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { issueVerifier } from '../../credentials/index.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, exchangeBytes, FORM, type Side, startGatewayProcess, until } from '../testing/test-bed.ts'
import { decisionMembers } from './decision-log.ts'

const verifierKey = randomBytes(32)
let bed: Bed
let legacy: Side
let iam: Side
let gateway: RunningGateway
let brakeFile: string

before(async () => {
  bed = await Bed.make()
  brakeFile = join(bed.directory, 'brake')
  ;({ legacy, iam, gateway } = await bed.whole({ verifierKey, brakeFile, adminListen: { host: '127.0.0.1', port: 0 } }))
})
after(() => bed.end())

async function scrape(): Promise<string> {
  return (await fetch(`${gateway.adminUrl}/metrics`)).text()
}

async function text(path: string, options: RequestInit = {}): Promise<string> {
  return (await fetch(gateway.url + path, options)).text()
}

/** A request that was refused before anything was known about it. */
const OUTCOME = {
  method: 'GET',
  path: '/oauth/token',
  correlationId: 'c',
  endpoint: 'token',
  clientId: undefined,
  applicationId: undefined,
  destination: 'rejected',
  reason: 'body_too_large',
  flagVersion: undefined,
  status: 413,
  durationMs: 1.23456,
  oauthError: undefined,
  granted: false,
  isBrakeOn: false,
  ending: 'complete',
} as const

describe('the log', () => {
  test('has one line for each request to an endpoint, with exactly the documented members', async () => {
    const count = (await bed.records('decisions')).length
    await text('/oauth/authorize?client_id=moved&state=s3cr3t')
    await text('/users/sign_in')
    const records = await bed.records('decisions')
    assert.equal(records.length, count + 1)
    const { time, correlation_id: correlationId, duration_ms: duration, ...rest } = records.at(-1) ?? {}
    assert.deepEqual(rest, {
      level: 'info',
      component: 'gateway',
      subcomponent: 'workhorse',
      method: 'GET',
      path: '/oauth/authorize',
      endpoint: 'authorize',
      client_id: 'moved',
      application_id: 1,
      destination: 'iam',
      reason: 'flag_enabled',
      flag_version: 7,
      status: 200,
      msg: 'iamproxy: routing decision',
    })
    assert.ok(!Number.isNaN(Date.parse(String(time))))
    assert.equal(typeof duration, 'number')
    assert.equal(correlationId, iam.received.at(-1)?.headers['x-request-id'])
  })

  test('names the application even if a credential or a flow decides', async () => {
    const body = 'grant_type=refresh_token&refresh_token=gliamrt-x&client_id=moved'
    await text('/oauth/token', { method: 'POST', body, headers: FORM })
    const line = (await bed.records()).at(-1)
    assert.deepEqual(
      [line?.['reason'], line?.['client_id'], line?.['application_id']],
      ['credential_issuer', 'moved', 1],
    )
  })

  test('shows a secret that was sent as a client id as a fingerprint', async () => {
    const planted = 'f3c1'.repeat(16)
    const basic = `Basic ${Buffer.from(`${planted}:x`).toString('base64')}`
    await text(`/oauth/authorize?client_id=${planted}`)
    await text('/oauth/token', { method: 'POST', body: `client_id=${planted}&grant_type=password`, headers: FORM })
    await text('/oauth/revoke', { method: 'POST', body: 'token=gliamat-x', headers: { ...FORM, authorization: basic } })
    const lines = (await bed.records()).slice(-3)
    for (const { client_id: shown } of lines) assert.match(String(shown), /^sha256:[0-9a-f]{8}$/)
    assert.ok(!bed.lines.join('').includes(planted))
  })

  test('contains no secret, and neither do metrics', async () => {
    const secret = 'pl4nt3d'
    const verifier = issueVerifier('login', verifierKey, Date.now() / 1_000 + 60)
    const basic = Buffer.from(`moved:${secret}`).toString('base64')
    const headers = { ...FORM, cookie: `a=${secret}; _iam_b=${secret}`, authorization: `Basic ${basic}` }
    const form = `client_secret=${secret}&password=${secret}&code=gliamac-${secret}&grant_type=authorization_code`
    for (const side of [legacy, iam]) {
      side.answer = (_request, response) => {
        response.writeHead(400, {
          'Content-Type': 'application/json',
          Location: `/x?code=${secret}`,
          'Set-Cookie': `_iam_a=${secret}`,
        })
        response.end(JSON.stringify({ error: secret, error_description: secret }))
      }
    }
    await text(`/oauth/token?access_token=${secret}`, { method: 'POST', body: form, headers })
    await text(`/oauth/authorize?client_id=moved&login_verifier=${verifier}&state=${secret}`, { headers })
    await text('/oauth/introspect', {
      method: 'POST',
      body: `token=${secret}`,
      headers: { ...FORM, authorization: `Bearer ${secret}` },
    })
    await exchangeBytes(
      gateway.url,
      `GET /oauth/authorize?code=${secret} HTTP/1.1\r\nHost: a\r\nX: \x01${secret}\r\n\r\n`,
    )
    await bed.records()
    const everything = bed.lines.join('') + (await scrape())
    for (const planted of [secret, basic, verifier]) assert.ok(!everything.includes(planted))
  })

  test('truncates a client id that is too long and escapes terminal control characters', () => {
    const sent = `\u001b[31m\u007f\u009b"\\\n\u2028é${'x'.repeat(400)}`
    const members = decisionMembers({ ...OUTCOME, clientId: sent }, 1)
    assert.ok([...members].every((character) => /[^\p{Cc}\p{Zl}]/u.test(character)))
    assert.equal((JSON.parse(`{"level":"info"${members}}`) as { client_id: string }).client_id, sent.slice(0, 255))
  })

  test('has every member in every line, null if unknown', () => {
    assert.deepEqual(JSON.parse(`{"level":"info"${decisionMembers(OUTCOME, 'no_application')}}`), {
      level: 'info',
      correlation_id: 'c',
      method: 'GET',
      path: '/oauth/token',
      endpoint: 'token',
      client_id: null,
      application_id: null,
      destination: 'rejected',
      reason: 'body_too_large',
      flag_version: null,
      status: 413,
      duration_ms: 1.235,
      msg: 'iamproxy: routing decision',
    })
  })
})

describe('metrics', () => {
  const has = async (line: string) =>
    assert.ok(
      (await scrape()).split('\n').some((found) => found.startsWith(line)),
      line,
    )

  test('count requests, time, grants and OAuth errors under the documented names', async () => {
    iam.answer = (_request, response) => {
      response.setHeader('Content-Type', 'application/json; charset=utf-8')
      response.end('{"access_token":"gliamat-x","token_type":"Bearer"}')
    }
    legacy.answer = (_request, response) => {
      response.writeHead(400, { 'Content-Type': 'application/json' })
      response.write('{"error":')
      setTimeout(() => response.end('"invalid_grant"}'), 5)
    }
    await text('/oauth/token', { method: 'POST', headers: FORM, body: 'grant_type=client_credentials&client_id=moved' })
    await text('/oauth/token', {
      method: 'POST',
      headers: FORM,
      body: 'grant_type=authorization_code&code=x&client_id=moved',
    })
    await text('/elsewhere')
    await has('handover_gateway_requests_total{endpoint="token",destination="iam",reason="flag_enabled",code="200"} 1')
    await has(
      'handover_gateway_requests_total{endpoint="token",destination="rails",reason="credential_unknown",code="400"} 1',
    )
    await has('handover_gateway_requests_total{endpoint="other",destination="rails",reason="not_routed",code="400"} 1')
    await has('handover_gateway_oauth_errors_total{endpoint="token",destination="rails",error="invalid_grant"} 1')
    await has('handover_oauth_application_auth_total{destination="iam"} 1')
    await has('handover_oauth_application_auth_total{destination="rails"} 0')
    await has('handover_gateway_request_duration_seconds_bucket{endpoint="token",destination="iam",le="+Inf"} ')
    await has('handover_gateway_request_duration_seconds_count{endpoint="token",destination="iam"} ')
    await has('handover_gateway_iam_circuit_open 0')
    await has('handover_snapshot_version 7')
    await has('handover_snapshot_age_seconds ')
    await has('process_cpu_seconds_total ')
  })

  test('an unknown error code counts as other, so that no client can invent labels', async () => {
    legacy.answer = (_request, response) =>
      void response.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"made_up_42"}')
    await text('/oauth/revoke', { method: 'POST', headers: FORM, body: 'token=x' })
    await has('handover_gateway_oauth_errors_total{endpoint="revoke",destination="rails",error="other"} 1')
  })

  test('a response too large to inspect passes unchanged and uncounted', async () => {
    const large = JSON.stringify({ error: 'invalid_request', pad: 'x'.repeat(40_000) })
    legacy.answer = (_request, response) =>
      void response.writeHead(400, { 'Content-Type': 'application/json' }).end(large)
    assert.equal(await text('/oauth/introspect', { method: 'POST', headers: FORM, body: 'client_id=staying' }), large)
    assert.doesNotMatch(
      await scrape(),
      /oauth_errors_total\{endpoint="introspect",destination="rails",error="invalid_request"/,
    )
  })
})

describe('the admin port', () => {
  test('reports health and readiness', async () => {
    const alive = await fetch(`${gateway.adminUrl}/healthz`)
    assert.deepEqual([alive.status, await alive.json()], [200, { status: 'ok', brake: 'off', brake_held_by: [] }])
    const ready = await fetch(`${gateway.adminUrl}/readyz`)
    assert.equal(ready.status, 200)
    const state = (await ready.json()) as Record<string, unknown>
    assert.deepEqual([state['status'], state['routing'], state['brake']], ['ready', 'available', 'off'])
  })

  test('answers nothing else, and only the methods it knows', async () => {
    assert.equal((await fetch(`${gateway.adminUrl}/oauth/token`)).status, 404)
    const answer = await fetch(`${gateway.adminUrl}/brake`, { method: 'DELETE' })
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'GET, PUT'])
  })
})

describe('the brake', () => {
  const reason = async (path = '/oauth/authorize?client_id=moved', options: RequestInit = {}) => {
    await text(path, options)
    return (await bed.records('decisions')).at(-1)?.['reason']
  }
  const pull = (body: string) => fetch(`${gateway.adminUrl}/brake`, { method: 'PUT', body })

  test('set through the admin port keeps all new flows on legacy, and lets flows of IAM continue', async () => {
    assert.deepEqual(await (await pull('on')).json(), { brake: 'on', held_by: ['switch'] })
    assert.equal(await reason(), 'brake')
    const refresh = { method: 'POST', headers: FORM, body: 'grant_type=refresh_token&refresh_token=gliamrt-1' }
    assert.equal(await reason('/oauth/token', refresh), 'credential_issuer')
    assert.match(await scrape(), /\nhandover_gateway_brake_on 1\n/)
    await pull('{"brake":"off"}')
    assert.equal(await reason(), 'flag_enabled')
  })

  test('set through the admin port requires an unambiguous value', async () => {
    for (const body of ['', 'yes', '{}', '[]', 'null']) assert.equal((await pull(body)).status, 400, body)
  })

  test('held by a file is on while the file exists, whatever the switch says', async () => {
    await writeFile(brakeFile, '')
    await until(async () => (await reason()) === 'brake')
    assert.deepEqual(await (await pull('off')).json(), { brake: 'on', held_by: ['file'] })
    await rm(brakeFile)
    await until(async () => (await reason()) === 'flag_enabled')
  })

  test('set by a signal', async () => {
    const own = await startGatewayProcess({ legacyUrl: legacy.url, iamUrl: iam.url, signals: true })
    const brake = async () => ((await (await fetch(`${own.adminUrl}/brake`)).json()) as { brake: string }).brake
    process.kill(own.pid, 'SIGUSR2')
    await until(async () => (await brake()) === 'on')
    process.kill(own.pid, 'SIGUSR1')
    await until(async () => (await brake()) === 'off')
    own.stop()
  })

  test('that is on at startup applies from the first request', async () => {
    await writeFile(brakeFile, '')
    const front = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, brakeFile })
    await (await fetch(`${front.url}/oauth/authorize?client_id=moved`)).text()
    assert.equal((await bed.records('decisions')).at(-1)?.['reason'], 'brake')
    await rm(brakeFile)
  })
})
