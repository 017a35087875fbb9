import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { alphabetOf, Placeholders } from './placeholders.ts'
import { readSeed } from './seed.ts'
import type { Answer } from './transport.ts'

const BASE = 'http://127.0.0.1:4711'
const seed = readSeed()
const HEX = 'ab'.repeat(32)

function answer(type: string, body: string, location?: string): Answer {
  const headers = { 'content-type': type, ...(location === undefined ? {} : { location }) }
  return { status: 200, reason: 'OK', lines: [], headers, body }
}

describe('placeholders', () => {
  test('replace the secrets that a JSON response issues, at any depth, and distinguish them', () => {
    const known = new Placeholders(seed, BASE)
    const other = 'cd'.repeat(32)
    known.learn(answer('application/json', JSON.stringify({ access_token: HEX, deeper: [{ refresh_token: other }] })))
    assert.equal(known.text(`${HEX} ${other} ${HEX}`), '<opaque:64:hex#1> <opaque:64:hex#2> <opaque:64:hex#1>')
  })

  test('show the length and the alphabet of a secret', () => {
    const known = new Placeholders(seed, BASE)
    known.learn(answer('application/json', JSON.stringify({ device_code: 'gliamdc-aB_9', user_code: 'ABCD1234' })))
    assert.equal(known.text('gliamdc-aB_9 ABCD1234'), '<opaque:12:base64url#1> <user_code:8:A-Z0-9#2>')
  })

  test('replace the code of a redirect, in query or fragment, in either spelling', () => {
    for (const mark of ['?', '#', '?state=s&']) {
      const known = new Placeholders(seed, BASE)
      known.learn(answer('text/html', '', `https://client.example/cb${mark}code=a%2Bb%2Bc%2Bd`))
      assert.equal(known.text('code=a+b+c+d and a%2Bb%2Bc%2Bd'), 'code=<opaque:7:base64#1> and <opaque:7:base64#1>')
    }
  })

  test('replace the code on the page that shows it, and the token of a form', () => {
    const known = new Placeholders(seed, BASE)
    known.learn(answer('text/html', `<code id="authorization_code">${HEX}</code>`))
    known.learn(answer('text/html', '<input name="authenticity_token" value="x&amp;y+z">'))
    assert.equal(known.text(`${HEX} x&y+z`), '<opaque:64:hex#1> <csrf>')
  })

  test("replace the values of the seed and the server's origin, http and https", () => {
    const known = new Placeholders(seed, BASE)
    const { uid, secret } = seed.clients.conf
    assert.equal(known.text(`${uid}:${secret}`), '{uid:conf}:{secret:conf}')
    assert.equal(
      known.text(`${BASE}/x ${encodeURIComponent(BASE)} https://127.0.0.1:4711/`),
      '{base}/x {base} {base:https}/',
    )
  })

  test('leave values alone that were not issued', () => {
    const known = new Placeholders(seed, BASE)
    known.learn(answer('application/json', JSON.stringify({ scope: 'read_user', token_type: 'Bearer', code: 'short' })))
    assert.equal(known.text(`read_user Bearer short ${HEX}`), `read_user Bearer short ${HEX}`)
  })

  test('do not parse a body as JSON that only looks like it', () => {
    const known = new Placeholders(seed, BASE)
    known.learn(answer('text/plain', JSON.stringify({ access_token: HEX })))
    assert.equal(known.text(HEX), HEX)
  })
})

test('the alphabet is the narrowest that contains the value', () => {
  const of = ['0123abcdef', 'ABC123', 'aZ9', 'a-Z_9', 'a+Z/9=', 'a.b']
  assert.deepEqual(of.map(alphabetOf), ['hex', 'A-Z0-9', 'alnum', 'base64url', 'base64', 'other'])
})
