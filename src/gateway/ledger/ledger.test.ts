import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { GatewaySettings } from '../settings.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, deadUrl, FORM, type Side, until } from '../testing/test-bed.ts'

const flowKey = randomBytes(32)
let bed: Bed
let legacy: Side
let iam: Side
let count = 0

before(async () => {
  bed = await Bed.make()
  legacy = await bed.side('legacy')
  iam = await bed.side('iam')
})
after(() => bed.end())
beforeEach(() => {
  legacy.received.length = 0
  iam.received.length = 0
  legacy.answer = issuing('legacy')
  iam.answer = issuing('iam')
})

/** A server without marks: codes and tokens alike are a name and a number. */
function issuing(name: string): Side['answer'] {
  return (request, response) => {
    const fresh = () => `${name}${++count}`
    if (request.url.startsWith('/oauth/authorize?')) {
      return void response.writeHead(302, { location: `https://client.example/back?code=${fresh()}&state=s` }).end()
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    const isDevice = request.url.startsWith('/oauth/authorize_device')
    const answer = isDevice
      ? { device_code: fresh(), user_code: fresh(), expires_in: 300 }
      : { access_token: fresh(), refresh_token: fresh(), expires_in: 7_200 }
    response.end(JSON.stringify(answer))
  }
}

/** A proxy to a local port that delays every byte, in both directions. */
async function slowDoor(to: number, milliseconds: number): Promise<{ port: number; close(): void }> {
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const far = connect(to, '127.0.0.1')
    for (const [from, into] of [
      [client, far],
      [far, client],
    ] as const) {
      open.add(from)
      from.on('data', (chunk) => setTimeout(() => into.write(chunk), milliseconds))
      from.on('error', () => {}).on('close', () => into.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

function start(more: Partial<GatewaySettings> = {}): Promise<RunningGateway> {
  return bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, flowKey, isIamUnmarked: true, ...more })
}

async function post(gateway: RunningGateway, path: string, fields: Record<string, string>) {
  const body = new URLSearchParams(fields).toString()
  const answer = await fetch(gateway.url + path, { method: 'POST', headers: FORM, body })
  return { status: answer.status, headers: answer.headers, json: (await answer.json()) as Record<string, string> }
}

const sideAsked = () => [legacy.received.length, iam.received.length]

async function codeOf(gateway: RunningGateway, client: string): Promise<string> {
  const answer = await fetch(`${gateway.url}/oauth/authorize?client_id=${client}`, { redirect: 'manual' })
  return new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? ''
}

describe('an IAM without marks', () => {
  test('receives the codes and tokens it issued, whatever the flag says by then', async () => {
    const gateway = await start()
    const code = await codeOf(gateway, 'moved')
    const redeem = { grant_type: 'authorization_code', code, client_id: 'staying' }
    const first = await post(gateway, '/oauth/token', redeem)
    assert.match(first.json['refresh_token'] ?? '', /^iam/)
    const refresh = { grant_type: 'refresh_token', refresh_token: first.json['refresh_token'] ?? '' }
    const second = await post(gateway, '/oauth/token', { ...refresh, client_id: 'staying' })
    assert.match(second.json['access_token'] ?? '', /^iam/)
    await post(gateway, '/oauth/revoke', { token: second.json['access_token'] ?? '' })
    await fetch(`${gateway.url}/oauth/userinfo`, {
      headers: { authorization: `Bearer ${second.json['access_token']}` },
    })
    assert.deepEqual(sideAsked(), [0, 5])
    const records = (await bed.records('decisions')).slice(-4)
    assert.deepEqual(
      records.map((record) => record['reason']),
      Array(4).fill('credential_issuer'),
    )
    const alarms = (await bed.records()).filter((record) => record['credential_type'] !== undefined)
    assert.deepEqual(alarms, [], 'that was said, so it is no alarm')
  })

  test('receives a valid token after the clock has jumped ahead', async (t) => {
    const wall = Date.now
    iam.answer = (_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ access_token: 'iam-jump', expires_in: 60 }))
    }
    const gateway = await start()
    await post(gateway, '/oauth/token', { grant_type: 'client_credentials', client_id: 'moved' })
    t.mock.method(Date, 'now', () => wall() + 300_000)
    await fetch(`${gateway.url}/oauth/userinfo`, { headers: { authorization: 'Bearer iam-jump' } })
    assert.deepEqual(sideAsked(), [0, 2])
  })

  test('is read although it would compress its responses', async () => {
    iam.answer = (request, response) => {
      const text = JSON.stringify({ access_token: 'iam-a', refresh_token: 'iam-r' })
      const isAllowed = /gzip/.test(String(request.headers['accept-encoding']))
      response.setHeader('content-type', 'application/json')
      if (isAllowed) response.setHeader('content-encoding', 'gzip')
      response.end(isAllowed ? gzipSync(text) : text)
    }
    const gateway = await start()
    await post(gateway, '/oauth/token', { grant_type: 'client_credentials', client_id: 'moved' })
    await post(gateway, '/oauth/token', { grant_type: 'refresh_token', refresh_token: 'iam-r', client_id: 'staying' })
    assert.deepEqual(sideAsked(), [0, 2])
  })

  test('receives a code that its own page delivers to the client in a form', async () => {
    iam.answer = (_request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end('<form method="post"><input type="hidden" name="code" value="iam-posted"/></form>')
    }
    const gateway = await start({ iamPages: ['/interaction'], iamPaths: { token: '/own/token' } })
    await (await fetch(`${gateway.url}/interaction/17`)).text()
    iam.answer = issuing('iam')
    await post(gateway, '/oauth/token', { grant_type: 'authorization_code', code: 'iam-posted', client_id: 'staying' })
    assert.deepEqual(
      iam.received.map(({ url }) => url),
      ['/interaction/17', '/own/token'],
    )
  })

  test('that is down leaves its pages unanswered for a while, and no other side answers them', async () => {
    const gateway = await start({ iamPages: ['/interaction'], iamUrl: await deadUrl() })
    const answer = await fetch(`${gateway.url}/interaction/17`, { method: 'POST', headers: FORM, body: 'login=alice' })
    assert.equal(answer.status, 503)
    assert.ok(answer.headers.has('retry-after'))
    assert.deepEqual(legacy.received, [])
  })

  test('receives its device codes', async () => {
    const gateway = await start()
    const { json } = await post(gateway, '/oauth/authorize_device', { client_id: 'moved' })
    await post(gateway, '/oauth/token', { grant_type: 'device_code', device_code: json['device_code'] ?? '' })
    assert.deepEqual(sideAsked(), [0, 2])
  })

  test('keeps the user codes from the device page of the monolith, unless it has its own page', async () => {
    for (const [marksIamFlows, asked] of [
      [false, [1, 1]],
      [true, [0, 2]],
    ] as const) {
      legacy.received.length = iam.received.length = 0
      const gateway = await start({ marksIamFlows })
      const { json } = await post(gateway, '/oauth/authorize_device', { client_id: 'moved' })
      await post(gateway, '/oauth/device', { user_code: json['user_code'] ?? '' })
      assert.deepEqual(sideAsked(), asked)
    }
  })

  test('leaves to legacy what legacy issued, and what no gateway observed', async () => {
    const gateway = await start()
    const code = await codeOf(gateway, 'staying')
    for (const one of [code, 'never-seen']) {
      const answer = await post(gateway, '/oauth/token', { grant_type: 'authorization_code', code: one })
      assert.match(answer.json['access_token'] ?? '', /^legacy/)
    }
    assert.deepEqual(sideAsked(), [3, 0])
  })
})

