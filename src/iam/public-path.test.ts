import assert from 'node:assert/strict'
import { test } from 'node:test'
import { belowRoot, endpointOf, loggablePath } from './public-path.ts'

test('every spelling of a path is the same endpoint, and case matters', () => {
  const spellings = [
    '/oauth/authorize',
    '/oauth/authorize/',
    '/oauth//authorize',
    '//oauth/authorize',
    '/oauth/authorize.json',
    '/oauth/%61uthorize',
    '/o/acme/oauth/authorize',
  ]
  for (const path of spellings) assert.equal(endpointOf(path), 'authorize', path)
  for (const path of ['/OAuth/authorize', '/oauth/authorize/new', '/oauth', '/%', '/o/oauth/authorize', '']) {
    assert.equal(endpointOf(path), 'other', path)
  }
  assert.equal(endpointOf('/.well-known/jwks.json'), 'keys')
  assert.equal(endpointOf('/oauth/authorize/native'), 'authorize_native')
})

test('a root below which the issuer lives is taken off, once and whole', () => {
  assert.equal(belowRoot('/gitlab/oauth/token', '/gitlab'), '/oauth/token')
  assert.equal(belowRoot('/gitlabs/oauth/token', '/gitlab'), undefined)
  assert.equal(belowRoot('/oauth/token', ''), '/oauth/token')
})

test('whatever looks like a credential is masked before a path is logged', () => {
  assert.equal(loggablePath('/oauth/authorize/gliamac-0123456789abcdef'), '/oauth/authorize/[masked]')
  assert.equal(loggablePath(`/x/${'a'.repeat(64)}/y`), '/x/[masked]/y')
  assert.equal(loggablePath('/.well-known/oauth-authorization-server'), '/.well-known/oauth-authorization-server')
  assert.equal(
    loggablePath('/oauth2/internal/auth/requests/login/accept'),
    '/oauth2/internal/auth/requests/login/accept',
  )
})
