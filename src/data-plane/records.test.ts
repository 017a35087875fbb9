import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT, startProgram } from '../../test/support/program.ts'
import { NO_HAPROXY, PlaneBed, until } from './testing/plane-bed.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const SECRET = 'S3cret-of-the-client'

test('HAProxy writes a decision line as the gateway does, counts it, and never shows a credential', {
  skip: NO_HAPROXY,
}, async () => {
  const bed = await PlaneBed.make()
  const legacy = await bed.side('legacy')
  const iam = await bed.side('iam')
  await bed.snapshot()
  const program = await startProgram({
    command: process.execPath,
    args: [
      ...[
        join(ROOT, 'src/main.ts'),
        'dataplane',
        'haproxy',
        '--listen',
        '127.0.0.1:0',
        '--admin-listen',
        '127.0.0.1:0',
      ],
      ...['--legacy-url', legacy.url, '--iam-url', iam.url, '--snapshot', bed.snapshotFile],
      ...['--data-dir', join(bed.directory, 'data'), '--drain-ms', '500'],
    ],
  })
  const lines = () =>
    program.stdout.all.flatMap((line) => {
      assert.ok(line.startsWith('{'), line)
      return [JSON.parse(line) as Record<string, unknown>]
    })
  const decisions = () => lines().filter(({ msg }) => msg === 'iamproxy: routing decision')
  try {
    const ready = () => lines().find(({ listen }) => listen !== undefined)
    await until(() => ready() !== undefined)
    const url = String(ready()?.['listen'])
    const token = (body: string) =>
      fetch(`${url}/oauth/token`, { method: 'POST', headers: FORM, body: `${body}&client_secret=${SECRET}` })
    iam.answer = (_request, response) => void response.writeHead(503).end()
    await token('grant_type=client_credentials&client_id=staying')
    await token('grant_type=client_credentials&client_id=moved')
    await token(`grant_type=refresh_token&refresh_token=gliamrt-${SECRET}&client_id=moved`)
    await token(`grant_type=client_credentials&client_id=${SECRET}`)
    await until(() => decisions().length === 4)
    const shown = decisions().map(({ client_id, application_id, destination, reason, status }) => [
      ...[client_id, application_id, destination, reason, status],
    ])
    assert.deepEqual(shown, [
      ['staying', 2, 'rails', 'flag_disabled', 200],
      ['moved', 1, 'rails', 'iam_failed_over', 200],
      ['moved', 1, 'iam', 'credential_issuer', 503],
      [shown[3]?.[0], null, 'rails', 'unknown_client', 200],
    ])
    assert.match(String(shown[3]?.[0]), /^sha256:[0-9a-f]{8}$/)
    const [one] = decisions()
    assert.match(String(one?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.equal(
      one?.['correlation_id'],
      legacy.received.find(({ url: path }) => path === '/oauth/token')?.headers['x-request-id'],
    )
    const { time, correlation_id, duration_ms, ...rest } = one ?? {}
    assert.equal(typeof duration_ms, 'number')
    assert.deepEqual(rest, {
      ...{ level: 'info', component: 'dataplane', subcomponent: 'workhorse', method: 'POST', path: '/oauth/token' },
      ...{ endpoint: 'token', client_id: 'staying', application_id: 2, destination: 'rails', reason: 'flag_disabled' },
      ...{ flag_version: 7, status: 200, msg: 'iamproxy: routing decision' },
    })
    const admin = String(ready()?.['admin'])
    const metrics = await (await fetch(`${admin}/metrics`)).text()
    for (const [reason, destination, code] of [
      ['flag_disabled', 'rails', 200],
      ['iam_failed_over', 'rails', 200],
      ['credential_issuer', 'iam', 503],
    ]) {
      const series = `handover_gateway_requests_total{endpoint="token",destination="${destination}",reason="${reason}",code="${code}"} 1`
      assert.ok(metrics.includes(series), series)
    }
    assert.match(metrics, /handover_oauth_application_auth_total\{destination="rails"\} 3/)
    assert.equal(
      program.stdout.all.some((line) => line.includes(SECRET)),
      false,
    )
    assert.equal(metrics.includes(SECRET), false)
  } finally {
    await program.stop()
    await bed.end()
  }
  for (const line of program.stdout.all) assert.ok(line.startsWith('{'), line)
})