describe('an issuer that contradicts its marks', () => {
  test('is remembered anyway, counted and reported', async () => {
    const gateway = await start({ isIamUnmarked: false, adminListen: { host: '127.0.0.1', port: 0 } })
    const first = await post(gateway, '/oauth/token', { grant_type: 'client_credentials', client_id: 'moved' })
    const refresh = { grant_type: 'refresh_token', refresh_token: first.json['refresh_token'] ?? '' }
    await post(gateway, '/oauth/token', refresh)
    assert.deepEqual(sideAsked(), [0, 2])
    legacy.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token":"gliamat-not-at-all"}')
    }
    await post(gateway, '/oauth/token', { grant_type: 'client_credentials', client_id: 'staying' })
    await fetch(`${gateway.url}/oauth/userinfo`, { headers: { authorization: 'Bearer gliamat-not-at-all' } })
    assert.deepEqual(sideAsked(), [2, 2])
    const alarm = (await bed.records()).find((record) => record['credential_type'] !== undefined)
    assert.deepEqual([alarm?.['level'], alarm?.['upstream']], ['error', 'iam'])
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    assert.match(metrics, /^handover_gateway_credential_drift_total\{upstream="iam"\} 4$/m)
    assert.match(metrics, /^handover_gateway_credential_drift_total\{upstream="rails"\} 1$/m)
    assert.match(metrics, /^handover_gateway_ledger_entries 5$/m)
  })

  test('issuers with correct marks are not stored', async () => {
    iam.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"access_token":"gliamat-1","refresh_token":"gliamrt-1"}')
    }
    const gateway = await start({ isIamUnmarked: false, adminListen: { host: '127.0.0.1', port: 0 } })
    await post(gateway, '/oauth/token', { grant_type: 'client_credentials', client_id: 'moved' })
    await post(gateway, '/oauth/token', { grant_type: 'client_credentials', client_id: 'staying' })
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    assert.match(metrics, /^handover_gateway_ledger_entries 0$/m)
    assert.match(metrics, /^handover_gateway_credential_drift_total\{upstream="iam"\} 0$/m)
  })
})

