import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResourceOwner } from '../model/resource-owner.ts'
import { DEFAULT_CLAIMS, shownClaims } from './claims.ts'

const alice: ResourceOwner = {
  id: '1',
  username: 'alice',
  name: 'Alice',
  email: 'alice@example.test',
  claims: {},
  authTime: 1,
}

function shown(claims: ResourceOwner['claims'], scopes = ['openid', 'email'], definition = DEFAULT_CLAIMS) {
  return Object.fromEntries(shownClaims(definition, { ...alice, claims }, new Set(scopes)))
}

describe('the claims of a user', () => {
  const own = { name: 'Alice', nickname: 'alice', preferred_username: 'alice', email: 'alice@example.test' }

  it('are exactly those that the platform supplied', () => {
    assert.deepEqual(shown({}), own)
    const supplied = { email_verified: false, groups: ['a'], picture: 'https://p.example/a.png' }
    assert.deepEqual(shown(supplied), { ...own, ...supplied })
  })

  it('omit those that the settings do not list', () => {
    assert.deepEqual(shown({ is_admin: true }), own)
    const definition = [{ name: 'is_admin', scope: 'admin', inIdToken: false }]
    assert.deepEqual(shown({ is_admin: true }, ['openid', 'admin'], definition), { is_admin: true })
  })

  it('require their scope', () => {
    assert.deepEqual(Object.keys(shown({ email_verified: true }, ['openid'])), [
      'name',
      'nickname',
      'preferred_username',
    ])
  })

  it('override the fields of the user, even with an empty value', () => {
    assert.equal(shown({ nickname: 'Al' })['nickname'], 'Al')
    assert.deepEqual(Object.keys(shown({ nickname: null, email: '' })), ['name', 'preferred_username'])
  })

  it('follow the order of the settings, and include false and zero', () => {
    const definition = ['updated_at', 'email_verified'].map((name) => ({ name, scope: undefined, inIdToken: false }))
    const values = shownClaims(definition, { ...alice, claims: { email_verified: false, updated_at: 0 } }, new Set())
    assert.deepEqual(values, [
      ['updated_at', 0],
      ['email_verified', false],
    ])
  })
})
