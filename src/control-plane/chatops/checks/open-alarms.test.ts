import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type AlarmSettings, openAlarms } from './open-alarms.ts'

describe('open alarms', () => {
  let url = ''
  let asked: Pick<IncomingMessage, 'url' | 'headers'> = { url: '', headers: {} }
  let answer: (response: ServerResponse) => void = () => {}
  const server = createServer((request, response) => {
    asked = request
    answer(response)
  })
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const settings = (more: Partial<AlarmSettings> = {}): AlarmSettings => ({
    ...{ kind: 'prometheus', url: `${url}/prom/`, token: undefined },
    ...{ namePrefix: 'Handover', severities: ['critical'], match: {} },
    ...more,
  })
  const alert = (alertname: string, more: object = {}, labels: object = {}) => ({
    labels: { alertname, severity: 'critical', ...labels },
    annotations: { summary: `${alertname} says so` },
    state: 'firing',
    status: { state: 'active' },
    ...more,
  })
  const says =
    (document: unknown, status = 200) =>
    (response: ServerResponse) =>
      response.writeHead(status).end(typeof document === 'string' ? document : JSON.stringify(document))
  const prometheus = (...alerts: object[]) => says({ status: 'success', data: { alerts } })

  test('from Prometheus are those that are firing, belong to the system, and are critical', async () => {
    answer = prometheus(
      alert('HandoverA'),
      alert('HandoverB', { state: 'pending' }),
      alert('HandoverC', {}, { severity: 'warning' }),
      alert('Others'),
      alert('HandoverD', { annotations: {} }),
    )
    assert.deepEqual(await openAlarms(settings())('production'), ['HandoverA: HandoverA says so', 'HandoverD'])
    assert.equal(asked.url, '/prom/api/v1/alerts')
    assert.equal(asked.headers.authorization, undefined)
    const all = await openAlarms(settings({ namePrefix: '', severities: [] }))('production')
    assert.equal(all.length, 4)
  })

  test('from an Alertmanager are those that are not silenced', async () => {
    answer = says([alert('HandoverA'), alert('HandoverB', { status: { state: 'suppressed' } })])
    const ask = openAlarms(settings({ kind: 'alertmanager', url, token: 'a-token' }))
    assert.deepEqual(await ask('production'), ['HandoverA: HandoverA says so'])
    assert.match(asked.url ?? '', /^\/api\/v2\/alerts\?.*silenced=false/)
    assert.equal(asked.headers.authorization, 'Bearer a-token')
  })

  test('count for the environment that their labels name', async () => {
    answer = prometheus(alert('HandoverA', {}, { env: 'gprd' }), alert('HandoverB', {}, { env: 'gstg' }))
    const ask = openAlarms(settings({ match: { production: { env: 'gprd' }, staging: { env: 'gstg' } } }))
    assert.deepEqual(await ask('production'), ['HandoverA: HandoverA says so'])
    assert.deepEqual(await ask('staging'), ['HandoverB: HandoverB says so'])
    assert.equal((await ask('pre')).length, 2)
  })

  test('with one name form one line with a count, and a line stays one line', async () => {
    answer = prometheus(
      ...['A', 'A', 'B', 'C', 'D', 'E', 'F', 'G'].map((letter) => alert(`Handover${letter}`)),
      alert('Handover0', { annotations: { summary: `a\u001b[31m\n\u202eb${'x'.repeat(500)}` } }),
    )
    const lines = await openAlarms(settings())('production')
    assert.equal(lines.length, 6)
    assert.deepEqual(lines.at(-1), 'and 3 more')
    answer = prometheus(alert('Handover0', { annotations: { summary: `a\u001b[31m\n\u202eb${'x'.repeat(500)}` } }))
    const [line = ''] = await openAlarms(settings())('production')
    assert.match(line, /^Handover0: a \[31m bx+…$/)
    assert.equal(line.length, 201)
  })

  test('contain only characters that the audit log can store, however they are shortened', async () => {
    for (const summary of ['\ud83d broken', `${'😀'.repeat(200)}`, `x${'😀'.repeat(200)}`]) {
      answer = prometheus(alert('Handover0', { annotations: { summary } }))
      const [line = ''] = await openAlarms(settings())('production')
      assert.ok(line.isWellFormed(), line)
    }
  })

  for (const [what, give, why] of [
    ['a status', says('no', 503), 'Prometheus answers with status 503'],
    ['a redirect', (response: ServerResponse) => response.writeHead(302, { location: '/' }).end(), 'status 302'],
    ['what is no JSON', says('<html>'), 'Prometheus answers what cannot be read'],
    ['an error', says({ status: 'error', error: 'x' }), 'Prometheus answers what cannot be read'],
    ['a broken connection', (response: ServerResponse) => response.destroy(), 'Prometheus does not answer'],
  ] as const) {
    test(`${what} is not an all-clear`, async () => {
      answer = give
      const [line, ...more] = await openAlarms(settings({ token: 'a-token' }))('production')
      assert.match(line ?? '', /^whether one is open is not known, for /)
      assert.ok(line?.includes(why), line)
      assert.ok(!line?.includes('a-token'))
      assert.equal(more.length, 0)
    })
  }
})
