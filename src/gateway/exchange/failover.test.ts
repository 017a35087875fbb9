import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { issueVerifier } from '../../credentials/index.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, deadUrl, FORM, type Side, until } from '../testing/test-bed.ts'

const verifierKey = randomBytes(32)
const limits = { connectMs: 500, iamHeadersMs: 150, legacyHeadersMs: 300, bodyIdleMs: 500 }
const NEVER_OPEN = { consecutiveFailures: 1_000, windowMinimum: 1_000 }
let bed: Bed
let legacy: Side

before(async () => {
  bed = await Bed.make()
  legacy = await bed.side('legacy')
})
after(() => bed.end())

/** Ways in which IAM fails before it responds. */
const FAULTS: Record<string, (socket: Socket) => void> = {
  'closes at once': (socket) => socket.destroy(),
  'closes after reading': (socket) => socket.once('data', () => socket.destroy()),
  'closes half-way through its head': (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-')),
  'never answers': (socket) => void socket.resume(),
  'talks no HTTP': (socket) => void socket.once('data', () => socket.write('220 mail ready\r\n')),
}
for (const status of [500, 502, 503, 504]) {
  FAULTS[`answers ${status}`] = (socket) =>
    void socket.on('data', () => socket.write(`HTTP/1.1 ${status} No\r\nContent-Length: 4\r\n\r\nbang`))
}

async function behind(fault: (socket: Socket) => void): Promise<{ gateway: RunningGateway; hits: () => number }> {
  let hits = 0
  const iamUrl = await bed.rawSide((socket) => {
    hits++
    fault(socket)
  })
  const gateway = await bed.gateway({ legacyUrl: legacy.url, iamUrl, limits, verifierKey, breaker: NEVER_OPEN })
  return { gateway, hits: () => hits }
}

const NEW_FLOWS: Record<string, { path: string; body?: string }> = {
  authorize: { path: '/oauth/authorize?client_id=moved&response_type=code' },
  'client credentials': { path: '/oauth/token', body: 'grant_type=client_credentials&client_id=moved' },
  'device start': { path: '/oauth/authorize_device', body: 'client_id=moved' },
}

test('a new flow times out at a slow IAM sooner than a request that only IAM can answer', async () => {
  const held: Array<() => void> = []
  const iamUrl = await bed.rawSide((socket) => {
    socket.on('data', (bytes) => {
      if (!bytes.includes('gliamrt-')) return
      held.push(() => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\niam'))
    })
  })
  const patient = { ...limits, iamNewFlowMs: 100, iamHeadersMs: 60_000 }
  for (const fastPath of [true, false]) {
    const gateway = await bed.gateway({ legacyUrl: legacy.url, iamUrl, limits: patient, fastPath, breaker: NEVER_OPEN })
    for (const { path, body } of Object.values(NEW_FLOWS)) {
      const reply = await fetch(gateway.url + path, body === undefined ? {} : { method: 'POST', body, headers: FORM })
      assert.equal(((await reply.json()) as { side: string }).side, 'legacy')
    }
    const body = 'grant_type=refresh_token&refresh_token=gliamrt-x'
    const refresh = fetch(`${gateway.url}/oauth/token`, { method: 'POST', body, headers: FORM })
    const refreshed = refresh.then(
      (reply) => reply.text(),
      () => 'cut off',
    )
    await until(() => held.length > 0)
    const overdue = await fetch(`${gateway.url}/oauth/authorize?client_id=moved&response_type=code`)
    assert.equal(((await overdue.json()) as { side: string }).side, 'legacy')
    const decisions = await bed.records('decisions')
    assert.equal(decisions.at(-1)?.['reason'], 'iam_failed_over')
    held.pop()?.()
    assert.equal(await refreshed, 'iam')
  }
})

describe('a new flow falls back to legacy, once, with the same bytes, when IAM', () => {
  for (const [name, fault] of Object.entries(FAULTS)) {
    test(name, async () => {
      const { gateway } = await behind(fault)
      for (const { path, body } of Object.values(NEW_FLOWS)) {
        legacy.received.length = 0
        const answer = await fetch(
          gateway.url + path,
          body === undefined ? {} : { method: 'POST', body, headers: FORM },
        )
        assert.equal(((await answer.json()) as { side: string }).side, 'legacy')
        assert.deepEqual(
          legacy.received.map((request) => [request.url, request.body.toString()]),
          [[path, body ?? '']],
        )
        const [last] = (await bed.records('decisions')).slice(-1)
        assert.deepEqual([last?.['reason'], last?.['destination'], last?.['status']], ['iam_failed_over', 'rails', 200])
      }
    })
  }
  test('refuses the connection', async () => {
    const gateway = await bed.gateway({ legacyUrl: legacy.url, iamUrl: await deadUrl(), limits, breaker: NEVER_OPEN })
    const answer = await fetch(`${gateway.url}/oauth/authorize?client_id=moved`)
    assert.deepEqual(await answer.json(), { side: 'legacy' })
  })
})

const BOUND: Record<string, string> = {
  code: 'grant_type=authorization_code&client_id=moved&code=gliamac-1',
  'refresh token': 'grant_type=refresh_token&client_id=moved&refresh_token=gliamrt-1',
  'device code':
    'grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=moved&device_code=gliamdc-1',
}

describe('a request with an IAM credential gets a 503, reaches IAM at most once and never reaches legacy, when IAM', () => {
  for (const [name, fault] of Object.entries(FAULTS)) {
    if (name.startsWith('answers')) continue
    test(name, async () => {
      const { gateway, hits } = await behind(fault)
      legacy.received.length = 0
      for (const body of Object.values(BOUND)) {
        const before = hits()
        const answer = await fetch(`${gateway.url}/oauth/token`, { method: 'POST', body, headers: FORM })
        assert.equal(answer.status, 503)
        assert.equal(answer.headers.get('retry-after'), '5')
        assert.equal(answer.headers.get('cache-control'), 'no-store')
        assert.equal(((await answer.json()) as { error: string }).error, 'temporarily_unavailable')
        assert.ok(hits() - before <= 1)
      }
      assert.equal(legacy.received.length, 0)
    })
  }
})

test('a server error from IAM to its own credential becomes a 503 with Retry-After', async () => {
  const { gateway } = await behind(FAULTS['answers 500'] as (socket: Socket) => void)
  legacy.received.length = 0
  const answer = await fetch(`${gateway.url}/oauth/token`, {
    method: 'POST',
    body: BOUND['code'] as string,
    headers: FORM,
  })
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('retry-after'), '5')
  assert.equal(((await answer.json()) as { error: string }).error, 'temporarily_unavailable')
  assert.equal(legacy.received.length, 0)
})

test('a browser that returns with a verifier sees a page while IAM is down, with the same status', async () => {
  const { gateway } = await behind(FAULTS['closes at once'] as (socket: Socket) => void)
  legacy.received.length = 0
  const verifier = issueVerifier('consent', verifierKey, Date.now() / 1_000 + 60)
  const answer = await fetch(`${gateway.url}/oauth/authorize?client_id=moved&consent_verifier=${verifier}`, {
    headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
  })
  assert.equal(answer.status, 503)
  assert.match(answer.headers.get('content-type') ?? '', /^text\/html/)
  assert.equal(answer.headers.get('retry-after'), '5')
  const page = await answer.text()
  assert.match(page, /<h1>Please try again shortly<\/h1>/)
  assert.ok(!page.includes(verifier))
  assert.equal(legacy.received.length, 0)
})

test('a response that IAM cuts off half-way is cut off for the client too, and no other side is queried', async () => {
  const { gateway } = await behind((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\n<html>')
      setTimeout(() => socket.destroy(), 20)
    })
  })
  legacy.received.length = 0
  const answer = await fetch(`${gateway.url}/oauth/authorize?client_id=moved`)
  assert.equal(answer.status, 200)
  await assert.rejects(answer.text())
  assert.equal(legacy.received.length, 0)
})

