import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { areScopesValid, defaultScopesOf, parseScopes, sameScopes } from './scopes.ts'

const SERVER = ['api', 'read_user', 'openid', 'user:*']

describe('scopes', () => {
  it('are parsed in order without repeats', () => {
    assert.deepEqual(parseScopes('  read_user api  read_user '), ['read_user', 'api'])
  })

  const cases: ReadonlyArray<readonly [string, string, boolean]> = [
    ['known ones', 'api read_user', true],
    ['known ones with more spaces', ' api  read_user ', true],
    ['an open part that is filled', 'user:42', true],
    ['an open part with colons in it', 'user:a:b', true],
    ['an open part left empty', 'user:', false],
    ['the pattern of another name', 'users:1', false],
    ['one in capitals', 'API', false],
    ['one unknown among known', 'api bogus', false],
    ['a comma', 'api,read_user', false],
    ['a tab', 'api\tread_user', false],
    ['a line break', 'api\nread_user', false],
    ['a blank that is not ASCII', 'api\u00a0read_user', false],
    ['none', '', false],
    ['a NUL, which no store holds', 'user:\u0000', false],
    ['as many bytes as an index holds', `user:${'x'.repeat(1_995)}`, true],
    ['more bytes than an index holds', `user:${'x'.repeat(1_996)}`, false],
    ['more bytes than an index holds, in fewer characters', `user:${'\u00e9'.repeat(1_000)}`, false],
  ]
  for (const [what, text, valid] of cases) {
    it(`${valid ? 'take' : 'refuse'} ${what}`, () => assert.equal(areScopesValid(text, SERVER), valid))
  }

  it('default to the default scopes that the client may have', () => {
    assert.deepEqual(defaultScopesOf([], ['api']), ['api'])
    assert.deepEqual(defaultScopesOf(['api', 'read_api'], ['api']), ['api'])
    assert.deepEqual(defaultScopesOf(['read_user'], ['api']), [])
  })

  it('are equal in any order, and unequal when one is missing', () => {
    assert.ok(sameScopes(['api', 'openid'], ['openid', 'api']))
    assert.ok(!sameScopes(['api'], ['openid', 'api']))
    assert.ok(!sameScopes(['api', 'openid'], ['api']))
  })
})
