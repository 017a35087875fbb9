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
  ['/oauth/token/', '', 'token', '/oauth/token'],
  ['/oauth/token.json', '', 'token', '/oauth/token.json'],
  ['/oauth/token.json/', '', 'token', '/oauth/token.json'],
  ['/oauth//token', '', 'token', '/oauth/token'],
  ['//oauth/token', '', 'token', '/oauth/token'],
  ['/oauth/tok%65n', '', 'token', '/oauth/token'],
  ['/%6fauth/token', '', 'token', '/oauth/token'],
  ['/oauth/authorize.html', '', 'authorize', '/oauth/authorize.html'],
  ['/o/acme/oauth/token', '', 'token', '/oauth/token'],
  ['/o/acme%20corp/oauth/token.json', '', 'token', '/oauth/token.json'],
  ['/o/acme/.well-known/openid-configuration', '', 'openid_configuration', '/.well-known/openid-configuration'],
  ['/gitlab/oauth/token', '/gitlab', 'token', '/oauth/token'],
  ['/gitlab//oauth/token/', '/gitlab', 'token', '/oauth/token'],
  ['/gitlab/o/acme/oauth/token', '/gitlab', 'token', '/oauth/token'],
  ['/git%6Cab/oauth/token', '/gitlab', 'token', '/oauth/token'],
  ['/%6F/acme/oauth/token', '', 'token', '/oauth/token'],
  ['/o/acme%2f../oauth/token', '', 'token', '/oauth/token'],
  // Rails reads all of these as a format; IAM never sees them.
  ['/oauth/token.json;a=b', '', 'token', '/oauth/token'],
  ['/oauth/token.%2f%252e%252e%2fadmin', '', 'token', '/oauth/token'],
  ['/oauth/token.\\admin', '', 'token', '/oauth/token'],
  ['/oauth/authorize.%5c%252e%252e%5cadmin', '', 'authorize', '/oauth/authorize'],
  ['/oauth/device/%63onfirm/', '', 'device', '/oauth/device/confirm'],
  ['/oauth/device/ABCD-EFGH;v=1', '', 'device', '/oauth/device/ABCD-EFGH;v=1'],
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
  ['/oauth/device/../admin', ''],
  ['/oauth/device/..', ''],
  ['/oauth/device/./../admin', ''],
  ['/oauth/device/%2e%2e/admin', ''],
  ['/oauth/device/.%2E/admin', ''],
  ['/oauth/device/..%2fadmin', ''],
  ['/oauth/device/..%5cadmin', ''],
  ['/oauth/device/..\\admin', ''],
  ['/oauth/device/..;/admin', ''],
  ['/oauth/device/..;a=b/admin', ''],
  ['/oauth/device/..%3b/admin', ''],
  ['/oauth/device/%252e%252e/admin', ''],
  ['/oauth/device/%c0%ae%c0%ae/admin', ''],
  ['/oauth/device/%u002e%u002e/admin', ''],
  ['/oauth/device/..%00/admin', ''],
  ['/oauth/device/\xe9', ''],
  ['/oauth//device/../../admin', ''],
  ['/o/acme/oauth/device/../admin', ''],
  ['/gitlab/oauth/device/%2e%2e/%2e%2e/admin', '/gitlab'],
  ['/oauth/token;a=b', ''],
  ['/oauth/token%3ba=b', ''],
  ['/oauth/token/..;/admin', ''],
  ['/oauth\\token', ''],
]
for (const [path, root] of others) {
  test(`${path}${root && ` under ${root}`} is not an endpoint`, () => {
    assert.equal(matchEndpoint(path, root), undefined)
  })
}

test('IAM gets only the path of the endpoint, however the path is spelled', () => {
  const pieces = [
    '.',
    '..',
    '/',
    '\\',
    ';',
    '%2e',
    '%2F',
    '%5c',
    '%3B',
    '%252e',
    '%252f',
    '.json',
    'x',
    '%c0%ae',
    '%00',
  ]
  const starts = ['/oauth/token', '/oauth/authorize', '/oauth/device/', '/gitlab/oauth/revoke', '/o/a/oauth/device']
  const own = /^\/oauth\/(?:token|authorize|revoke|device)(?:\.[A-Za-z0-9]+)?$|^\/oauth\/device\/(?!\.{1,2}(?:[/;]|$))/
  for (const start of starts) {
    for (const one of pieces) {
      for (const two of pieces) {
        for (const three of pieces) {
          const path = `${start}${one}${two}${three}`
          const found = matchEndpoint(path, start.startsWith('/gitlab') ? '/gitlab' : '')?.path
          if (found === undefined) continue
          assert.match(found, own, path)
          assert.doesNotMatch(found, /%2e|%2f|%5c|%3b|%25|\\|\/\.\.?(?:[/;]|$)/i, path)
        }
      }
    }
  }
})
