import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM, ndjson, replaceFile, type Side, snapshotLines } from '../testing/test-bed.ts'
import { flowTurn } from './flow-cookie.ts'

const CLIENT = 'staying'
const CALLBACK = 'https://client.example/back'
const flowKey = randomBytes(32)
let bed: Bed
let legacy: Side
let iam: Side
/** Two gateways over the same sides; the flag is on for the second. They share only a key. */
let off: RunningGateway
let on: RunningGateway

before(async () => {
  bed = await Bed.make()
  ;({ legacy, iam, gateway: off } = await bed.whole({ flowKey }))
  const path = join(bed.directory, 'flag-on.ndjson')
  await replaceFile(path, ndjson(snapshotLines({ actors: ['Authn::OauthApplication:2'] })))
  const source = { kind: 'file', path, environment: 'production' } as const
  on = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, flowKey, source })
})
after(() => bed.end())
beforeEach(() => {
  for (const side of [legacy, iam]) {
    side.received.length = 0
    side.answer = consentPage
  }
})

const consentPage: Side['answer'] = (_request, response) => {
  response.setHeader('Content-Type', 'text/html')
  response.end('<form>')
}
const redirectTo =
  (location: string): Side['answer'] =>
  (_request, response) => {
    response.writeHead(302, { location }).end()
  }

/** A browser that handles only the gateway's cookies. */
class Browser {
  readonly cookies = new Map<string, string>()

  async send(gateway: RunningGateway, path: string, options: RequestInit = {}): Promise<Response> {
    const headers = new Headers(options.headers)
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    if (cookie !== '') headers.set('cookie', cookie)
    const answer = await fetch(gateway.url + path, { redirect: 'manual', ...options, headers })
    await answer.arrayBuffer()
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ')
      const [name = '', value = ''] = pair.split('=')
      if (attributes.includes('Max-Age=0')) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return answer
  }

  /** The side that a request reached. */
  async reach(gateway: RunningGateway, path: string, options: RequestInit = {}): Promise<string> {
    const before = [legacy.received.length, iam.received.length]
    await this.send(gateway, path, options)
    const more = [legacy.received.length, iam.received.length].map((count, at) => count - (before[at] ?? 0))
    return more[0] === 1 && more[1] === 0 ? 'legacy' : more[1] === 1 && more[0] === 0 ? 'iam' : `${more}`
  }
}

const authorize = (state: string, client = CLIENT) =>
  `/oauth/authorize?response_type=code&client_id=${client}&redirect_uri=${encodeURIComponent(CALLBACK)}&state=${state}`
const form = (state: string, more: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: FORM,
  body: new URLSearchParams({ client_id: CLIENT, redirect_uri: CALLBACK, state, scope: 'api', ...more }).toString(),
})

describe('a flow that began on legacy while the flag was off stays there after the flip', () => {
  const rows: Array<[string, string, RequestInit]> = [
    ['the consent form, without any form token', '/oauth/authorize', form('s1')],
    ['a denial', '/oauth/authorize', form('s1', { _method: 'delete' })],
    ['a denial by DELETE', authorize('s1'), { method: 'DELETE' }],
    [
      'a form in JSON',
      '/oauth/authorize',
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ client_id: CLIENT, redirect_uri: CALLBACK, state: 's1' }),
      },
    ],
    ['the page again: back button, reload', authorize('s1'), {}],
    ['its way back from the sign-in page, with parameters in another order', `${authorize('s1')}&scope=api`, {}],
  ]
  for (const [what, path, options] of rows) {
    test(what, async () => {
      const browser = new Browser()
      assert.equal(await browser.reach(off, authorize('s1')), 'legacy')
      assert.equal(await browser.reach(on, path, options), 'legacy')
      const record = (await bed.records('decisions')).at(-1)
      assert.deepEqual([record?.['destination'], record?.['reason']], ['rails', 'flow_affinity'])
    })
  }

  test('a flow also stays when its first response redirects to the sign-in page, relative or absolute', async () => {
    for (const location of ['/users/sign_in', `${off.url}/users/sign_in`]) {
      legacy.answer = redirectTo(location)
      const browser = new Browser()
      await browser.send(off, authorize('s1'))
      assert.equal(await browser.reach(on, authorize('s1')), 'legacy')
    }
  })
})

test('two tabs and two applications of one browser do not disturb each other', async () => {
  const browser = new Browser()
  await browser.send(off, authorize('tab-1'))
  assert.equal(await browser.reach(on, authorize('tab-2')), 'iam')
  assert.equal(await browser.reach(on, authorize('tab-1', 'moved')), 'legacy', 'not switched on there')
  assert.equal(await browser.reach(on, '/oauth/authorize', form('tab-1')), 'legacy')
  assert.equal(await browser.reach(on, authorize('tab-2')), 'iam')
})

