import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { assertPublished, markdownTable, warningsOf } from '../../../test/support/fault-document.ts'
import { FAULT_MODES, type FaultProxy, openFaultProxy } from '../../../test/support/fault-proxy.ts'
import { WAIT_LIMIT_MS } from '../../../test/support/wait.ts'
import type { GatewaySettings } from '../settings.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM, ndjson, type Side, snapshotLines, until } from '../testing/test-bed.ts'

const FAULTS = FAULT_MODES.filter((mode) => mode !== 'open')
const LOCAL = { host: '127.0.0.1', port: 0 }
/** The longest pause between two attempts to open the stream is 7.5 s: 5 s plus 50% jitter. */
const FOLLOWS_WITHIN_MS = 12_000
/** The faults that end at the time limit alone. Where another fault is to be seen, the limit must not come first. */
const ENDED_BY_LIMIT: readonly FaultProxy['mode'][] = ['hangs before the head', 'hangs within the body', 'is slow']

let bed: Bed
let legacy: Side
let iam: Side
const ends: Array<() => Promise<unknown>> = []

before(async () => {
  bed = await Bed.make()
  legacy = await bed.side('legacy')
  iam = await bed.side('iam')
})
after(async () => {
  for (const end of ends.reverse()) await end()
  await bed.end()
})

const REQUESTS = {
  'new flow of a moved client': ['/oauth/authorize?client_id=moved', {}],
  'code of IAM': ['/oauth/token', 'grant_type=authorization_code&code=gliamac-x&client_id=moved'],
  'code of legacy': ['/oauth/token', 'grant_type=authorization_code&code=x&client_id=moved'],
  'any other page': ['/users/sign_in', {}],
} as const
type Name = keyof typeof REQUESTS
const NAMES = Object.keys(REQUESTS) as Name[]

/** A gateway with its own log, and a proxy in front of its source that fails as configured. */
interface Stand {
  readonly own: Bed
  readonly proxy: FaultProxy
  readonly gateway: RunningGateway
  ask(name: Name): Promise<string>
}

async function stand(
  server: Side,
  mode: FaultProxy['mode'],
  source: (url: string, own: Bed) => Promise<GatewaySettings['source']>,
): Promise<Stand> {
  const own = await Bed.make()
  ends.push(() => own.end())
  const proxy = await openFaultProxy(LOCAL, { host: '127.0.0.1', port: Number(new URL(server.url).port) })
  ends.push(() => proxy.close())
  await proxy.set(mode)
  const sides = { legacyUrl: legacy.url, iamUrl: iam.url }
  const limits = { routingEndpointMs: ENDED_BY_LIMIT.includes(mode) ? 1_000 : WAIT_LIMIT_MS }
  const gateway = await own.gateway({ ...sides, limits, adminListen: LOCAL, source: await source(proxy.url, own) })
  return { own, proxy, gateway, ask: (name) => ask(own, gateway, name) }
}

/** What a client sees and the decision line shows; fails if a code went to the wrong side, or was sent twice. */
async function ask(own: Bed, gateway: RunningGateway, name: Name): Promise<string> {
  const [path, form] = REQUESTS[name]
  const mark = randomBytes(6).toString('hex')
  const options = typeof form === 'string' ? { method: 'POST', headers: FORM, body: `${form}&mark=${mark}` } : {}
  const lines = own.lines.length
  const answer = await fetch(gateway.url + path, options)
  const { side } = (await answer.json()) as { side: string }
  if (typeof form === 'string') {
    const at = (each: Side) => each.received.filter(({ body }) => body.includes(mark)).length
    const belongsToIam = name === 'code of IAM'
    assert.deepEqual([at(iam), at(legacy)], belongsToIam ? [1, 0] : [0, 1], `${name} went astray`)
  }
  if (name === 'any other page') return `${answer.status} by ${side}`
  await until(() => own.lines.slice(lines).join('').includes('iamproxy: routing decision'))
  const { reason } = (await own.records('decisions')).at(-1) ?? {}
  return `${answer.status} by ${side}, ${reason}`
}

async function askAll({ ask }: Pick<Stand, 'ask'>): Promise<string[]> {
  const cells: string[] = []
  for (const name of NAMES) cells.push(await ask(name))
  return cells
}

