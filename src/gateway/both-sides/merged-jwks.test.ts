import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { eventually } from '../../../test/support/wait.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, deadUrl, FORM, type Side } from '../testing/test-bed.ts'

const PATH = '/oauth/discovery/keys'
let bed: Bed
let legacy: Side
let iam: Side
let gateway: RunningGateway

before(async () => {
  bed = await Bed.make()
})
after(() => bed.end())
beforeEach(async () => {
  ;({ legacy, iam, gateway } = await bed.whole({ limits: { keysMs: 200 } }))
  legacy.answer = (request, response) => {
    if (request.headers.origin) response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Cache-Control', 'max-age=0, private, must-revalidate')
    response.setHeader('Content-Type', 'application/json; charset=utf-8')
    response.setHeader('X-Frame-Options', 'SAMEORIGIN')
    response.setHeader('Set-Cookie', 'a=1')
    response.end('{"keys":[{"kid":"l1"},{"kid":"both"}]}')
  }
  iam.answer = (_request, response) => void response.end('{"keys":[{"kid":"both"},{"kid":"i1"}]}')
})

async function kids(answer: Response): Promise<string[]> {
  return ((await answer.json()) as { keys: Array<{ kid: string }> }).keys.map((key) => key.kid)
}

test('the keys of both sides are one set, under legacy’s headers', async () => {
  const answer = await fetch(gateway.url + PATH)
  assert.deepEqual(await kids(answer), ['l1', 'both', 'i1'])
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
  assert.equal(answer.headers.get('cache-control'), 'max-age=0, private, must-revalidate')
  assert.equal(answer.headers.get('x-frame-options'), 'SAMEORIGIN')
  assert.equal(answer.headers.get('set-cookie'), null)
  assert.equal(answer.headers.get('access-control-allow-origin'), null)
})

test('another origin gets the CORS headers that legacy would send', async () => {
  const answer = await fetch(gateway.url + PATH, { headers: { origin: 'https://app.example' } })
  assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  await answer.text()
})

test('each side is queried once a minute, regardless of the number of concurrent requests', async () => {
  await Promise.all(Array.from({ length: 20 }, async () => kids(await fetch(gateway.url + PATH))))
  assert.deepEqual([legacy.received.length, iam.received.length], [1, 1])
})

test('a client that already has the set gets a 304', async () => {
  const first = await fetch(gateway.url + PATH)
  await first.text()
  const tag = first.headers.get('etag') ?? ''
  const second = await fetch(gateway.url + PATH, { headers: { 'if-none-match': tag } })
  assert.deepEqual([second.status, second.headers.get('etag'), await second.text()], [304, tag, ''])
  assert.equal(second.headers.get('content-type'), null)
})

test('HEAD has the same head and no body', async () => {
  const answer = await fetch(gateway.url + PATH, { method: 'HEAD' })
  assert.deepEqual([answer.status, await answer.text()], [200, ''])
  assert.ok(Number(answer.headers.get('content-length')) > 0)
})

test('while IAM has not been reached yet, the set holds legacy’s keys only', async () => {
  for (const iamUrl of [await deadUrl(), await bed.rawSide((socket) => void socket.resume())]) {
    const front = await bed.gateway({ legacyUrl: legacy.url, iamUrl, limits: { keysMs: 100 } })
    const answer = await fetch(front.url + PATH)
    assert.equal(answer.headers.get('cache-control'), 'no-store', 'half a set is not to be kept')
    assert.deepEqual(await kids(answer), ['l1', 'both'])
  }
})

test('keys are fetched at startup, before any client requests them', async () => {
  const front = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, keysAheadMs: 0 })
  await eventually('both sides are asked', () => legacy.received.length === 1 && iam.received.length === 1)
  assert.deepEqual(await kids(await fetch(front.url + PATH)), ['l1', 'both', 'i1'])
  assert.deepEqual([legacy.received.length, iam.received.length], [1, 1])
})

