import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { issueVerifier } from '../../credentials/index.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, exchangeBytes, FORM, type Side, until } from '../testing/test-bed.ts'

const verifierKey = randomBytes(32)
let bed: Bed
let legacy: Side
let iam: Side
let gateway: RunningGateway

before(async () => {
  bed = await Bed.make()
  ;({ legacy, iam, gateway } = await bed.whole({ verifierKey, extraIamPrefixes: ['corp-at-'] }))
})
after(() => bed.end())
beforeEach(() => {
  legacy.received.length = 0
  iam.received.length = 0
})

async function sideOf(path: string, options: RequestInit = {}): Promise<string> {
  const answer = await fetch(gateway.url + path, { redirect: 'manual', ...options })
  return ((await answer.json()) as { side: string }).side
}
/** The requests that reached either side, without the gateway's own health probes of IAM. */
const forwarded = () => [...legacy.received, ...iam.received].map(({ url }) => url).filter((url) => url !== '/readyz')
const post = (body: string, headers: Record<string, string> = FORM): RequestInit => ({ method: 'POST', body, headers })

test('an authorization request goes to IAM if its application has moved, to legacy if not', async () => {
  assert.equal(await sideOf('/oauth/authorize?client_id=moved&response_type=code'), 'iam')
  assert.equal(await sideOf('/oauth/authorize?client_id=staying&response_type=code'), 'legacy')
})

test('a client credentials request is routed by its client, in form, JSON and Basic', async () => {
  assert.equal(await sideOf('/oauth/token', post('grant_type=client_credentials&client_id=moved')), 'iam')
  const json = JSON.stringify({ grant_type: 'client_credentials', client_id: 'moved' })
  assert.equal(await sideOf('/oauth/token', post(json, { 'content-type': 'application/json' })), 'iam')
  const basic = { ...FORM, authorization: `Basic ${Buffer.from('moved:secret').toString('base64')}` }
  assert.equal(await sideOf('/oauth/token', post('grant_type=client_credentials', basic)), 'iam')
})

test('an application that is not yet in IAM stays on legacy even if its flag is on', async () => {
  assert.equal(await sideOf('/oauth/authorize?client_id=not-replicated'), 'legacy')
  assert.equal((await bed.records('decisions')).at(-1)?.['reason'], 'application_not_arrived')
})

test('a code is redeemed at the side that issued it, regardless of the flag', async () => {
  const redeem = (client: string, code: string) =>
    post(`grant_type=authorization_code&client_id=${client}&code=${code}`)
  assert.equal(await sideOf('/oauth/token', redeem('staying', 'gliamac-abc')), 'iam')
  assert.equal(await sideOf('/oauth/token', redeem('moved', 'abc')), 'legacy')
})

test('a refresh token with a configured prefix belongs to IAM', async () => {
  assert.equal(await sideOf('/oauth/token', post('grant_type=refresh_token&refresh_token=corp-at-1')), 'iam')
})

test('a genuine verifier goes to IAM, a forged or expired one is ignored', async () => {
  const now = Date.now() / 1_000
  const genuine = issueVerifier('login', verifierKey, now + 60)
  const expired = issueVerifier('login', verifierKey, now - 600)
  assert.equal(await sideOf(`/oauth/authorize?client_id=staying&login_verifier=${genuine}`), 'iam')
  assert.equal(await sideOf(`/oauth/authorize?client_id=staying&login_verifier=${expired}`), 'legacy')
  assert.equal(await sideOf(`/oauth/authorize?client_id=staying&login_verifier=${'0'.repeat(64)}`), 'legacy')
})

test('other spellings of an endpoint do not bypass the routing', async () => {
  for (const path of [
    '/oauth/authorize.json',
    '/oauth/authorize/',
    '/o/acme/oauth/authorize',
    '/oauth//authorize',
    '/oauth/%61uthorize',
  ]) {
    assert.equal(await sideOf(`${path}?client_id=moved`), 'iam', path)
  }
})

test('IAM receives the path without the organization, legacy the path as sent', async () => {
  await sideOf('/o/acme/oauth/authorize?client_id=moved&x=%2F')
  await sideOf('/o/acme/oauth/authorize?client_id=staying&x=%2F')
  assert.equal(iam.received[0]?.url, '/oauth/authorize?client_id=moved&x=%2F')
  assert.equal(legacy.received[0]?.url, '/o/acme/oauth/authorize?client_id=staying&x=%2F')
})

