import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endpointOf, innerPath, loggablePath } from './public-path.ts'

test('every spelling of a path maps to the same endpoint, and case matters', () => {
  const spellings = [
    '/oauth/authorize',
    '/oauth/authorize/',
    '/oauth//authorize',
    '//oauth/authorize',
    '/oauth/authorize.json',
    '/oauth/authorize.xml/',
  ]
  for (const path of spellings) assert.equal(endpointOf(path), 'authorize', path)
  for (const path of [
    '/OAuth/authorize',
    '/oauth/authorize/new',
    '/oauth',
    '/%',
    '/o/oauth/authorize',
    '',
    'constructor',
    '/oauth/authorize.',
  ]) {
    assert.equal(endpointOf(path), 'other', path)
  }
  assert.equal(endpointOf('/.well-known/jwks.json'), 'keys')
  assert.equal(endpointOf('/oauth/authorize/native'), 'authorize_native')
})

test('the root of the issuer and an organization are removed from a path, once and as whole segments', () => {
  assert.equal(innerPath('/gitlab/oauth/token', '/gitlab'), '/oauth/token')
  assert.equal(innerPath('/gitlab/o/acme/oauth/token', '/gitlab'), '/oauth/token')
  assert.equal(innerPath('/o/acme/.well-known/openid-configuration', ''), '/.well-known/openid-configuration')
  for (const path of ['/gitlabs/oauth/token', '/oauth/token', '/o/oauth/token', '/x/o/a/oauth/token']) {
    assert.equal(innerPath(path, '/gitlab'), path)
  }
})

test('anything that looks like a credential is masked before a path is logged', () => {
  assert.equal(loggablePath('/oauth/authorize/gliamac-0123456789abcdef'), '/oauth/authorize/[masked]')
  assert.equal(loggablePath(`/x/${'a'.repeat(64)}/y`), '/x/[masked]/y')
  assert.equal(loggablePath('/.well-known/oauth-authorization-server'), '/.well-known/oauth-authorization-server')
  assert.equal(
    loggablePath('/oauth2/internal/auth/requests/login/accept'),
    '/oauth2/internal/auth/requests/login/accept',
  )
})