const hasRedis = spawnSync('redis-server', ['--version']).status === 0
const skip = hasRedis || process.env['CI'] ? false : 'redis-server is not installed'

describe('a ledger that gateways share', { skip }, () => {
  let port = 0
  let stop = () => {}
  let signal = (_name: 'SIGSTOP' | 'SIGCONT') => {}
  const startRedis = async () => {
    const child = spawn('redis-server', [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--dir',
      bed.directory,
    ])
    child.stdout.resume()
    const ended = once(child, 'close')
    stop = () => child.kill('SIGKILL')
    signal = (name) => child.kill(name)
    return ended
  }
  before(async () => {
    port = Number(new URL(await deadUrl()).port)
    void startRedis()
  })
  after(() => stop())
  const shared = () => start({ ledger: { url: `redis://127.0.0.1:${port}` } })
  const redeem = (gateway: RunningGateway, code: string) =>
    post(gateway, '/oauth/token', { grant_type: 'authorization_code', code })

  test('knows a credential before its client does, however slow the connection to the ledger is', async () => {
    const slow = await slowDoor(port, 60)
    const one = await start({ ledger: { url: `redis://127.0.0.1:${slow.port}` } })
    const other = await shared()
    try {
      await until(async () => (await redeem(other, 'never-seen')).status === 200)
      await until(async () => {
        const { json } = await redeem(other, await codeOf(one, 'moved'))
        return (json['access_token'] ?? '').startsWith('iam')
      })
      for (let times = 0; times < 5; times++) {
        const code = await codeOf(one, 'moved')
        assert.match((await redeem(other, code)).json['access_token'] ?? '', /^iam/)
        const device = await post(one, '/oauth/authorize_device', { client_id: 'moved' })
        const poll = { grant_type: 'device_code', device_code: device.json['device_code'] ?? '' }
        assert.match((await post(other, '/oauth/token', poll)).json['access_token'] ?? '', /^iam/)
      }
    } finally {
      slow.close()
    }
  })

  test('that hangs delays a request by its time limit at most, and is used again once it recovers', async () => {
    const [one, other] = [await shared(), await shared()]
    const isKnown = async () =>
      ((await redeem(other, await codeOf(one, 'moved'))).json['access_token'] ?? '').startsWith('iam')
    await until(isKnown)
    const code = await codeOf(one, 'moved')
    signal('SIGSTOP')
    legacy.received.length = 0
    const refused = await redeem(other, code)
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5'])
    assert.match(await codeOf(one, 'moved'), /^iam/, 'what is new goes on')
    assert.equal(legacy.received.length, 0, 'a code is not offered to the wrong side')
    signal('SIGCONT')
    await until(async () => ((await redeem(other, code)).json['access_token'] ?? '').startsWith('iam'))
    await until(isKnown)
  })

  test('shares between gateways only hashes that expire; while it is unreachable, nothing is guessed', async () => {
    const [one, other] = [await shared(), await shared()]
    await until(async () => {
      const code = await codeOf(one, 'moved')
      return ((await redeem(other, code)).json['access_token'] ?? '').startsWith('iam')
    })
    const [first, second] = [await codeOf(one, 'moved'), await codeOf(one, 'moved')]
    const dump = spawnSync('redis-cli', ['-p', String(port), 'keys', '*']).stdout.toString()
    assert.match(dump, /^(handover:issuer:[A-Za-z0-9_-]{22}\n)+$/)
    const [name = ''] = dump.split('\n')
    const life = Number(spawnSync('redis-cli', ['-p', String(port), 'ttl', name]).stdout.toString())
    assert.ok(life > 0 && life <= 90 * 86_400 + 120, `${life}`)

    stop()
    await until(async () => (await redeem(other, 'never-seen')).status === 503)
    legacy.received.length = 0
    const refused = await redeem(other, first)
    assert.deepEqual([refused.status, refused.json['error']], [503, 'temporarily_unavailable'])
    assert.equal(refused.headers.get('retry-after'), '5')
    assert.deepEqual(sideAsked()[0], 0, 'a code is not offered to the wrong side')
    assert.match((await redeem(one, second)).json['access_token'] ?? '', /^iam/, 'what it has seen itself it knows')

    void startRedis()
    await until(async () => {
      const code = await codeOf(one, 'moved')
      return ((await redeem(other, code)).json['access_token'] ?? '').startsWith('iam')
    })
  })
})
