import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type QueryServer, readQuery } from './metric-query.ts'

const GUARD = { name: 'errors', query: 'sum(rate(errors[5m])) > 0', atMost: 2, atLeast: undefined }

describe('a guard on a PromQL query', () => {
  let body: string | undefined
  let status = 200
  const asked: Array<string | undefined> = []
  const server = createServer((request, response) => {
    asked.push(request.url, request.headers.authorization)
    if (body !== undefined) response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  let prometheus: QueryServer
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    prometheus = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prom/`, token: 'secret' }
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const now = () => Date.now() / 1_000
  const vector = (...values: string[]) =>
    JSON.stringify({
      status: 'success',
      data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [now(), value] })) },
    })
  const read = (answer: string | undefined, code = 200) => {
    body = answer
    status = code
    return readQuery(prometheus, GUARD, { timeoutMs: answer === undefined ? 200 : 5_000 })
  }

  test('passes within its limit and fails beyond it, and says so with the value', async () => {
    assert.deepEqual(await read(vector('2')), {
      ...{ guard: 'query:errors', verdict: 'pass', value: 2 },
      sentence: 'Passed: the query errors is 2; it must be at most 2.',
    })
    const failed = await read(vector('2.5'))
    assert.deepEqual([failed.verdict, failed.value], ['fail', 2.5])
    assert.equal((await read(vector('+Inf'))).verdict, 'fail')
    body = vector('2.5')
    const least = await readQuery(prometheus, { ...GUARD, atMost: undefined, atLeast: 3 })
    assert.equal(least.sentence, 'Failed: the query errors is 2.5; it must be at least 3.')
    assert.deepEqual(asked.slice(0, 2), [
      `/prom/api/v1/query?query=${encodeURIComponent(GUARD.query)}`,
      'Bearer secret',
    ])
  })

  const cases: Array<[string, () => string | undefined, number?]> = [
    ['nothing', () => vector()],
    ['NaN', () => vector('NaN')],
    ['an empty value', () => vector('')],
    ['several series', () => vector('1', '1')],
    ['an error', () => JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'parse error' }), 400],
    ['an error with status 200', () => JSON.stringify({ status: 'error', error: 'x' })],
    ['a matrix', () => JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [] } })],
    ['a page that is not JSON', () => '<html>'],
    ['no answer in time', () => undefined],
    [
      'a value from an hour ago',
      () => JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [now() - 3_600, '1'] } }),
    ],
  ]
  for (const [what, answer, code] of cases) {
    test(`has not enough evidence when the query returns ${what}`, async () => {
      const { verdict, value, sentence } = await read(answer(), code)
      assert.deepEqual({ verdict, value }, { verdict: 'not_enough_evidence', value: undefined })
      assert.match(sentence, /^Not enough evidence: the query errors /)
    })
  }

  test('has not enough evidence without a server, or when nothing listens there', async () => {
    assert.equal((await readQuery(undefined, GUARD)).verdict, 'not_enough_evidence')
    const nowhere = { url: 'http://127.0.0.1:1', token: undefined }
    assert.equal((await readQuery(nowhere, GUARD)).verdict, 'not_enough_evidence')
  })
})