const SAFE = ['200 by iam, credential_issuer', '200 by legacy, credential_unknown', '200 by legacy']

describe('decision sources that fail', () => {
  test('the routing endpoint fails in every way: new flows go to legacy, and nothing else is affected', async () => {
    const endpoint = await bed.side('endpoint')
    endpoint.answer = (_request, response) =>
      void response
        .writeHead(200, { 'Content-Type': 'application/vnd.gitlab-workhorse+json' })
        .end('{"destination":"iam"}')
    const secret = randomBytes(32)
    const rows = await Promise.all(
      FAULTS.map(async (fault) => {
        const at = await stand(endpoint, fault, async (url) => ({ kind: 'endpoint', url, secret }))
        const cells = await askAll(at)
        assert.deepEqual(cells, ['200 by legacy, routing_unavailable', ...SAFE], fault)
        const warnings = warningsOf(await at.own.records())
        await at.proxy.set('open')
        await until(async () => (await at.ask('new flow of a moved client')) === '200 by iam, flag_enabled')
        return [fault, ...cells, warnings]
      }),
    )
    assertPublished(
      'The routing endpoint fails',
      `By \`src/gateway/decision-source/source-faults.test.ts\`. The endpoint is asked for new flows only, within its time limit and once a request. With
the first answer it gives again, clients go where it says.\n\n${markdownTable(['Routing endpoint', ...NAMES, 'logged in addition to the decision lines'], rows)}`,
    )
  })

  test('the control plane fails in every way, at startup and later: the last good snapshot stays in use', async () => {
    const control = await bed.side('control')
    control.answer = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).write(ndjson(snapshotLines()))
    }
    const sourceAt = (isKept: boolean) => async (url: string, own: Bed) => {
      const stateFile = join(own.directory, 'kept.ndjson')
      if (isKept) await writeFile(stateFile, ndjson(snapshotLines({ version: 5 })))
      return { kind: 'control', url, token: 't', environment: 'production', stateFile } as const
    }
    const rows = await Promise.all(
      FAULTS.map(async (fault) => {
        const bare = await stand(control, fault, sourceAt(false))
        const kept = await stand(control, fault, sourceAt(true))
        const later = await stand(control, 'open', sourceAt(false))
        const atStart = await Promise.all([askAll(bare), askAll(kept)])
        await until(() => hasVersion(later, 7))
        await later.proxy.set('refuses')
        await later.proxy.set(fault)
        const cells = [...atStart, await askAll(later)]
        for (const [index, [, ...others]] of cells.entries()) assert.deepEqual(others, SAFE, `${fault} ${index}`)
        await until(async () => warningsOf(await bare.own.records()) !== 'nothing' || fault === 'is slow')
        const warnings = warningsOf(await bare.own.records())
        const stands = [bare, kept, later]
        await Promise.all(stands.map(({ proxy }) => proxy.set('open')))
        for (const each of stands) await until(() => hasVersion(each, 7))
        assert.equal(await bare.ask('new flow of a moved client'), '200 by iam, flag_enabled')
        return [fault, ...cells.map(([first = '']) => first), warnings]
      }),
    )
    for (const [fault, bare, kept, later] of rows) {
      const known = '200 by iam, flag_enabled'
      assert.deepEqual([bare, kept, later], ['200 by legacy, routing_unavailable', known, known], fault)
    }
    const heads = ['Control plane', 'at the start, no snapshot on disk', 'at the start, snapshot on disk', 'later']
    assertPublished(
      'The snapshot stream fails',
      `By \`src/gateway/decision-source/source-faults.test.ts\`: a new flow of a moved client; codes of either side and all other pages go where they belong in
every cell. A gateway that has no snapshot sends new flows to legacy. When the control plane is back, every gateway follows it within
${FOLLOWS_WITHIN_MS / 1_000} s (at most 5 s between two tries, and half of it again), and answers as before until then.

${markdownTable([...heads, 'logged in addition to the decision lines'], rows)}`,
    )
  })
})

async function hasVersion({ gateway }: Stand, version: number): Promise<boolean> {
  const state = (await (await fetch(`${gateway.adminUrl}/readyz`)).json()) as { snapshot_version: unknown }
  return state.snapshot_version === version
}
