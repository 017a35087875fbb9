import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { issueVerifier } from '../../credentials/index.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM, ndjson, type Side, snapshotLines, until } from '../testing/test-bed.ts'

const ADMIN = { host: '127.0.0.1', port: 0 }
const A_SECOND = 1_000
const verifierKey = randomBytes(32)
const flowKey = randomBytes(32)
let bed: Bed
let legacy: Side
let iam: Side
let control: Side
let streams: ServerResponse[]
let brakeFile: string
let gateway: RunningGateway

before(async () => {
  bed = await Bed.make()
  legacy = await bed.side('legacy')
  iam = await bed.side('iam')
  control = await bed.side('control')
  streams = []
  control.answer = (_request, response) => {
    streams.push(response)
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).write(ndjson(snapshotLines()))
  }
  brakeFile = join(bed.directory, 'brake')
  gateway = await bed.gateway({
    ...{ legacyUrl: legacy.url, iamUrl: iam.url, adminListen: ADMIN, brakeFile, verifierKey, flowKey, signals: true },
    source: { kind: 'control', url: control.url, token: 't', environment: 'production', stateFile: undefined },
  })
  await until(async () => (await sideOf()) === 'iam')
})
after(() => bed.end())
beforeEach(() => {
  bed.lines.length = 0
})

async function sideOf(path = '/oauth/authorize?client_id=moved', options: RequestInit = {}): Promise<string> {
  const answer = await fetch(gateway.url + path, options)
  return ((await answer.json()) as { side: string }).side
}

const form = (body: string): RequestInit => ({ method: 'POST', headers: FORM, body })
const admin = async (path: string) => (await fetch(`${gateway.adminUrl}${path}`)).text()
const pull = (body: string) => fetch(`${gateway.adminUrl}/brake`, { method: 'PUT', body })
const sendChange = (line: unknown) => void streams.at(-1)?.write(ndjson([line]))

/** Each way to hold the brake, under the name that reports show. */
const WAYS = [
  { by: 'admin port', source: 'switch', on: () => pull('on'), off: () => pull('off') },
  {
    by: 'signal',
    source: 'switch',
    on: async () => void process.kill(process.pid, 'SIGUSR2'),
    off: async () => void process.kill(process.pid, 'SIGUSR1'),
  },
  { by: 'file', source: 'file', on: () => writeFile(brakeFile, ''), off: () => rm(brakeFile) },
  {
    by: 'control plane',
    source: 'control_plane',
    on: async () => sendChange({ type: 'change', from: 7, to: 8, brake: true }),
    off: async () => sendChange({ type: 'change', from: 8, to: 9, brake: false }),
  },
] as const

async function assertHeld(source: string): Promise<void> {
  const newFlows = [
    sideOf('/oauth/authorize?client_id=moved'),
    sideOf('/oauth/authorize_device', form('client_id=moved')),
    sideOf('/oauth/token', form('grant_type=client_credentials&client_id=moved')),
    sideOf('/oauth/token', form('grant_type=password&client_id=moved&username=u&password=p')),
  ]
  assert.deepEqual(new Set(await Promise.all(newFlows)), new Set(['legacy']), 'a new flow went to IAM')
  const verifier = issueVerifier('login', verifierKey, Date.now() / 1_000 + 60)
  const underWay = [
    sideOf('/oauth/token', form('grant_type=authorization_code&code=gliamac-x&client_id=moved')),
    sideOf('/oauth/token', form('grant_type=refresh_token&refresh_token=gliamrt-x&client_id=moved')),
    sideOf('/oauth/token', form('grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=gliamdc-x')),
    sideOf('/oauth/introspect', form('token=gliamat-x')),
    sideOf('/oauth/userinfo', { headers: { authorization: 'Bearer gliamat-x' } }),
    sideOf(`/oauth/authorize?client_id=moved&login_verifier=${verifier}`),
  ]
  assert.deepEqual(new Set(await Promise.all(underWay)), new Set(['iam']), "what is IAM's own left it")
  const decisions = await bed.records('decisions')
  assert.deepEqual(new Set(decisions.slice(-10).map((record) => record['brake'])), new Set([true]))
  for (const path of ['/healthz', '/readyz']) {
    const { brake, brake_held_by } = JSON.parse(await admin(path)) as Record<string, unknown>
    assert.deepEqual([brake, brake_held_by], ['on', [source]], path)
  }
  const metrics = await admin('/metrics')
  assert.match(metrics, /^handover_gateway_brake_on 1$/m)
  assert.match(metrics, new RegExp(`^handover_gateway_brake_held\\{source="${source}"\\} 1$`, 'm'))
}

async function assertReleased(): Promise<void> {
  await until(async () => (await sideOf()) === 'iam', A_SECOND)
  assert.ok(!('brake' in ((await bed.records('decisions')).at(-1) ?? {})), 'a line says there is a brake')
  assert.match(await admin('/metrics'), /^handover_gateway_brake_on 0$/m)
  assert.doesNotMatch(await admin('/metrics'), /^handover_gateway_brake_held\{.*\} 1$/m)
}

describe('the brake, held in each of the ways', () => {
  for (const { by, source, on, off } of WAYS) {
    test(`by ${by}: new flows are on legacy within a second, IAM keeps its own, and every report shows it`, async () => {
      await on()
      await until(async () => (await sideOf()) === 'legacy', A_SECOND)
      await assertHeld(source)
      await off()
      await assertReleased()
    })
  }

  test('with the control plane down, the gateway still obeys its own three holders', async () => {
    await control.stop()
    for (const { by, source, on, off } of WAYS) {
      if (by === 'control plane') continue
      await on()
      await until(async () => (await sideOf()) === 'legacy', A_SECOND)
      await assertHeld(source)
      await off()
      await assertReleased()
    }
  })
})
