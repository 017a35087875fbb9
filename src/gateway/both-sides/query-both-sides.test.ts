import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM, type Side } from '../testing/test-bed.ts'

let bed: Bed
let legacy: Side
let iam: Side
/** The default: IAM marks its credentials, so an unmarked one cannot be from IAM. */
let gateway: RunningGateway
/** In front of an IAM without marks: it may hold any unknown credential. */
let unsure: RunningGateway

const BREAKER = { windowMinimum: 1_000, consecutiveFailures: 1_000 }

before(async () => {
  bed = await Bed.make()
  const limits = { queryMs: 150, legacyHeadersMs: 400 }
  ;({ legacy, iam, gateway } = await bed.whole({ limits, breaker: BREAKER }))
  unsure = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, isIamUnmarked: true, limits, breaker: BREAKER })
})
after(() => bed.end())
beforeEach(() => {
  legacy.received.length = 0
  iam.received.length = 0
})

type Behaviour = (response: ServerResponse) => void
const json =
  (status: number, body: object): Behaviour =>
  (response) => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'X-Side': 'yes' }).end(JSON.stringify(body))
  }
const active = (of: string) => json(200, { active: true, of })
const inactive = (of: string) => json(200, { active: false, of })
const fails = json(500, { error: 'boom' })
const closes: Behaviour = (response) => void response.destroy()
const hangs: Behaviour = () => {}

interface Result {
  readonly status: number
  readonly json: Record<string, unknown>
  readonly headers: Headers
  readonly asked: readonly number[]
}

async function send(
  at: RunningGateway,
  behaviours: readonly [Behaviour, Behaviour],
  path: string,
  options: RequestInit,
): Promise<Result> {
  const [ofLegacy, ofIam] = behaviours
  legacy.answer = (_request, response) => ofLegacy(response)
  iam.answer = (_request, response) => ofIam(response)
  const answer = await fetch(at.url + path, options)
  const text = await answer.text()
  const asked = [legacy.received.length, iam.received.length]
  return { status: answer.status, json: text === '' ? {} : JSON.parse(text), headers: answer.headers, asked }
}

const tokenForm: RequestInit = { method: 'POST', headers: FORM, body: 'token=unmarked&client_id=a&client_secret=b' }
const introspect = (at: RunningGateway, ...behaviours: [Behaviour, Behaviour]) =>
  send(at, behaviours, '/oauth/introspect', tokenForm)
const revoke = (at: RunningGateway, ...behaviours: [Behaviour, Behaviour]) =>
  send(at, behaviours, '/oauth/revoke', tokenForm)

describe('introspection of a token of unknown issuer', () => {
  test('is active when legacy says so, and IAM is not queried', async () => {
    const { json: answer, asked, headers } = await introspect(gateway, active('legacy'), active('iam'))
    assert.deepEqual([answer['of'], asked, headers.get('x-side')], ['legacy', [1, 0], 'yes'])
  })

  test('is active when IAM says so', async () => {
    for (const ofLegacy of [inactive('legacy'), json(401, { error: 'invalid_token' }), fails, closes]) {
      legacy.received.length = iam.received.length = 0
      const { status, json: answer, asked } = await introspect(gateway, ofLegacy, active('iam'))
      assert.deepEqual([status, answer['of'], asked[1]], [200, 'iam', 1])
      const record = (await bed.records('decisions')).at(-1)
      assert.deepEqual([record?.['destination'], record?.['reason']], ['iam', 'credential_unknown'])
    }
  })

  test('is inactive with the response of legacy when neither knows it', async () => {
    const { json: answer, asked } = await introspect(gateway, inactive('legacy'), inactive('iam'))
    assert.deepEqual([answer, asked], [{ active: false, of: 'legacy' }, [1, 1]])
  })

  test('uses legacy alone when IAM does not respond and marks its credentials', async () => {
    for (const ofIam of [fails, closes, hangs]) {
      const { status, json: answer } = await introspect(gateway, inactive('legacy'), ofIam)
      assert.deepEqual([status, answer['of']], [200, 'legacy'])
    }
  })

  test('is not denied when IAM does not respond and may have issued it', async () => {
    for (const ofIam of [fails, closes, hangs]) {
      const { status, json: answer, headers } = await introspect(unsure, inactive('legacy'), ofIam)
      assert.deepEqual([status, answer['error']], [503, 'temporarily_unavailable'])
      assert.equal(headers.get('retry-after'), '5')
    }
  })

  test('is not denied when legacy does not respond', async () => {
    const rows: Array<[Behaviour, number]> = [
      [closes, 502],
      [hangs, 504],
    ]
    for (const [ofLegacy, wanted] of rows) {
      assert.equal((await introspect(gateway, ofLegacy, inactive('iam'))).status, wanted)
    }
  })
})

