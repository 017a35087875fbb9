import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type RunningGateway, startGateway } from '../../gateway/index.ts'
import { silentLog } from '../../observability/index.ts'
import { run as brake } from './brake.ts'

const LOCAL = { host: '127.0.0.1', port: 0 }
const gateways: RunningGateway[] = []

before(async () => {
  for (let count = 0; count < 2; count++) {
    const nowhere = 'http://127.0.0.1:9'
    const source = { kind: 'none' } as const
    gateways.push(await startGateway({ listen: LOCAL, adminListen: LOCAL, legacyUrl: nowhere, source }, silentLog))
  }
})
after(() => Promise.all(gateways.map((gateway) => gateway.close())))

const adminUrls = () => gateways.map((gateway) => gateway.adminUrl ?? '')

async function called(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const io = {
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
  }
  const code = await brake(args, { ...io, env: {} })
  return { code, out: out.join(''), err: err.join('') }
}

test('the brake of gateways is set and released at their admin ports, without control plane or token', async () => {
  const [one = '', two = ''] = adminUrls()
  const both = ['--gateway', one, '--gateway', two]
  const isOn = `the brake of ${one} is on, held by switch\nthe brake of ${two} is on, held by switch\n`
  assert.deepEqual(await called('on', ...both), { code: 0, out: isOn, err: '' })
  assert.deepEqual(await called('status', ...both), { code: 0, out: isOn, err: '' })
  assert.deepEqual(JSON.parse((await called('status', '--json', '--gateway', one)).out), [
    { gateway: one, brake: 'on', held_by: ['switch'] },
  ])
  await called('off', ...both)
  assert.equal((await called('status', '--gateway', two)).out, `the brake of ${two} is off\n`)
})

test('a gateway that does not answer is named, and does not prevent setting the brake at the others', async () => {
  const [one = ''] = adminUrls()
  const { code, out, err } = await called('on', '--gateway', 'http://127.0.0.1:9', '--gateway', one)
  assert.deepEqual([code, out], [1, ''])
  assert.match(err, /^handover brake: http:\/\/127\.0\.0\.1:9 does not answer: .*; the brake of .* is on, .*\n$/)
  assert.match((await called('status', '--gateway', one)).out, /is on/)
  await called('off', '--gateway', one)
})

test('invalid usage is refused before any change', async () => {
  const [one = ''] = adminUrls()
  assert.equal((await called('on', '--gateway', 'nowhere')).code, 2)
  assert.equal((await called('on', '--gateway', one, '--reason', 'x')).code, 2)
  assert.match((await called('status', '--gateway', one)).out, /is off/)
})
