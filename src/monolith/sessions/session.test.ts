import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { csrfToken, isForgeryFree } from '../browser/csrf.ts'
import { sessionParts } from './sealed-cookie.ts'
import { openSession, type SessionData } from './session.ts'

const KEY = randomBytes(32)
const OWN = { origin: undefined, ownOrigins: ['https://own.example.test'] }

/** The Cookie header that a browser sends after `setCookies`. */
function cookieHeader(setCookies: readonly string[]): string {
  return setCookies
    .filter((line) => !line.includes('max-age=0'))
    .map((line) => line.split(';')[0])
    .join('; ')
}

function carried(data: SessionData, key = KEY): SessionData {
  const session = openSession(undefined, KEY)
  session.reset(data)
  return openSession(cookieHeader(session.cookies(false)), key).data
}

describe('a session cookie', () => {
  test('returns what was stored', () => {
    const data = { id: 'x', csrf: 'y', returnTo: '/oauth/authorize?state=é', signedInFor: ['a'] }
    assert.deepEqual(carried(data), data)
  })

  test('reveals nothing of its contents', () => {
    const session = openSession(undefined, KEY)
    session.set('returnTo', '/secret-address')
    assert.doesNotMatch(
      Buffer.from(sessionParts(cookieHeader(session.cookies(false)))[0] ?? '', 'base64url').toString(),
      /secret/,
    )
  })

  test('is invalid under another key, with one bit changed, truncated, or forged', () => {
    const session = openSession(undefined, KEY)
    session.set('id', 'somebody')
    const header = cookieHeader(session.cookies(false))
    assert.deepEqual(openSession(header, randomBytes(32)).data, {})
    const last = header.at(-6) === 'A' ? 'B' : 'A'
    assert.deepEqual(openSession(`${header.slice(0, -6)}${last}${header.slice(-5)}`, KEY).data, {})
    assert.deepEqual(openSession(header.slice(0, -4), KEY).data, {})
    assert.deepEqual(openSession('_monolith_session=AAAA', KEY).data, {})
    assert.deepEqual(openSession(`_monolith_session=${Buffer.from('{"id":"x"}').toString('base64url')}`, KEY).data, {})
  })

  test('holds an address of 4,000 characters, in two parts of a size browsers keep', () => {
    const session = openSession(undefined, KEY)
    const returnTo = `/oauth/authorize?state=${'s'.repeat(4_000)}`
    session.set('returnTo', returnTo)
    const cookies = session.cookies(false)
    assert.equal(cookies.length, 2)
    for (const cookie of cookies) assert.ok((cookie.split(';')[0] ?? '').length <= 4_096)
    assert.equal(openSession(cookieHeader(cookies), KEY).data.returnTo, returnTo)
  })

  test('removes its second part when it is no longer needed', () => {
    const long = openSession(undefined, KEY)
    long.set('returnTo', 'x'.repeat(4_000))
    const session = openSession(cookieHeader(long.cookies(false)), KEY)
    session.reset({ id: 'x' })
    assert.match(session.cookies(false)[1] ?? '', /^_monolith_session_2=; max-age=0/)
  })

  test('drops an address that no cookie can hold, and keeps the rest', () => {
    assert.deepEqual(carried({ id: 'x', returnTo: 'é'.repeat(20_000) }), { id: 'x' })
  })

  test('is not set again when nothing has changed', () => {
    const session = openSession(undefined, KEY)
    session.set('flash', undefined)
    assert.deepEqual(session.cookies(false), [])
  })

  test('is for this site, not for scripts, and not for plain HTTP when the site is on HTTPS', () => {
    const session = openSession(undefined, KEY)
    session.set('id', 'x')
    assert.match(session.cookies(true)[0] ?? '', /; path=\/; HttpOnly; SameSite=Lax; Secure$/)
    assert.match(session.cookies(false)[0] ?? '', /SameSite=Lax$/)
  })
})

describe('a CSRF token', () => {
  const session = openSession(undefined, KEY)
  const token = csrfToken(session)

  test('is valid for its session, and every page has a different one', () => {
    assert.notEqual(csrfToken(session), token)
    assert.equal(isForgeryFree(session, { ...OWN, tokens: [token] }), true)
  })

  test('is accepted from the form and from the header', () => {
    assert.equal(isForgeryFree(session, { ...OWN, tokens: [undefined, token] }), true)
    assert.equal(isForgeryFree(session, { ...OWN, tokens: ['AAAA', token] }), true)
  })

  test('of another session, wrong, truncated or missing is rejected', () => {
    const other = csrfToken(openSession(undefined, KEY))
    for (const wrong of [other, 'AAAA', token.slice(0, -2), '', undefined]) {
      assert.equal(isForgeryFree(session, { ...OWN, tokens: [wrong] }), false)
    }
  })

  test('is useless for a session without a secret', () => {
    assert.equal(isForgeryFree(openSession(undefined, KEY), { ...OWN, tokens: [token] }), false)
  })

  test('is rejected from a foreign origin', () => {
    for (const origin of ['https://evil.example.test', 'null', 'http://own.example.test']) {
      assert.equal(isForgeryFree(session, { ...OWN, origin, tokens: [token] }), false)
    }
    assert.equal(isForgeryFree(session, { ...OWN, origin: 'https://own.example.test', tokens: [token] }), true)
  })
})
