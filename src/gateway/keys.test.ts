import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { RunningGateway } from './gateway.ts'
import { Bed, deadUrl, type Side } from './test-bed.ts'

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

test('another origin is answered as legacy answers it', async () => {
  const answer = await fetch(gateway.url + PATH, { headers: { origin: 'https://app.example' } })
  assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  await answer.text()
})

test('each side is asked once a minute, however many ask at once', async () => {
  await Promise.all(Array.from({ length: 20 }, async () => kids(await fetch(gateway.url + PATH))))
  assert.deepEqual([legacy.received.length, iam.received.length], [1, 1])
})

test('a client that has the set already is told so', async () => {
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

test('while IAM has not been reached yet, legacy’s keys stand alone', async () => {
  for (const iamUrl of [await deadUrl(), await bed.rawSide((socket) => void socket.resume())]) {
    const front = await bed.gateway({ legacyUrl: legacy.url, iamUrl, limits: { keysMs: 100 } })
    assert.deepEqual(await kids(await fetch(front.url + PATH)), ['l1', 'both'])
  }
})

test('an IAM that answers no key set adds nothing', async () => {
  for (const text of ['[]', '{"keys":{}}', 'null', '<html>', `{"keys":["${'x'.repeat(300_000)}"]}`]) {
    iam.answer = (_request, response) => void response.end(text)
    const front = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url })
    assert.deepEqual(await kids(await fetch(front.url + PATH)), ['l1', 'both'], text.slice(0, 20))
  }
})

test('while legacy’s keys are not known, legacy answers for itself', async () => {
  legacy.answer = (_request, response) => void response.writeHead(503).end('down')
  const answer = await fetch(gateway.url + PATH)
  assert.deepEqual([answer.status, await answer.text()], [503, 'down'])
})

test('a preflight is legacy’s', async () => {
  const answer = await fetch(gateway.url + PATH, { method: 'OPTIONS' })
  assert.deepEqual(await kids(answer), ['l1', 'both'])
})
