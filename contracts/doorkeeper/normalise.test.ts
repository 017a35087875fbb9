import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { normaliseAnswer, normaliseHeader, shorten } from './normalise.ts'
import { Placeholders } from './placeholders.ts'
import { readSeed } from './seed.ts'

const known = () => new Placeholders(readSeed(), 'http://127.0.0.1:4711')

function normalise(type: string, body: string, lines: ReadonlyArray<readonly [string, string]> = []) {
  return normaliseAnswer({ status: 200, reason: 'OK', lines, headers: { 'content-type': type }, body }, known())
}

/** The normalised value of one member of a JSON response. */
function member(name: string, value: unknown): unknown {
  const { json } = normalise('application/json', JSON.stringify({ [name]: value }))
  return (json as Record<string, unknown>)[name]
}

function jwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ typ: 'JWT', kid: 'k'.repeat(43), alg: 'RS256' })}.${part(claims)}.signature`
}

describe('a normalised response', () => {
  test('keeps status and header lines in their order, spelling and number', () => {
    const lines = [
      ['X-B', '1'],
      ['x-a', '2'],
      ['X-B', '3'],
    ] as const
    assert.deepEqual(normalise('text/plain', '', lines).headers, lines)
  })

  test('keeps the order of JSON members', () => {
    const { json } = normalise('application/json', '{"b":1,"a":{"d":1,"c":2}}')
    assert.equal(JSON.stringify(json), '{"b":1,"a":{"d":1,"c":2}}')
  })

  test('keeps a body that is not JSON as text, whatever its type says', () => {
    assert.deepEqual(
      [normalise('application/json', '{').json, normalise('application/json', '{').body],
      [undefined, '{'],
    )
  })

  test('replaces times, but no other numbers', () => {
    assert.deepEqual([member('created_at', 1_764_000_000), member('iat', 12)], ['<unix-time>', 12])
  })

  test('replaces a duration near the lifetime, and keeps the exact lifetime and any other', () => {
    const spans = [7200, 7199, 7150, -1, 300].map((value) => member('expires_in', value))
    assert.deepEqual(spans, [7200, '<about 7200>', 7150, '<negative>', 300])
  })

  test('decodes an ID token, and shows a lifetime other than 120 seconds', () => {
    const now = Math.floor(Date.now() / 1000)
    const claims = (lifetime: number) => {
      const token = member('id_token', jwt({ iss: 'http://127.0.0.1:4711', sub: '1', iat: now, exp: now + lifetime }))
      return token as { $jwt: { header: object; claims: Record<string, unknown> } }
    }
    const { header, claims: usual } = claims(120).$jwt
    assert.deepEqual(header, { typ: 'JWT', kid: '<kid:43>', alg: 'RS256' })
    assert.deepEqual(usual, { iss: '{base}', sub: '1', iat: '<now>', exp: '<iat+120>' })
    assert.equal(claims(3_600).$jwt.claims['exp'], '<unix-time>')
  })

  test('keeps the forms of a page: their target, method and fields', () => {
    const { html } = normalise(
      'text/html',
      '<form action="/oauth/authorize" method="post"><input name="_method" value="delete"><input name="client_id" value="c1"><input name="authenticity_token" value="abc"></form><p>Deny &amp; go</p>',
    )
    const fields = [
      ['_method', 'delete'],
      ['client_id', 'c1'],
      ['authenticity_token', '<csrf>'],
    ]
    assert.deepEqual(html, { forms: [{ method: 'delete', action: '/oauth/authorize', fields }], text: 'Deny & go' })
  })
})

describe('a normalised header', () => {
  const header = (name: string, value: string) => normaliseHeader(name, value, known())

  test('shows a cookie’s name and attributes, and whether it is deleted', () => {
    assert.equal(header('Set-Cookie', 'a=secret; Path=/; HttpOnly'), 'a=<cookie>; Path=/; HttpOnly')
    assert.equal(header('Set-Cookie', 'a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT'), 'a=; expires=<date>')
  })

  test('distinguishes a weak ETag from a strong one', () => {
    assert.deepEqual([header('ETag', 'W/"1"'), header('ETag', '"1"')], ['W/"<etag>"', '"<etag>"'])
  })

  test('decodes Basic credentials, and leaves other values alone', () => {
    const { uid } = readSeed().clients.conf
    assert.equal(header('Authorization', `Basic ${btoa(`${uid}:wrong`)}`), 'Basic {base64 {uid:conf}:wrong}')
    assert.equal(header('Authorization', 'Basic !'), 'Basic !')
  })
})

test('a long text is shortened and its length given', () => {
  assert.equal(shorten('x'.repeat(6_000)).length, 6_000)
  assert.equal(shorten('x'.repeat(6_001)), `${'x'.repeat(80)}…(6001 characters)`)
})
