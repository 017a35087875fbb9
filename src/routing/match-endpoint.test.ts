import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchEndpoint } from './match-endpoint.ts'

/** Path as sent · relative URL root · endpoint · path for IAM. */
const matches: ReadonlyArray<readonly [string, string, string, string]> = [
  ['/oauth/authorize', '', 'authorize', '/oauth/authorize'],
  ['/oauth/authorize_device', '', 'authorize_device', '/oauth/authorize_device'],
  ['/oauth/token', '', 'token', '/oauth/token'],
  ['/oauth/revoke', '', 'revoke', '/oauth/revoke'],
  ['/oauth/introspect', '', 'introspect', '/oauth/introspect'],
  ['/oauth/authorize/native', '', 'authorize_native', '/oauth/authorize/native'],
  ['/oauth/device', '', 'device', '/oauth/device'],
  ['/oauth/device/confirm', '', 'device', '/oauth/device/confirm'],
  ['/oauth/token/info', '', 'token_info', '/oauth/token/info'],
  ['/oauth/userinfo', '', 'userinfo', '/oauth/userinfo'],
  ['/oauth/discovery/keys', '', 'jwks', '/oauth/discovery/keys'],
  ['/.well-known/openid-configuration', '', 'openid_configuration', '/.well-known/openid-configuration'],
  [
    '/.well-known/oauth-authorization-server',
    '',
    'authorization_server_metadata',
    '/.well-known/oauth-authorization-server',
  ],
  ['/oauth/token/', '', 'token', '/oauth/token/'],
  ['/oauth/token.json', '', 'token', '/oauth/token.json'],
  ['/oauth/token.json/', '', 'token', '/oauth/token.json/'],
  ['/oauth//token', '', 'token', '/oauth/token'],
  ['//oauth/token', '', 'token', '/oauth/token'],
  ['/oauth/tok%65n', '', 'token', '/oauth/tok%65n'],
  ['/%6fauth/token', '', 'token', '/%6fauth/token'],
  ['/oauth/authorize.html', '', 'authorize', '/oauth/authorize.html'],
  ['/o/acme/oauth/token', '', 'token', '/oauth/token'],
  ['/o/acme%20corp/oauth/token.json', '', 'token', '/oauth/token.json'],
  ['/o/acme/.well-known/openid-configuration', '', 'openid_configuration', '/.well-known/openid-configuration'],
  ['/gitlab/oauth/token', '/gitlab', 'token', '/oauth/token'],
  ['/gitlab//oauth/token/', '/gitlab', 'token', '/oauth/token/'],
  ['/gitlab/o/acme/oauth/token', '/gitlab', 'token', '/oauth/token'],
]
for (const [path, root, endpoint, inner] of matches) {
  test(`${path}${root && ` under ${root}`} is ${endpoint}`, () => {
    assert.deepEqual(matchEndpoint(path, root), { endpoint, path: inner })
  })
}

const others: ReadonlyArray<readonly [string, string]> = [
  ['/', ''],
  ['/oauth', ''],
  ['/oauth/', ''],
  ['/oauth/token/other', ''],
  ['/oauth/tokens', ''],
  ['/oauth/TOKEN', ''],
  ['/OAuth/token', ''],
  ['/oauth%2Ftoken', ''],
  ['/oauth/../oauth/token', ''],
  ['/x/oauth/token', ''],
  ['/o/a/b/oauth/token', ''],
  ['/oauth/token', '/gitlab'],
  ['/gitlaboauth/token', '/gitlab'],
  ['/oauth/authorize/abc123', ''],
  ['/oauth/tok%zzen', ''],
  ['/api/v4/user', ''],
]
for (const [path, root] of others) {
  test(`${path}${root && ` under ${root}`} is none of the endpoints`, () => {
    assert.equal(matchEndpoint(path, root), undefined)
  })
}
