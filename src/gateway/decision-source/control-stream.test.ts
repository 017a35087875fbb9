import assert from 'node:assert/strict'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { GatewaySettings } from '../settings.ts'
import type { RunningGateway } from '../start.ts'
import {
  Bed,
  deadUrl,
  GATES_OFF,
  ndjson,
  type Received,
  replaceFile,
  type Side,
  snapshotLines,
  until,
} from '../testing/test-bed.ts'

let bed: Bed
let legacy: Side
let iam: Side
let control: Side
let streams: Array<{ request: Received; response: ServerResponse }>
let greeting: string
let files = 0

before(async () => {
  bed = await Bed.make()
  legacy = await bed.side('legacy')
  iam = await bed.side('iam')
  control = await bed.side('control')
})
after(() => bed.end())
beforeEach(() => {
  streams = []
  greeting = ndjson(snapshotLines())
  control.answer = (request, response) => {
    streams.push({ request, response })
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
    response.write(greeting)
  }
})

function source(stateFile?: string): GatewaySettings['source'] {
  return { kind: 'control', url: control.url, token: 'gateway-token', environment: 'production', stateFile }
}

const ADMIN = { host: '127.0.0.1', port: 0 }

function start(settings: Partial<GatewaySettings> = {}): Promise<RunningGateway> {
  return bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, adminListen: ADMIN, source: source(), ...settings })
}

async function sideOf(gateway: RunningGateway, client = 'moved'): Promise<string> {
  const answer = await fetch(`${gateway.url}/oauth/authorize?client_id=${client}`)
  return ((await answer.json()) as { side: string }).side
}

async function ready(gateway: RunningGateway): Promise<Record<string, unknown>> {
  return (await (await fetch(`${gateway.adminUrl}/readyz`)).json()) as Record<string, unknown>
}

async function hasVersion(gateway: RunningGateway, version: number): Promise<boolean> {
  return (await ready(gateway))['snapshot_version'] === version
}

function send(...lines: unknown[]): void {
  streams.at(-1)?.response.write(ndjson(lines))
}

const flip = (from: number, to: number, actors: string[]) => ({
  type: 'change',
  from,
  to,
  flags: { proxy_oauth_requests_to_iam_service: { ...GATES_OFF, actors } },
})

