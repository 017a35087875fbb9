import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { freePorts } from '../support/ports.ts'
import { type Program, startHandover } from '../support/program.ts'
import { eventually, untilReady } from '../support/wait.ts'

describe('a gateway of several processes on one port', { timeout: 60_000 }, () => {
  const upstream = createServer((_request, response) => response.end('ok'))
  let gateway: Program
  let url = ''
  let admin = ''

  before(async () => {
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const { port } = upstream.address() as AddressInfo
    const [listen = 0, adminListen = 0] = await freePorts(2)
    url = `http://127.0.0.1:${listen}`
    admin = `http://127.0.0.1:${adminListen}`
    gateway = await startHandover([
      ...['gateway', '--listen', `127.0.0.1:${listen}`, '--admin-listen', `127.0.0.1:${adminListen}`, '--workers', '2'],
      ...['--legacy-url', `http://127.0.0.1:${port}`],
    ])
    await untilReady(`${admin}/readyz`)
  })
  after(async () => {
    await gateway.stop()
    await new Promise((resolve) => upstream.close(resolve))
  })

  const requests = async () => {
    const text = await (await fetch(`${admin}/metrics`)).text()
    const samples = text.split('\n').filter((line) => line.startsWith('handover_gateway_requests_total{'))
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  test('the admin port adds up what each of them did', async () => {
    const before = await requests()
    for (let count = 0; count < 40; count++) {
      assert.equal(await (await fetch(`${url}/some/page`, { headers: { connection: 'close' } })).text(), 'ok')
    }
    await eventually('40 requests are counted', async () => (await requests()) === before + 40)
  })

  test('the brake reaches all of them', async () => {
    await fetch(`${admin}/brake`, { method: 'PUT', body: '"on"', headers: { 'content-type': 'application/json' } })
    const { brake } = (await (await fetch(`${admin}/brake`)).json()) as { brake: string }
    assert.equal(brake, 'on')
    const metrics = await (await fetch(`${admin}/metrics`)).text()
    assert.match(metrics, /^handover_gateway_brake_on 1$/m)
    await fetch(`${admin}/brake`, { method: 'PUT', body: '"off"', headers: { 'content-type': 'application/json' } })
  })

  test('a signal puts the brake on in all of them, another takes it off', async () => {
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

  test('they stop together, with exit code 0', async () => {
    gateway.kill('SIGTERM')
    const { code } = await gateway.ended
    assert.equal(code, 0)
    await assert.rejects(fetch(url))
  })
})