test('IAM receives the plain path of the endpoint, however the client spelled it', async () => {
  const spellings = ['/oauth//authorize', '/oauth/%61uthorize/', '/oauth/authorize.%2f%252e%252e%2fadmin']
  for (const path of spellings) assert.equal(await sideOf(`${path}?client_id=moved`), 'iam', path)
  assert.deepEqual(new Set(iam.received.map(({ url }) => url)), new Set(['/oauth/authorize?client_id=moved']))
})

test('the device page belongs to the monolith, whatever client or path below it a request names', async () => {
  const paths = [
    '/oauth/device',
    '/oauth/device/',
    '/oauth/device.json',
    '/oauth/device/confirm',
    '/oauth/device/%2e%2e/admin',
    '/oauth/device/..%2f..%2fadmin',
    '/oauth/device/..;/admin',
    '/oauth/device/%252e%252e/admin',
    '/o/acme/oauth/device/..%5cadmin',
  ]
  const { hostname, port } = new URL(gateway.url)
  for (const path of paths) {
    for (const head of [`GET ${path}?client_id=moved HTTP/1.1`, `HEAD ${path}?client_id=moved HTTP/1.1`]) {
      await exchangeBytes(gateway.url, `${head}\r\nHost: ${hostname}:${port}\r\nConnection: close\r\n\r\n`)
    }
    assert.equal(legacy.received.at(-1)?.url, `${path}?client_id=moved`)
  }
  assert.equal(legacy.received.length, paths.length * 2)
  assert.deepEqual(iam.received, [])
})

test('everything else goes to legacy', async () => {
  for (const path of [
    '/',
    '/users/sign_in?client_id=moved',
    '/oauth/applications?client_id=moved',
    '/oauth/authorizeX?client_id=moved',
  ]) {
    assert.equal(await sideOf(path), 'legacy', path)
  }
})

test('discovery documents come from legacy', async () => {
  assert.equal(await sideOf('/.well-known/openid-configuration?client_id=moved'), 'legacy')
})

test('a body reaches either side byte for byte, with its length', async () => {
  const junk = randomBytes(5_000)
  const bodies = [
    Buffer.concat([
      Buffer.from('grant_type=client_credentials&client_id=moved&junk='),
      Buffer.from(junk.toString('hex')),
    ]),
    Buffer.concat([Buffer.from('client_id=staying&junk='), junk]),
  ]
  for (const body of bodies) await fetch(`${gateway.url}/oauth/token`, { method: 'POST', body, headers: FORM })
  assert.deepEqual(iam.received[0]?.body, bodies[0])
  assert.equal(iam.received[0]?.headers['content-length'], String(bodies[0]?.length))
  assert.deepEqual(legacy.received[0]?.body, bodies[1])
})

test('a chunked body to an endpoint is forwarded complete, with its length', async () => {
  const bytes =
    'POST /oauth/token HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n' +
    'Content-Type: application/x-www-form-urlencoded\r\n\r\n' +
    '10\r\nclient_id=moved&\r\n1d\r\ngrant_type=client_credentials\r\n0\r\n\r\n'
  assert.match(await exchangeBytes(gateway.url, bytes), /^HTTP\/1\.1 200 /)
  assert.equal(iam.received[0]?.body.toString(), 'client_id=moved&grant_type=client_credentials')
  assert.equal(iam.received[0]?.headers['content-length'], '45')
  assert.equal(iam.received[0]?.headers['transfer-encoding'], undefined)
})

test('bad input never reaches IAM and never harms the gateway', async () => {
  const form = 'grant_type=client_credentials&client_id=moved'
  const cases: Array<[string, RequestInit]> = [
    ['/oauth/authorize?client_id=moved&client_id=moved', {}],
    ['/oauth/authorize?client_id=moved&client_id=staying', {}],
    ['/oauth/authorize?client_id=%ff', {}],
    ['/oauth/authorize?client_id=moved&x=%zz', {}],
    ['/oauth/authorize?client_id=moved%00', {}],
    [`/oauth/authorize?client_id=${'m'.repeat(256)}`, {}],
    ['/oauth/authorize?client_id[]=moved', {}],
    ['/oauth/token?client_id=staying', post(form)],
    ['/oauth/token', post(`${form}&client_id=moved`)],
    ['/oauth/token', post(`${form}&x=%`)],
    ['/oauth/token', { method: 'POST', body: Buffer.from(`${form}&x=\xff`, 'latin1'), headers: FORM }],
    ['/oauth/token', { method: 'POST', body: Buffer.from(`${form}\0&a=1`), headers: FORM }],
    ['/oauth/token', post('["moved"]', { 'content-type': 'application/json' })],
    ['/oauth/token', post('{"client_id":["moved"]}', { 'content-type': 'application/json' })],
    ['/oauth/token', post('{"client_id":{"a":"moved"}}', { 'content-type': 'application/json' })],
    ['/oauth/token', post('{"client_id":"moved","client_id":"moved"}', { 'content-type': 'application/json' })],
    ['/oauth/token', post('{"client_id":"mov', { 'content-type': 'application/json' })],
    ['/oauth/token', post(form, { ...FORM, authorization: `Basic ${Buffer.from('staying:x').toString('base64')}` })],
  ]
  for (const [path, options] of cases) {
    assert.equal(await sideOf(path, options), 'legacy', `${path} ${String(options.body)}`)
  }
  assert.equal(iam.received.length, 0)
})

