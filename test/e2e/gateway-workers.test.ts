import assert from 'node:assert/strict'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { freePorts } from '../support/ports.ts'
import { type Program, startHandover } from '../support/program.ts'
import { eventually, untilReady } from '../support/wait.ts'

describe('a gateway with several processes on one port', () => {
  const upstream = createServer((_request, response) => response.end('ok'))
  /** Answers authorize immediately and never answers a token request. */
  const iam = createServer((request, response) => {
    if (request.url === '/oauth/token') codesFrom.push(request.socket.remotePort ?? 0)
    else response.end('ok')
  })
  /** The port of the gateway process that sent each code. */
  const codesFrom: number[] = []
  let gateway: Program
  let url = ''
  let admin = ''

  before(async () => {
    for (const server of [upstream, iam]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    }
    const [{ port }, { port: iamPort }] = [upstream.address() as AddressInfo, iam.address() as AddressInfo]
    const [listen = 0, adminListen = 0] = await freePorts(2)
    url = `http://127.0.0.1:${listen}`
    admin = `http://127.0.0.1:${adminListen}`
    gateway = await startHandover([
      ...['gateway', '--listen', `127.0.0.1:${listen}`, '--admin-listen', `127.0.0.1:${adminListen}`, '--workers', '2'],
      ...['--legacy-url', `http://127.0.0.1:${port}`, '--iam-url', `http://127.0.0.1:${iamPort}`],
    ])
    await untilReady(`${admin}/readyz`)
  })
  after(async () => {
    await gateway.stop()
    for (const server of [upstream, iam]) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })

  const requests = async () => {
    const text = await (await fetch(`${admin}/metrics`)).text()
    const samples = text.split('\n').filter((line) => line.startsWith('handover_gateway_requests_total{'))
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  test('the admin port adds up the figures of all processes', async () => {
    const before = await requests()
    for (let count = 0; count < 40; count++) {
      assert.equal(await (await fetch(`${url}/some/page`, { headers: { connection: 'close' } })).text(), 'ok')
    }
    await eventually('40 requests are counted', async () => (await requests()) === before + 40)
  })

  test('the brake reaches all processes', async () => {
    await fetch(`${admin}/brake`, { method: 'PUT', body: '"on"', headers: { 'content-type': 'application/json' } })
    const { brake } = (await (await fetch(`${admin}/brake`)).json()) as { brake: string }
    assert.equal(brake, 'on')
    const metrics = await (await fetch(`${admin}/metrics`)).text()
    assert.match(metrics, /^handover_gateway_brake_on 1$/m)
    await fetch(`${admin}/brake`, { method: 'PUT', body: '"off"', headers: { 'content-type': 'application/json' } })
  })

  test('one signal engages the brake in all processes, another releases it', async () => {
    const brake = async () => ((await (await fetch(`${admin}/brake`)).json()) as { brake: string }).brake
    const processes = async () => (await fetch(`${admin}/metrics`)).text()
    gateway.kill('SIGUSR2')
    await eventually('the brake is on', async () => (await brake()) === 'on')
    assert.match(await processes(), /^handover_gateway_brake_on 1$/m)
    gateway.kill('SIGUSR1')
    await eventually('the brake is off everywhere', async () =>
      /^handover_gateway_brake_on 0$/m.test(await processes()),
    )
  })

  test('a process killed during an IAM code exchange breaks the connection and sends nothing twice, and the other continues', async () => {
    const before = childrenOf(gateway.pid)
    const body = 'grant_type=authorization_code&code=gliamac-x&client_id=c'
    const headers = { 'content-type': 'application/x-www-form-urlencoded', connection: 'close' }
    const underWay = fetch(`${url}/oauth/token`, { method: 'POST', headers, body }).then(
      (answer) => answer.status,
      () => 'broken off',
    )
    await eventually('the code is with IAM', () => codesFrom.length === 1)
    const holder = holderOf(before, codesFrom[0] ?? 0)
    process.kill(holder, 'SIGKILL')
    assert.equal(await underWay, 'broken off')
    // The queue of the port belongs to all processes: none of its connections is lost with the killed one.
    const page = async () => (await fetch(`${url}/some/page`, { headers: { connection: 'close' } })).text()
    assert.deepEqual(await Promise.all(Array.from({ length: 10 }, page)), Array(10).fill('ok'))
    await eventually('two are there again', () => {
      const now = childrenOf(gateway.pid)
      return now.length === 2 && !now.includes(holder)
    })
    assert.equal(codesFrom.length, 1)
    await untilReady(`${admin}/readyz`)
  })

  test('a restarted process keeps the brake engaged', async () => {
    await fetch(`${admin}/brake`, { method: 'PUT', body: '"on"', headers: { 'content-type': 'application/json' } })
    const [one = 0] = childrenOf(gateway.pid)
    process.kill(one, 'SIGKILL')
    await eventually('another has taken its place', () => {
      const now = childrenOf(gateway.pid)
      return now.length === 2 && !now.includes(one)
    })
    await untilReady(`${admin}/readyz`)
    const decide = () => fetch(`${url}/oauth/authorize?client_id=c`, { headers: { connection: 'close' } })
    for (let count = 0; count < 20; count++) await (await decide()).text()
    const decisions = () =>
      gateway.stdout.entries().filter((entry) => entry['path'] === '/oauth/authorize' && 'reason' in entry)
    await eventually('20 decisions are logged', () => decisions().length === 20)
    assert.deepEqual([...new Set(decisions().map((entry) => entry['reason']))], ['brake'])
    await fetch(`${admin}/brake`, { method: 'PUT', body: '"off"', headers: { 'content-type': 'application/json' } })
    const metrics = async () => (await fetch(`${admin}/metrics`)).text()
    await eventually('it is off in both', async () => /^handover_gateway_brake_on 0$/m.test(await metrics()))
  })

  test('the processes stop together, with exit code 0, and only on a signal to the first one', async () => {
    // A terminal or a service manager may signal each process of the group.
    for (const pid of childrenOf(gateway.pid)) for (const signal of ['SIGINT', 'SIGTERM']) process.kill(pid, signal)
    assert.equal((await fetch(url)).status, 200)
    gateway.kill('SIGTERM')
    const { code } = await gateway.ended
    assert.equal(code, 0)
    await assert.rejects(fetch(url))
  })
})

test('the processes of a gateway end when the first one is killed', async () => {
  const [listen = 0, admin = 0] = await freePorts(2)
  const gateway = await startHandover([
    ...['gateway', '--listen', `127.0.0.1:${listen}`, '--admin-listen', `127.0.0.1:${admin}`, '--workers', '2'],
    ...['--legacy-url', 'http://127.0.0.1:9'],
  ])
  await untilReady(`http://127.0.0.1:${admin}/readyz`)
  process.kill(gateway.pid, 'SIGKILL')
  await eventually('the port is free', () =>
    fetch(`http://127.0.0.1:${listen}`).then(
      () => false,
      () => true,
    ),
  )
  await gateway.stop()
})

/** The child processes of a process, as Linux reports them. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

/** The process that has this port as the local end of a connection. */
function holderOf(pids: readonly number[], port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
  const connection = lines.map((line) => line.trim().split(/\s+/)).find(([, local]) => local?.endsWith(`:${hex}`))
  const socket = `socket:[${connection?.[9]}]`
  const holder = pids.find((pid) => socketsOf(pid).includes(socket))
  assert.ok(holder, 'no process holds the connection')
  return holder
}

function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      return [] // Closed since it was listed.
    }
  })
}