describe('revocation of a token of unknown issuer', () => {
  test('goes to both sides, each with the whole request, and returns the response of legacy', async () => {
    const { json: answer, asked } = await revoke(gateway, json(200, { of: 'legacy' }), json(200, { of: 'iam' }))
    assert.deepEqual([answer, asked], [{ of: 'legacy' }, [1, 1]])
    for (const side of [legacy, iam]) assert.equal(side.received[0]?.body.toString(), tokenForm.body)
  })

  test('goes to both sides also when legacy refuses the client', async () => {
    const { status, asked } = await revoke(gateway, json(403, { error: 'unauthorized_client' }), json(200, {}))
    assert.deepEqual([status, asked], [403, [1, 1]])
  })

  test('succeeds without IAM if IAM cannot hold the token, and only then', async () => {
    for (const ofIam of [fails, closes, hangs]) {
      assert.equal((await revoke(gateway, json(200, {}), ofIam)).status, 200)
      assert.equal((await revoke(unsure, json(200, {}), ofIam)).status, 503)
    }
  })

  test('fails when legacy fails', async () => {
    assert.equal((await revoke(gateway, closes, json(200, {}))).status, 502)
    assert.equal((await revoke(gateway, fails, json(200, {}))).status, 500)
  })

  test('goes to IAM alone if IAM marked the token', async () => {
    const marked = { ...tokenForm, body: 'token=gliamrt-x' }
    const { asked } = await send(gateway, [json(200, {}), json(200, {})], '/oauth/revoke', marked)
    assert.deepEqual(asked, [0, 1])
  })
})

describe('userinfo and token info for a bearer of unknown issuer', () => {
  const bearer: RequestInit = { headers: { authorization: 'Bearer unmarked', cookie: 'a=1; _iam_b=2' } }
  for (const path of ['/oauth/userinfo', '/oauth/token/info']) {
    const at = (where: RunningGateway, ...behaviours: [Behaviour, Behaviour]) => send(where, behaviours, path, bearer)

    test(`${path}: legacy knows it`, async () => {
      for (const status of [200, 403]) {
        legacy.received.length = iam.received.length = 0
        const { asked, status: got } = await at(gateway, json(status, {}), json(200, {}))
        assert.deepEqual([got, asked], [status, [1, 0]])
      }
    })

    test(`${path}: IAM knows it, and receives only its own cookies`, async () => {
      const { json: answer } = await at(gateway, json(401, {}), json(200, { of: 'iam' }))
      assert.equal(answer['of'], 'iam')
      assert.deepEqual([legacy.received[0]?.headers.cookie, iam.received[0]?.headers.cookie], ['a=1', '_iam_b=2'])
    })

    test(`${path}: neither knows it`, async () => {
      const { status, json: answer } = await at(gateway, json(401, { of: 'legacy' }), json(401, { of: 'iam' }))
      assert.deepEqual([status, answer['of']], [401, 'legacy'])
    })

    test(`${path}: is not denied when IAM may know it and does not respond`, async () => {
      assert.equal((await at(unsure, json(401, {}), closes)).status, 503)
      assert.equal((await at(gateway, json(401, {}), closes)).status, 401)
    })
  }
})

test('a response without a length, and one without a body, end correctly', async () => {
  const pieces: Behaviour = (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.write('{"active":')
    setTimeout(() => response.end('true}'), 5)
  }
  assert.deepEqual((await introspect(gateway, pieces, hangs)).json, { active: true })
  const empty: Behaviour = (response) => void response.writeHead(200, { 'Content-Length': '0' }).end()
  assert.equal((await revoke(gateway, empty, empty)).status, 200)
})

test('IAM is not queried while its circuit is open', async () => {
  const limits = { queryMs: 150 }
  const breaker = { consecutiveFailures: 1 }
  const wary = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, limits, breaker })
  for (let at = 0; at < 6; at++) await introspect(wary, inactive('legacy'), fails)
  const { asked, status } = await introspect(wary, inactive('legacy'), fails)
  assert.equal(status, 200)
  assert.ok((asked[1] ?? 0) < (asked[0] ?? 0), `${asked}`)
})