test('a request with too many or too deeply nested parameters is refused, reaches neither side and counts as no failure of either', async () => {
  const json = (body: string) => post(body, { 'content-type': 'application/json' })
  const cases: Array<[string, RequestInit]> = [
    [`/oauth/authorize?client_id=moved${'&'.repeat(4_100)}`, {}],
    [`/oauth/authorize?client_id=moved${'&;'.repeat(2_050)}`, {}],
    [`/oauth/authorize?client_id=staying${'&'.repeat(4_100)}`, {}],
    ['/oauth/token', post(`client_id=moved&client_id=staying&${'a&'.repeat(500_000)}`)],
    ['/oauth/token', post(`grant_type=refresh_token&refresh_token=gliamrt-x${'&'.repeat(4_100)}`)],
    ['/oauth/token', json('['.repeat(1 << 20))],
    ['/oauth/introspect', json(`{"token":"gliamat-x","x":[0${',0'.repeat(5_000)}]}`)],
  ]
  for (const [path, options] of cases) {
    const answer = await fetch(gateway.url + path, { redirect: 'manual', ...options })
    assert.equal(answer.status, 400)
    assert.equal(((await answer.json()) as { error: string }).error, 'invalid_request')
  }
  const page = await fetch(`${gateway.url}/oauth/authorize?${'&'.repeat(4_100)}`, { headers: { accept: 'text/html' } })
  assert.deepEqual([page.status, page.headers.get('content-type')], [400, 'text/html; charset=utf-8'])
  assert.deepEqual(forwarded(), [])
  const records = await bed.records('decisions')
  const { destination, reason, status } = records.at(-1) ?? {}
  assert.deepEqual([destination, reason, status], ['rejected', 'malformed_request', 400])
})

test('a body over the limit is refused with an OAuth error, whether announced or not, and nothing is forwarded', async () => {
  const head = 'POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n'
  const announced = await exchangeBytes(gateway.url, `${head}Content-Length: ${(1 << 20) + 1}\r\n\r\nclient_id=moved`)
  const chunk = `10000\r\n${'a'.repeat(0x10000)}\r\n`
  const chunked = await exchangeBytes(
    gateway.url,
    `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}0\r\n\r\n`,
  )
  for (const answer of [announced, chunked]) {
    assert.match(answer, /^HTTP\/1\.1 413 /)
    assert.match(answer, /Connection: close/i)
    assert.match(answer, /\r\n\r\n\{"error":"invalid_request","error_description":"[^"]+"\}$/)
  }
  assert.deepEqual(forwarded(), [])
  const records = await bed.records('decisions')
  const last = records.at(-1)
  assert.deepEqual([last?.['destination'], last?.['reason'], last?.['status']], ['rejected', 'body_too_large', 413])
})

test('a body of exactly the limit is accepted', async () => {
  const body = 'client_id=moved&grant_type=client_credentials&a='.padEnd(1 << 20, 'b')
  assert.equal(await sideOf('/oauth/token', post(body)), 'iam')
})

test('a body that the client cuts short is not forwarded', async () => {
  const head = 'POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n'
  const cutShort = async () => (await bed.records('decisions')).filter(({ status }) => status === 499)
  const before = (await cutShort()).length
  await exchangeBytes(gateway.url, `${head}Content-Length: 100\r\n\r\nclient_id=moved`, 100)
  await exchangeBytes(gateway.url, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nclien`, 100)
  await until(async () => (await cutShort()).length === before + 2)
  assert.deepEqual(
    (await cutShort()).slice(before).map(({ destination }) => destination),
    ['rejected', 'rejected'],
  )
  assert.deepEqual(forwarded(), [])
})

test('a body that arrives too slowly is refused', async () => {
  const slow = await bed.whole({ limits: { requestBodyMs: 80 } })
  const answer = await exchangeBytes(
    slow.gateway.url,
    'POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nclient_id=moved',
    1_500,
  )
  assert.match(answer, /^HTTP\/1\.1 408 /)
  assert.equal(slow.legacy.received.length + slow.iam.received.length, 0)
})
