import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { RunningGateway } from '../start.ts'
import { Bed, deadUrl, FORM, type Side, until } from '../testing/test-bed.ts'

const secret = randomBytes(32)
const VENDOR = 'application/vnd.gitlab-workhorse+json'
let bed: Bed
let legacy: Side
let iam: Side
let endpoint: Side
let gateway: RunningGateway

before(async () => {
  bed = await Bed.make()
  endpoint = await bed.side('endpoint')
  const source = { kind: 'endpoint', url: endpoint.url, secret } as const
  ;({ legacy, iam, gateway } = await bed.whole({ source, limits: { routingEndpointMs: 200 } }))
})
after(() => bed.end())
beforeEach(() => {
  endpoint.received.length = 0
  endpoint.answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': VENDOR }).end('{"destination":"iam"}')
  }
})

async function ask(
  path = '/oauth/authorize?client_id=c%26d',
  options: RequestInit = {},
): Promise<{ side: string; reason: unknown }> {
  const answer = await fetch(gateway.url + path, options)
  const { side } = (await answer.json()) as { side: string }
  return { side, reason: (await bed.records('decisions')).at(-1)?.['reason'] }
}

test('an endpoint that returns iam sends the client to IAM; one that returns rails, to legacy', async () => {
  assert.deepEqual(await ask(), { side: 'iam', reason: 'flag_enabled' })
  endpoint.answer = (_request, response) =>
    void response.writeHead(200, { 'Content-Type': VENDOR }).end('{"destination":"rails"}')
  assert.deepEqual(await ask(), { side: 'legacy', reason: 'flag_disabled' })
})

test("the call is signed, names the client in its query, and carries no data of the client's request", async () => {
  await ask('/oauth/authorize?client_id=c%26d', { headers: { cookie: 'a=1', authorization: 'Bearer t', 'x-own': '1' } })
  const [call] = endpoint.received
  assert.deepEqual([call?.method, call?.url, call?.body.length], ['POST', '/-/oauth/iam_routing?client_id=c%26d', 0])
  for (const name of ['cookie', 'authorization', 'x-own', 'x-forwarded-for'])
    assert.equal(call?.headers[name], undefined, name)
  const [header = '', payload = '', mac = ''] = String(call?.headers['gitlab-workhorse-api-request']).split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>
  assert.equal(read(header)['alg'], 'HS256')
  assert.equal(read(payload)['iss'], 'gitlab-workhorse')
  assert.ok(Math.abs(Number(read(payload)['iat']) - Date.now() / 1_000) < 10)
  assert.equal(mac, createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url'))
})

test('an address with a path is used as is', async () => {
  const source = { kind: 'endpoint', url: `${endpoint.url}/api/v4/internal/workhorse/oauth_routing`, secret } as const
  const other = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, source })
  await (await fetch(`${other.url}/oauth/authorize?client_id=a`)).text()
  assert.equal(endpoint.received[0]?.url, '/api/v4/internal/workhorse/oauth_routing?client_id=a')
})

test('it is queried only where the client decides', async () => {
  await ask('/oauth/authorize')
  await ask(`/oauth/authorize?client_id=${'c'.repeat(256)}`)
  await ask('/oauth/authorize?client_id=c&client_id=d')
  await ask('/oauth/token', {
    method: 'POST',
    headers: FORM,
    body: 'grant_type=refresh_token&refresh_token=gliamrt-1&client_id=c',
  })
  await ask('/users/sign_in?client_id=c')
  assert.equal(endpoint.received.length, 0)
})