test('a flow that has ended is forgotten: the next one follows the flag', async () => {
  for (const location of [`${CALLBACK}?code=abc`, '/oauth/authorize/native?code=abc', '//elsewhere.example/']) {
    const browser = new Browser()
    await browser.send(off, authorize('s1'))
    legacy.answer = redirectTo(location)
    assert.equal(await browser.reach(on, '/oauth/authorize', form('s1')), 'legacy')
    assert.deepEqual([...browser.cookies], [])
    assert.equal(await browser.reach(on, authorize('s1')), 'iam')
    legacy.answer = consentPage
  }
})

test('a flow that legacy took over from a failing IAM stays with legacy', async () => {
  iam.answer = (_request, response) => response.writeHead(500).end()
  const browser = new Browser()
  await browser.send(on, authorize('s1'))
  assert.equal(legacy.received.length, 1)
  iam.answer = consentPage
  assert.equal(await browser.reach(on, '/oauth/authorize', form('s1')), 'legacy')
})

test('no mark is set for errors, for flows that end at once, for IAM and for other endpoints', async () => {
  const browser = new Browser()
  legacy.answer = (_request, response) => response.writeHead(401).end()
  await browser.send(off, authorize('s1'))
  legacy.answer = redirectTo(`${CALLBACK}?code=abc`)
  await browser.send(off, authorize('s1'))
  legacy.answer = consentPage
  await browser.send(on, authorize('s1'))
  await browser.send(off, '/oauth/token', form('s1'))
  await browser.send(off, '/oauth/authorize?response_type=code')
  await browser.send(off, `${authorize('s1')}&state=s2`)
  assert.deepEqual([...browser.cookies], [])
})

test('the flows of an IAM with its own pages are marked if so configured', async () => {
  const own = { legacyUrl: legacy.url, iamUrl: iam.url, flowKey, marksIamFlows: true }
  const moved = await bed.gateway(own)
  const browser = new Browser()
  assert.equal(await browser.reach(moved, authorize('s1', 'moved')), 'iam')
  const answer = form('s1', { client_id: 'moved', authenticity_token: 'x' })
  assert.equal(await browser.reach(on, '/oauth/authorize', answer), 'iam')
})

test('the cookie is sent to OAuth pages only, scripts cannot read it, and neither side sees it', async () => {
  const answer = await fetch(off.url + authorize('s1'), { redirect: 'manual' })
  const [line = ''] = answer.headers.getSetCookie()
  assert.match(
    line,
    /^_handover_flow_[0-7]=l[0-9a-z]+\.[A-Za-z0-9_-]{22}; Path=\/oauth; Max-Age=86400; HttpOnly; SameSite=Lax$/,
  )
  const cookie = `_session=1; ${line.split(';')[0]}; _iam_x=2`
  await fetch(off.url + authorize('s1'), { headers: { cookie } })
  await fetch(on.url + authorize('s2'), { headers: { cookie } })
  assert.equal(legacy.received.at(-1)?.headers.cookie, '_session=1')
  assert.equal(iam.received.at(-1)?.headers.cookie, '_iam_x=2')
})

test('behind a proxy that terminates TLS the cookie is Secure', async () => {
  const behind = await bed.gateway({
    ...{ legacyUrl: legacy.url, iamUrl: iam.url, flowKey },
    trustedProxies: ['127.0.0.1'],
  })
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'platform.example' }
  const answer = await fetch(behind.url + authorize('s1'), { headers })
  assert.match(answer.headers.getSetCookie()[0] ?? '', /; Secure$/)
})

test('a cookie that an upstream sets under a name of the gateway is dropped', async () => {
  legacy.answer = (_request, response) => {
    response.setHeader('Set-Cookie', ['_handover_flow_0=forged', 'a=b'])
    response.writeHead(400).end()
  }
  const answer = await fetch(off.url + authorize('s1'))
  assert.deepEqual(answer.headers.getSetCookie(), ['a=b'])
})

test('a response tells whether its flow continues or has ended', () => {
  const origin = () => 'https://platform.example'
  const rows: Array<[string, number, string | undefined, string]> = [
    ['GET', 200, undefined, 'goes_on'],
    ['GET', 302, '/users/sign_in', 'goes_on'],
    ['GET', 302, 'https://platform.example/users/sign_in', 'goes_on'],
    ['GET', 302, 'https://platform.example.evil/users/sign_in', 'over'],
    ['GET', 302, '/\\evil.example', 'over'],
    ['GET', 302, 'https://platform.example/oauth/authorize/native?code=a', 'over'],
    ['GET', 302, 'com.example.app:/back?code=a', 'over'],
    ['GET', 401, undefined, 'nothing'],
    ['POST', 302, `${CALLBACK}?code=a`, 'over'],
    ['POST', 302, '/users/sign_in', 'nothing'],
    ['POST', 422, undefined, 'nothing'],
  ]
  for (const [method, status, location, turn] of rows) {
    assert.equal(flowTurn(method, status, location, origin), turn, `${method} ${status} ${location}`)
  }
})
