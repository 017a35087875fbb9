import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { findDoorkeeper } from '../../scripts/test-parts.ts'
import { type CredentialMarks, readFacts } from '../../src/routing/index.ts'

const ruby = findDoorkeeper()
const isInCi = /^(1|true)$/i.test(process.env.CI ?? '')
const skip = ruby === undefined && !isInCi ? 'ruby-doorkeeper is not installed' : false

const marks: CredentialMarks = {
  extraIamPrefixes: [],
  iamJwtIssuer: undefined,
  legacyJwtIssuer: undefined,
  verifierKey: undefined,
}

interface Asked {
  readonly method: 'POST' | 'GET'
  readonly query: string
  readonly type: string | undefined
  readonly body: string
}

const FORM = 'application/x-www-form-urlencoded'
const TYPES = [
  ...[FORM, undefined, '', `${FORM}, text/plain`, `${FORM} ; charset=utf-8`, FORM.toUpperCase(), 'text/plain'],
  ...['application/json', 'text/x-json', 'application/jsonrequest;x', 'application/json,', 'application/vnd.api+json'],
  ...['multipart/form-data; boundary=b', 'multipart/mixed; boundary="b"', 'multipart/related;boundary=b, x'],
  ...['multipart/form-data; xboundary=b', 'multipart/form-data', 'multipart/form-data; boundary =b'],
]
const PIECES = [
  ...['grant_type=', 'refresh_token', 'gliamrt-1', 'legacy-1', 'client_credentials', '=', '&', ';', ' ', '+'],
  ...['[', ']', '[]', '%5B', '%72efresh_token', '%zz', '%00', '\0', '\u00ff', 'a=1', '& refresh_token=gliamrt-1'],
  ...['refresh_token=legacy-1', 'grant_type=refresh_token', '&refresh_token=gliamrt-1', '[refresh_token]=gliamrt-1'],
  ...['{', '}', '"', ':', ',', '/**/', '//\n', '\\', '\\u0067', 'null', '1', '"refresh_token":"gliamrt-1"'],
  ...['"refresh_token":"legacy-1"', '"grant_type":"refresh_token"', '{"refresh_token":"gliamrt-1"}', '["x"]'],
  ...['--b', '\r\n', '--b--', '\r\n\r\n', 'name="refresh_token"', 'name=refresh_token', ';filename="x"', ';filename'],
  ...['Content-Disposition: form-data; ', 'Content-ID: refresh_token', '--b\r\nContent-Disposition: form-data; name='],
  ...['"refresh_token"\r\n\r\ngliamrt-1\r\n--b--\r\n', '"refresh_token"\r\n\r\nlegacy-1\r\n--b\r\n', '"a"; '],
]

const requests: fc.Arbitrary<Asked> = fc.record({
  method: fc.constantFrom('POST', 'POST', 'GET'),
  // A request target contains no white space.
  query: fc
    .array(fc.constantFrom(...PIECES), { maxLength: 5 })
    .map((pieces) => pieces.join('').replace(/[\s\0\u00ff"\\]/g, '')),
  type: fc.constantFrom(...TYPES),
  body: fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join('')),
})

const RUNS = 4_000

/** The refresh token as Rails reads it, for each request; undefined if it reads none. */
function asRails(asked: readonly Asked[]): Array<string | undefined> {
  const lines = asked.map((one) =>
    JSON.stringify({ ...one, type: one.type ?? null, body: Buffer.from(one.body, 'latin1').toString('base64') }),
  )
  const script = join(import.meta.dirname, 'parameters.rb')
  const run = spawnSync(ruby ?? 'ruby', [script], { input: lines.join('\n'), encoding: 'utf8', maxBuffer: 1 << 26 })
  const answers = run.stdout.trim().split('\n')
  assert.equal(answers.length, asked.length, run.stderr)
  return answers.map((line) => {
    const { parameters } = JSON.parse(line) as { parameters?: Record<string, string> }
    return parameters?.['grant_type'] === 'refresh_token' ? parameters['refresh_token'] : undefined
  })
}

test('the gateway reads every IAM credential that Rails reads from a request', { skip }, () => {
  const asked = fc.sample(requests, { numRuns: RUNS, seed: Number(process.env.SEED ?? 7) })
  // Half of the requests have the grant type in the query, so that a token in the body counts.
  const all = asked.map((one, at) => (at % 2 === 0 ? { ...one, query: `grant_type=refresh_token&${one.query}` } : one))
  const rails = asRails(all)
  let seen = 0
  all.forEach((one, at) => {
    if (!rails[at]?.startsWith('gliamrt-')) return
    seen++
    const parts = { endpoint: 'token', method: one.method, query: one.query, contentType: one.type } as const
    const headers = { authorization: undefined, hasRepeatedHeader: false }
    const facts = readFacts({ ...parts, ...headers, body: Buffer.from(one.body, 'latin1') }, marks, 0)
    assert.equal(facts.credential, 'iam', JSON.stringify(one))
  })
  assert.ok(seen > RUNS / 100, `only ${seen} requests held a credential`)
})