describe('when legacy is down', () => {
  test('responds 502 if it refuses the connection: JSON on OAuth endpoints, text or a page elsewhere', async () => {
    const gateway = await bed.gateway({ legacyUrl: await deadUrl(), iamUrl: await deadUrl(), limits })
    const oauth = await fetch(`${gateway.url}/oauth/token`, {
      method: 'POST',
      body: 'client_id=staying',
      headers: FORM,
    })
    assert.equal(oauth.status, 502)
    assert.equal(((await oauth.json()) as { error: string }).error, 'temporarily_unavailable')
    const text = await fetch(`${gateway.url}/api/v4/user`)
    assert.deepEqual([text.status, text.headers.get('content-type')], [502, 'text/plain; charset=utf-8'])
    const page = await fetch(`${gateway.url}/`, { headers: { accept: 'text/html' } })
    assert.deepEqual([page.status, page.headers.get('content-type')], [502, 'text/html; charset=utf-8'])
    await Promise.all([text.text(), page.text()])
  })

  test('responds 504 if it never answers', async () => {
    const gateway = await bed.gateway({ legacyUrl: await bed.rawSide((socket) => void socket.resume()), limits })
    const answer = await fetch(`${gateway.url}/`)
    assert.equal(answer.status, 504)
    await answer.text()
  })

  test('retries a GET once if its connection was cut, and never retries a POST', async () => {
    let hits = 0
    const legacyUrl = await bed.rawSide((socket) => {
      socket.on('data', () => {
        hits++
        if (hits % 2 === 1) socket.destroy()
        else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    const gateway = await bed.gateway({ legacyUrl, limits })
    const read = await fetch(`${gateway.url}/`)
    assert.deepEqual([read.status, await read.text(), hits], [200, 'ok', 2])
    const write = await fetch(`${gateway.url}/`, { method: 'POST', body: 'a=b' })
    await write.text()
    assert.deepEqual([write.status, hits], [502, 3])
  })
})

describe('the circuit of IAM', () => {
  const breaker = { consecutiveFailures: 3, openMs: 150, openMaxMs: 300, successesToClose: 2 }

  test('opens after consecutive failures, keeps new flows away from IAM, probes, and closes again', async () => {
    const { iam, gateway } = await bed.whole({ limits, breaker, adminListen: { host: '127.0.0.1', port: 0 } })
    const reason = async () => {
      await (await fetch(`${gateway.url}/oauth/authorize?client_id=moved`)).text()
      return (await bed.records('decisions')).at(-1)?.['reason']
    }
    const gauge = async () =>
      /^handover_gateway_iam_circuit_open (\d)/m.exec(await (await fetch(`${gateway.adminUrl}/metrics`)).text())?.[1]
    assert.equal(await reason(), 'flag_enabled')
    const healthy = iam.answer
    iam.answer = (_request, response) => void response.writeHead(503).end()
    for (let i = 0; i < 3; i++) assert.equal(await reason(), 'iam_failed_over')
    const asked = () => iam.received.filter(({ url }) => url !== '/readyz').length
    const before = asked()
    assert.equal(await reason(), 'iam_unavailable')
    assert.equal(asked(), before)
    await until(async () => (await gauge()) === '1')
    iam.answer = healthy
    await until(async () => (await reason()) === 'flag_enabled' && (await gauge()) === '0')
  })

  test('lets requests with IAM credentials through while it is open', async () => {
    const { iam, gateway } = await bed.whole({ limits, breaker: { ...breaker, openMs: 60_000, openMaxMs: 60_000 } })
    const healthy = iam.answer
    iam.answer = (_request, response) => void response.writeHead(500).end()
    for (let i = 0; i < 4; i++) await (await fetch(`${gateway.url}/oauth/authorize?client_id=moved`)).text()
    iam.answer = healthy
    const answer = await fetch(`${gateway.url}/oauth/token`, {
      method: 'POST',
      body: BOUND['refresh token'] as string,
      headers: FORM,
    })
    assert.deepEqual(await answer.json(), { side: 'iam' })
  })
})