test('an IAM that failed to return its keys is queried again as soon as it has signed something', async () => {
  const answering = iam.answer
  iam.answer = (_request, response) => void response.writeHead(500).end()
  assert.deepEqual(await kids(await fetch(gateway.url + PATH)), ['l1', 'both'])
  iam.answer = answering
  await issue({ id_token: signed('i1') })
  assert.deepEqual(await kids(await fetch(gateway.url + PATH)), ['l1', 'both', 'i1', 'i2'])
})

test('an IAM without a valid key set adds nothing', async () => {
  for (const text of ['[]', '{"keys":{}}', 'null', '<html>', `{"keys":["${'x'.repeat(300_000)}"]}`]) {
    iam.answer = (_request, response) => void response.end(text)
    const front = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url })
    assert.deepEqual(await kids(await fetch(front.url + PATH)), ['l1', 'both'], text.slice(0, 20))
  }
})

test('while legacy’s keys are unknown, legacy answers for itself', async () => {
  legacy.answer = (_request, response) => void response.writeHead(503).end('down')
  const answer = await fetch(gateway.url + PATH)
  assert.deepEqual([answer.status, await answer.text()], [503, 'down'])
})

test('a preflight goes to legacy', async () => {
  const answer = await fetch(gateway.url + PATH, { method: 'OPTIONS' })
  assert.deepEqual(await kids(answer), ['l1', 'both'])
})

const signed = (kid: string) => `${Buffer.from(JSON.stringify({ alg: 'RS256', kid })).toString('base64url')}.e30.x`

async function issue(tokens: object): Promise<void> {
  iam.answer = (request, response) => {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(request.method === 'POST' ? tokens : { keys: [{ kid: 'i1' }, { kid: 'i2' }] }))
  }
  const body = 'grant_type=client_credentials&client_id=moved'
  await (await fetch(`${gateway.url}/oauth/token`, { method: 'POST', headers: FORM, body })).text()
}

test('a token with an unknown key triggers one fetch from its side, before the next response', async () => {
  for (const tokens of [{ id_token: signed('i2') }, { access_token: `gliamat-${signed('i2')}` }]) {
    ;({ legacy, iam, gateway } = await bed.whole({ limits: { keysMs: 200 } }))
    iam.answer = (_request, response) => void response.end('{"keys":[{"kid":"i1"}]}')
    legacy.answer = (_request, response) => void response.end('{"keys":[]}')
    await issue(tokens)
    assert.deepEqual(await kids(await fetch(gateway.url + PATH)), ['i1', 'i2'])
    const asked = () => iam.received.filter((request) => request.url === PATH).length
    assert.equal(asked(), 1)
    for (let at = 0; at < 20; at++) await issue({ id_token: signed(`made-up-${at}`) })
    assert.equal(asked(), 2, 'the next time is seconds away')
  }
})

test('a token with a known key, and a value that is not a token, trigger no fetch', async () => {
  await kids(await fetch(gateway.url + PATH))
  const before = iam.received.length
  await issue({ id_token: signed('i1'), access_token: 'eyJ.x.y', other: signed('unknown') })
  assert.equal(iam.received.length, before + 1)
})

test('a discovery document is reused while legacy cannot return one, for the same host and path only', async () => {
  const path = '/.well-known/openid-configuration'
  legacy.answer = ({ headers }, response) => {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify({ token_endpoint: `https://${headers.host}/oauth/token` }))
  }
  const first = await fetch(gateway.url + path)
  const text = await first.text()
  for (const down of [() => legacy.server.closeAllConnections(), () => {}]) {
    legacy.answer = (_request, response) => {
      down()
      response.writeHead(500).end('down')
    }
    const second = await fetch(gateway.url + path)
    assert.deepEqual([second.status, await second.text()], [200, text])
    assert.equal(second.headers.get('content-type'), 'application/json')
  }
  const other = await fetch(`${gateway.url}/.well-known/oauth-authorization-server`)
  assert.deepEqual([other.status, await other.text()], [500, 'down'])
  const localhost = gateway.url.replace('127.0.0.1', 'localhost')
  assert.equal((await fetch(localhost + path)).status, 500)
  assert.equal(iam.received.length, 0)
})
