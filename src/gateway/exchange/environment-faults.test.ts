import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { assertPublished, markdownTable } from '../../../test/support/fault-document.ts'
import type { RunningGateway } from '../start.ts'
import {
  Bed,
  FORM,
  ndjson,
  replaceFile,
  type Side,
  snapshotLines,
  startGatewayProcess,
  until,
} from '../testing/test-bed.ts'

const LOCAL = { host: '127.0.0.1', port: 0 }
/** Never resolves (RFC 6761 §6.4). */
const NOWHERE = 'http://no-such-host.invalid:8084'

let bed: Bed
let legacy: Side
let iam: Side
before(async () => {
  bed = await Bed.make()
  legacy = await bed.side('legacy')
  iam = await bed.side('iam')
})
after(() => bed.end())

const REQUESTS = {
  'new flow of a moved client': ['/oauth/authorize?client_id=moved', {}],
  'code of IAM': ['/oauth/token', 'grant_type=authorization_code&code=gliamac-x&client_id=moved'],
  'code of legacy': ['/oauth/token', 'grant_type=authorization_code&code=x&client_id=moved'],
  'any other page': ['/users/sign_in', {}],
} as const
const NAMES = Object.keys(REQUESTS) as Array<keyof typeof REQUESTS>

async function askAll(gateway: RunningGateway): Promise<string[]> {
  const cells: string[] = []
  for (const name of NAMES) {
    const [path, form] = REQUESTS[name]
    const options = typeof form === 'string' ? { method: 'POST', headers: FORM, body: form } : {}
    const answer = await fetch(gateway.url + path, options)
    const text = await answer.text()
    const [, side] = /^\{"side":"(\w+)"\}$/.exec(text) ?? []
    const again = answer.headers.has('retry-after') ? ', Retry-After' : ''
    cells.push(side === undefined ? `${answer.status}${again}` : `${answer.status} by ${side}`)
  }
  return cells
}

test('a side with a host name that does not resolve counts as down', async () => {
  const withoutIam = await bed.gateway({ legacyUrl: legacy.url, iamUrl: NOWHERE })
  const withoutLegacy = await bed.gateway({ legacyUrl: NOWHERE, iamUrl: iam.url })
  const rows = [
    ['IAM', ...(await askAll(withoutIam))],
    ['legacy', ...(await askAll(withoutLegacy))],
  ]
  assert.deepEqual(rows, [
    ['IAM', '200 by legacy', '503, Retry-After', '200 by legacy', '200 by legacy'],
    ['legacy', '200 by iam', '200 by iam', '502, Retry-After', '502, Retry-After'],
  ])
  const said = (await bed.records()).filter(({ msg }) => msg === 'an upstream did not answer')
  assert.ok(
    said.every(({ cause }) => /^(ENOTFOUND|EAI_AGAIN|ETIMEDOUT)$/.test(`${cause}`)),
    JSON.stringify(said),
  )
  assert.ok(said.length >= 3)
  assertPublished(
    'A name does not resolve',
    `By \`src/gateway/exchange/environment-faults.test.ts\`: the address of a side names a host that is not known. What the resolver says (ENOTFOUND or
EAI_AGAIN) is logged as the cause.

${markdownTable(['Not known', ...NAMES], rows)}`,
  )
})

test('a gateway that cannot write its files still routes, follows changes and brakes, and reports what it cannot store', async () => {
  const control = await bed.side('control')
  control.answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).write(ndjson(snapshotLines()))
  }
  const file = join(bed.directory, 'no-directory')
  await writeFile(file, '')
  const gateway = await bed.gateway({
    ...{ legacyUrl: legacy.url, iamUrl: iam.url, adminListen: LOCAL, brakeFile: join(file, 'brake') },
    source: {
      ...{ kind: 'control', url: control.url, token: 't', environment: 'production' },
      stateFile: join(file, 'kept.ndjson'),
    },
  })
  await until(async () => (await fetch(`${gateway.adminUrl}/readyz`)).status === 200)
  const seen = await askAll(gateway)
  assert.deepEqual(seen, ['200 by iam', '200 by iam', '200 by legacy', '200 by legacy'])
  await until(() => bed.lines.join('').includes('the last good snapshot cannot be kept on disk'))
  const [warning] = (await bed.records()).filter(({ msg }) => msg === 'the last good snapshot cannot be kept on disk')
  assert.ok(warning?.['cause'] === 'ENOTDIR' || warning?.['cause'] === 'EEXIST', JSON.stringify(warning))
  assert.equal((await fetch(`${gateway.adminUrl}/brake`, { method: 'PUT', body: 'on' })).status, 200)
  const braked = await askAll(gateway)
  assert.deepEqual(braked, ['200 by legacy', '200 by iam', '200 by legacy', '200 by legacy'])
  assertPublished(
    'The data directory cannot be written',
    `By \`src/gateway/exchange/environment-faults.test.ts\`: the gateway's last good snapshot and its brake file lie where nothing can be. It routes, follows the
control plane and brakes by its admin port all the same; "the last good snapshot cannot be kept on disk" is logged with the cause, once, and
writing is tried again every 30 s.

${markdownTable(
  ['Gateway', ...NAMES],
  [
    ['follows the control plane', ...seen],
    ['braked by its admin port', ...braked],
  ],
)}`,
  )
})

test('a gateway that is killed in mid-request has sent the code once, and it is never sent again', async () => {
  const path = join(bed.directory, 'killed.ndjson')
  await replaceFile(path, ndjson(snapshotLines()))
  const sides = { legacyUrl: legacy.url, iamUrl: iam.url }
  const source = { kind: 'file', path, environment: 'production' } as const
  const gateway = await startGatewayProcess({ ...sides, source })
  const answered = iam.answer
  iam.answer = () => {}
  const reached = () =>
    [legacy, iam].map(({ received }) => received.filter(({ body }) => body.includes('gliamac-once')).length)
  const asked = fetch(`${gateway.url}/oauth/token`, {
    ...{ method: 'POST', headers: FORM, body: 'grant_type=authorization_code&code=gliamac-once&client_id=moved' },
  }).then(
    ({ status }) => String(status),
    () => 'the connection breaks off',
  )
  await until(() => reached()[1] === 1)
  process.kill(gateway.pid, 'SIGKILL')
  const seen = await asked
  iam.answer = answered
  const next = await startGatewayProcess({ ...sides, source })
  const after = await fetch(`${next.url}/oauth/authorize?client_id=moved`)
  next.stop()
  assert.deepEqual([seen, after.status, ...reached()], ['the connection breaks off', 200, 0, 1])
  assertPublished(
    'A gateway is killed in the middle of a request',
    `By \`src/gateway/exchange/environment-faults.test.ts\`: SIGKILL while IAM has a code and has not answered. For the client ${seen}; IAM has received
the code once, legacy never, and the gateway that starts next sends nothing of its own. Whether to ask again is the client's to say.`,
  )
})