describe('a gateway that follows the control plane', () => {
  test('requests its environment with its token, and routes by the snapshot it receives', async () => {
    const gateway = await start()
    await until(() => hasVersion(gateway, 7))
    assert.equal(await sideOf(gateway), 'iam')
    const [stream] = streams
    assert.equal(stream?.request.url, '/api/v1/snapshot/stream?environment=production')
    assert.equal(stream?.request.headers.authorization, 'Bearer gateway-token')
    await gateway.close()
  })

  test('given several replicas, follows the next if one does not respond or disconnects, from the version it holds', async () => {
    const urls = { url: await deadUrl(), otherUrls: [`${control.url}/`] }
    const gateway = await start({ source: { ...source(), ...urls } as GatewaySettings['source'] })
    await until(() => hasVersion(gateway, 7))
    streams.at(-1)?.response.end()
    await until(() => streams.length === 2)
    assert.equal(streams[1]?.request.url, '/api/v1/snapshot/stream?environment=production&since=7')
    assert.equal(await sideOf(gateway), 'iam')
    await gateway.close()
  })

  test('applies changes as they arrive: flags, applications, brake', async () => {
    const gateway = await start()
    await until(() => hasVersion(gateway, 7))
    send(flip(7, 8, []))
    await until(() => hasVersion(gateway, 8))
    assert.equal(await sideOf(gateway), 'legacy')
    send(flip(8, 9, ['Authn::OauthApplication:1']), { type: 'change', from: 9, to: 10, brake: true })
    await until(() => hasVersion(gateway, 10))
    assert.equal(await sideOf(gateway), 'legacy')
    assert.equal((await bed.records('decisions')).at(-1)?.['reason'], 'brake')
    send({ type: 'change', from: 10, to: 11, brake: false })
    await until(async () => (await sideOf(gateway)) === 'iam')
    send({ type: 'change', from: 11, to: 12, removed: ['moved'] })
    await until(() => hasVersion(gateway, 12))
    await sideOf(gateway)
    assert.equal((await bed.records('decisions')).at(-1)?.['reason'], 'unknown_client')
    await gateway.close()
  })

  test('reopens a stream that ended, from the version it holds', async () => {
    const gateway = await start()
    await until(() => hasVersion(gateway, 7))
    greeting = ndjson([flip(7, 8, [])])
    streams[0]?.response.end()
    await until(() => hasVersion(gateway, 8))
    assert.match(streams[1]?.request.url ?? '', /&since=7$/)
    await gateway.close()
  })

  test('detects a silent stream, and reopens it within 6 s', async () => {
    const gateway = await start()
    await until(() => streams.length === 1)
    await until(() => streams.length === 2, 6_500)
    assert.equal(await sideOf(gateway), 'iam')
    await gateway.close()
  })

  test('reconnects by itself after an outage of the control plane, and keeps routing in between', async () => {
    const gateway = await start()
    await until(() => hasVersion(gateway, 7))
    const healthy = control.answer
    let refusals = 0
    control.answer = (_request, response) => {
      refusals++
      response.writeHead(503).end()
    }
    streams[0]?.response.destroy()
    await until(() => refusals >= 3)
    assert.equal(await sideOf(gateway), 'iam')
    greeting = ndjson(snapshotLines({ version: 20, actors: [] }))
    control.answer = healthy
    await until(() => hasVersion(gateway, 20))
    assert.equal(await sideOf(gateway), 'legacy')
    await gateway.close()
  })

  test('reconnects when a heartbeat shows that it missed something', async () => {
    const gateway = await start()
    await until(() => hasVersion(gateway, 7))
    greeting = ndjson([flip(7, 9, [])])
    send({ type: 'heartbeat', version: 9, at: 1 })
    await until(() => hasVersion(gateway, 9))
    await gateway.close()
  })

  const REFUSED: Record<string, string> = {
    'of another environment': ndjson(snapshotLines({ version: 30, environment: 'staging', actors: [] })),
    'older than what is held': ndjson(snapshotLines({ version: 6, actors: [] })),
    'that ends early': ndjson(snapshotLines({ version: 30, actors: [] }).slice(0, 2)),
    'that announces more than it holds': ndjson([
      ...snapshotLines({ version: 30, actors: [] }).slice(0, 2),
      { type: 'end', version: 30, applications: 4 },
    ]),
    'that is no JSON': '{"type":"begin"\n',
    'of an unknown format': ndjson([{ ...snapshotLines({ version: 30 })[0], format: 3 }]),
    'with ill-typed rows': ndjson([
      snapshotLines({ version: 30 })[0],
      { type: 'applications', rows: [['1', 'moved', 1]] },
    ]),
    'whose line never ends': 'x'.repeat(9 << 20),
  }
  for (const [name, text] of Object.entries(REFUSED)) {
    test(`refuses a snapshot ${name}, and keeps the one it holds`, async () => {
      const gateway = await start()
      await until(() => hasVersion(gateway, 7))
      greeting = text
      streams[0]?.response.end()
      await until(() => streams.length >= 2)
      streams[1]?.response.end()
      await until(() => streams.length >= 3)
      assert.equal((await ready(gateway))['snapshot_version'], 7)
      assert.equal(await sideOf(gateway), 'iam')
      await gateway.close()
    })
  }

  test('accepts an older version of a new epoch, as after the control plane was restored from a backup', async () => {
    greeting = ndjson(snapshotLines({ version: 7, epoch: 'one' }))
    const gateway = await start()
    await until(() => hasVersion(gateway, 7))
    greeting = ndjson(snapshotLines({ version: 3, epoch: 'two', actors: [] }))
    streams[0]?.response.end()
    await until(() => hasVersion(gateway, 3))
    assert.match(streams[1]?.request.url ?? '', /&since=7&epoch=one$/)
    assert.equal(await sideOf(gateway), 'legacy')
    await gateway.close()
  })
})

describe('without a snapshot', () => {
  test('everything goes to legacy, and readiness says why', async () => {
    const gateway = await start({ source: { ...source(), url: await deadUrl() } as GatewaySettings['source'] })
    assert.equal(await sideOf(gateway), 'legacy')
    assert.equal((await bed.records('decisions')).at(-1)?.['reason'], 'routing_unavailable')
    assert.deepEqual(
      [(await ready(gateway))['status'], (await ready(gateway))['routing']],
      ['starting', 'routing_unavailable'],
    )
    await until(async () => (await ready(gateway))['status'] === 'ready')
    assert.equal((await ready(gateway))['routing'], 'routing_unavailable')
    await gateway.close()
  })

  test('IAM credentials still go to IAM', async () => {
    const gateway = await start({ source: { kind: 'none' } })
    const body = 'grant_type=refresh_token&refresh_token=gliamrt-1'
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await fetch(`${gateway.url}/oauth/token`, { method: 'POST', body, headers })
    assert.deepEqual(await answer.json(), { side: 'iam' })
    await gateway.close()
  })
})