describe('nothing but a well-formed iam response routes to IAM', () => {
  const answers: Record<string, { status?: number; type?: string; body: string; delayMs?: number }> = {
    'another content type': { type: 'application/json', body: '{"destination":"iam"}' },
    'a longer content type': { type: `${VENDOR}x`, body: '{"destination":"iam"}' },
    'another status': { status: 201, body: '{"destination":"iam"}' },
    'a refusal': { status: 403, body: '{"destination":"iam"}' },
    'a server error': { status: 500, body: '{"destination":"iam"}' },
    'no JSON': { body: 'iam' },
    'an array': { body: '["iam"]' },
    'another word': { body: '{"destination":"IAM"}' },
    'a list of words': { body: '{"destination":["iam"]}' },
    nothing: { body: '' },
    'too much': { body: `{"destination":"iam","x":"${'x'.repeat(40_000)}"}` },
    'an answer that is late': { body: '{"destination":"iam"}', delayMs: 400 },
  }
  for (const [name, { status = 200, type = VENDOR, body, delayMs = 0 }] of Object.entries(answers)) {
    test(name, async () => {
      const own = await bed.gateway({
        legacyUrl: legacy.url,
        iamUrl: iam.url,
        source: { kind: 'endpoint', url: endpoint.url, secret },
        limits: { routingEndpointMs: 200 },
      })
      endpoint.answer = (_request, response) =>
        void setTimeout(() => response.writeHead(status, { 'Content-Type': type }).end(body), delayMs)
      const answer = await fetch(`${own.url}/oauth/authorize?client_id=c`)
      assert.deepEqual(await answer.json(), { side: 'legacy' })
      assert.equal((await bed.records('decisions')).at(-1)?.['reason'], 'routing_unavailable')
      assert.ok((await bed.records()).some((record) => record['msg'] === 'the routing endpoint gave no decision'))
      await own.close()
    })
  }

  test('a redirect, which is not followed', async () => {
    endpoint.answer = (_request, response) => void response.writeHead(302, { Location: `${endpoint.url}/yes` }).end()
    assert.deepEqual(await ask(), { side: 'legacy', reason: 'routing_unavailable' })
    assert.equal(endpoint.received.length, 1)
  })

  test('an endpoint that is down; after consecutive failures and a failed probe it is no longer queried', async () => {
    const own = await bed.gateway({
      legacyUrl: legacy.url,
      iamUrl: iam.url,
      source: { kind: 'endpoint', url: await deadUrl(), secret },
    })
    for (let i = 0; i < 8; i++) {
      assert.deepEqual(await (await fetch(`${own.url}/oauth/authorize?client_id=c`)).json(), { side: 'legacy' })
    }
    await until(async () => (await bed.records()).some(isCircuitOpening))
  })
})

const isCircuitOpening = (record: Record<string, unknown>) =>
  record['upstream'] === 'routing endpoint' && record['msg'] === 'circuit opened'

describe('the circuit of the routing endpoint', () => {
  const start = () => {
    bed.lines.length = 0
    const source = { kind: 'endpoint', url: endpoint.url, secret } as const
    return bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, source, breaker: { openMs: 50, openMaxMs: 100 } })
  }
  const sideFor = async (own: RunningGateway, clientId: string) => {
    const body = JSON.stringify({ client_id: clientId })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${own.url}/oauth/authorize_device`, { method: 'POST', body, headers })
    return ((await answer.json()) as { side: string }).side
  }

  test('stays closed while an unknown client names client ids that the endpoint fails for', async () => {
    const own = await start()
    const healthy = endpoint.answer
    endpoint.answer = (request, response, message) => {
      if (request.url.includes('client_id=odd')) response.writeHead(500).end()
      else healthy(request, response, message)
    }
    for (let at = 0; at < 8; at++) assert.equal(await sideFor(own, `odd-${at}`), 'legacy')
    for (let at = 0; at < 8; at++) await sideFor(own, '\ud800')
    assert.equal(await sideFor(own, 'honest'), 'iam')
    assert.equal((await bed.records()).filter(isCircuitOpening).length, 0)
  })

  test('closes again without traffic', async () => {
    const own = await start()
    const healthy = endpoint.answer
    endpoint.answer = (_request, response) => void response.writeHead(502).end()
    for (let at = 0; at < 8; at++) await sideFor(own, 'honest')
    await until(async () => (await bed.records()).some(isCircuitOpening))
    endpoint.answer = healthy
    await until(async () => (await bed.records()).some((record) => record['msg'] === 'circuit closed'))
    assert.equal(await sideFor(own, 'honest'), 'iam')
  })
})
