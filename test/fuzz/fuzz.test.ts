import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzz, type Subject } from './fuzz.ts'
import { Llhttp } from './llhttp.ts'
import { Random } from './random.ts'
import { compareRequest, randomRequest } from './requests.ts'
import { compareResponse } from './responses.ts'

/** `HANDOVER_FUZZ_CASES=1000000` in CI. */
const CASES = Number(process.env['HANDOVER_FUZZ_CASES'] ?? 100_000)
const SEED = 20_261_130

for (const subject of ['requests', 'responses'] satisfies Subject[]) {
  test(`the fast path and llhttp read the same in ${CASES} random ${subject}, or the fast path leaves them`, () => {
    const { accepted, left, fault } = fuzz({ subject, seed: SEED, from: 0, cases: CASES })
    assert.equal(
      fault && `case ${fault.number}: ${fault.difference}\n${JSON.stringify(fault.bytes.toString('latin1'))}`,
      undefined,
    )
    assert.ok(accepted > CASES / 5, `only ${accepted} were read by both`)
    assert.ok(left > CASES / 20, `only ${left} were left`)
  })
}

test('a seed gives the same cases, and a case can be repeated alone', () => {
  const random = new Random()
  const bytesOf = (seed: number, number: number) => {
    random.begin(seed, number)
    return randomRequest(random).toString('latin1')
  }
  const cases = Array.from({ length: 50 }, (_, number) => bytesOf(7, number))
  assert.deepEqual(
    [...cases.keys()]
      .reverse()
      .map((number) => bytesOf(7, number))
      .reverse(),
    cases,
  )
  assert.notDeepEqual(
    Array.from({ length: 50 }, (_, number) => bytesOf(8, number)),
    cases,
  )
})

test('the comparison notices a request that llhttp ends earlier or refuses', () => {
  const llhttp = new Llhttp('requests')
  const head = 'POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n'
  assert.equal(compareRequest(Buffer.from(`${head}a=b`), llhttp), 'accepted')
  assert.equal(compareRequest(Buffer.from(`${head}a=`), llhttp), 'accepted')
  assert.equal(compareRequest(Buffer.from(`${head}a=bc`), llhttp), 'left')
  const blind = { read: () => ({ error: 'HPE_STRICT', messages: [] }) } as unknown as Llhttp
  assert.deepEqual(compareRequest(Buffer.from(`${head}a=b`), blind), { difference: 'llhttp refuses it: HPE_STRICT' })
})

test('responses that only a lenient parser accepts are refused', () => {
  const [llhttp, random] = [new Llhttp('responses'), new Random()]
  random.begin(1, 1)
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked'
  for (const text of [
    `${chunked}\t\r\n\r\n0\r\n\r\n`,
    `${chunked}\r\n\r\n1;\r\na\r\n0\r\n\r\n`,
    'HTTP/1.0 100 Wait\r\n\r\n',
    'HTTP/1.1 103 A\r\nContent-Length: 1\r\n\r\n',
  ]) {
    assert.equal(compareResponse(Buffer.from(text), llhttp, random), 'left', JSON.stringify(text))
  }
  assert.equal(compareResponse(Buffer.from(`${chunked}\r\n\r\n1;a="b"\r\na\r\n0\r\n\r\n`), llhttp, random), 'accepted')
})