describe('the last good snapshot', () => {
  const path = () => join(bed.directory, 'state', `${++files}.ndjson`)

  test('is kept on disk with access for the gateway only, and routes after a restart without a control plane', async () => {
    const stateFile = path()
    const first = await start({ source: source(stateFile) })
    await until(() => hasVersion(first, 7))
    send({ type: 'change', from: 7, to: 8, applications: [[4, 'late', 1]] }, flip(8, 9, ['Authn::OauthApplication:4']))
    await until(() => hasVersion(first, 9))
    await first.close()
    assert.equal((await stat(stateFile)).mode & 0o777, 0o600)
    const second = await start({ source: { ...source(stateFile), url: await deadUrl() } as GatewaySettings['source'] })
    assert.equal((await ready(second))['snapshot_version'], 9)
    assert.equal(await sideOf(second, 'late'), 'iam')
    assert.equal(await sideOf(second, 'moved'), 'legacy')
    await second.close()
  })

  test('is written while running, not only at the end', async () => {
    const stateFile = path()
    const gateway = await start({ source: source(stateFile) })
    await until(async () =>
      (await readFile(stateFile, 'utf8').catch(() => '')).endsWith(
        '{"type":"end","version":7,"applications":3,"members":2}\n',
      ),
    )
    await gateway.close()
  })

  for (const [name, text] of Object.entries({
    truncated: ndjson(snapshotLines()).slice(0, -20),
    empty: '',
    'of another environment': ndjson(snapshotLines({ environment: 'staging' })),
    'no snapshot at all': '\0\x01\x02\n',
  })) {
    test(`that is ${name} is not used, and does not keep the gateway from starting`, async () => {
      const stateFile = join(bed.directory, `${++files}.ndjson`)
      await writeFile(stateFile, text)
      const gateway = await start({
        source: { ...source(stateFile), url: await deadUrl() } as GatewaySettings['source'],
      })
      assert.equal(await sideOf(gateway), 'legacy')
      assert.equal((await ready(gateway))['snapshot_version'], null)
      await gateway.close()
    })
  }

  test('that cannot be written causes a warning and nothing else', async () => {
    const blocked = join(bed.directory, 'blocked')
    await writeFile(blocked, 'a file where a directory should be')
    await chmod(blocked, 0o400)
    const gateway = await start({ source: source(join(blocked, 'state.ndjson')) })
    await until(async () =>
      (await bed.records()).some((record) => record['msg'] === 'the last good snapshot cannot be kept on disk'),
    )
    assert.equal(await sideOf(gateway), 'iam')
    await gateway.close()
  })
})

describe('a snapshot file', () => {
  test('is read again when it changes; an unusable one leaves the old one in use', async () => {
    const path = join(bed.directory, 'file.ndjson')
    await replaceFile(path, ndjson(snapshotLines()))
    const gateway = await start({ source: { kind: 'file', path, environment: 'production' } })
    assert.equal(await sideOf(gateway), 'iam')
    await replaceFile(path, ndjson(snapshotLines({ version: 8, actors: [] })))
    await until(() => hasVersion(gateway, 8))
    assert.equal(await sideOf(gateway), 'legacy')
    const before = (await bed.records()).length
    await replaceFile(path, ndjson(snapshotLines({ version: 9 })).slice(0, -5))
    await until(async () =>
      (await bed.records()).slice(before).some((record) => record['msg'] === 'the snapshot file is not usable'),
    )
    assert.equal((await ready(gateway))['snapshot_version'], 8)
    await replaceFile(path, ndjson(snapshotLines({ version: 10 })))
    await until(async () => (await sideOf(gateway)) === 'iam')
    await gateway.close()
  })

  test('that does not exist yet is picked up when it appears', async () => {
    const path = join(bed.directory, 'later.ndjson')
    const gateway = await start({ source: { kind: 'file', path, environment: 'production' } })
    assert.equal(await sideOf(gateway), 'legacy')
    await replaceFile(path, ndjson(snapshotLines()))
    await until(async () => (await sideOf(gateway)) === 'iam')
    await gateway.close()
  })
})
