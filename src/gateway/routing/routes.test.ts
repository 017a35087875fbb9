import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Routes } from './routes.ts'

const routes = new Routes({
  root: '/up',
  iamPaths: { authorize: '/auth', token: '/realms/x/token', jwks: '/certs' },
  legacyPaths: { token: '/connect/token', jwks: '/keys' },
  iamPages: ['/interaction/', '/auth'],
})

/** Endpoint, path at IAM. */
function found(path: string): string[] | string | undefined {
  const match = routes.match(path)
  return typeof match === 'object' ? [match.endpoint, routes.atIam(match)] : match
}

describe('a path resolves to its endpoint when sides have their own paths', () => {
  const rows: Array<[string, string[] | string | undefined]> = [
    ['/up/oauth/token', ['token', '/realms/x/token']],
    ['/up/oauth/token.json', ['token', '/realms/x/token']],
    ['/connect/token', ['token', '/realms/x/token']],
    ['/connect/token/', ['token', '/realms/x/token']],
    ['//connect/Token', ['token', '/realms/x/token']],
    ['/connect/%74oken', ['token', '/realms/x/token']],
    ['/connect/token/more', undefined],
    ['/up/connect/token', undefined],
    ['/up/o/org/oauth/authorize', ['authorize', '/auth']],
    ['/up/oauth/revoke', ['revoke', '/oauth/revoke']],
    ['/keys', ['jwks', '/certs']],
    ['/interaction', 'iam_page'],
    ['/interaction/17/login', 'iam_page'],
    ['/interactions', undefined],
    ['/auth/17', 'iam_page'],
    ['/interaction/../admin', undefined],
    ['/interaction/..', undefined],
    ['/interaction/%2e%2e/admin', undefined],
    ['/interaction/..%2Fadmin', undefined],
    ['/interaction\\..\\admin', undefined],
    ['/interaction/..;/admin', undefined],
    ['/interaction/.;a=b/admin', undefined],
    ['/interaction/..%3b/admin', undefined],
    ['/interaction/%252e%252e/admin', undefined],
    ['/interaction/%c0%ae%c0%ae/admin', undefined],
    ['/interaction/%u002e%u002e/admin', undefined],
    ['/interaction/..%00/admin', undefined],
    ['/interaction//../admin', undefined],
    ['/interaction/%zz', undefined],
    ['/up/oauth/device/../admin', undefined],
    ['/up/oauth/device/%2e%2e/admin', undefined],
    ['/up/oauth/device/confirm', ['device', '/oauth/device/confirm']],
    ['/up/oauth/token.%2f%252e%252e%2fadmin', ['token', '/realms/x/token']],
    ['/connect/token/..;/admin', undefined],
    ['/interaction/17%20;v=1/login', 'iam_page'],
    ['/interaction/17;v=1/login', 'iam_page'],
    ['/interaction/...', 'iam_page'],
    ['/', undefined],
  ]
  for (const [path, wanted] of rows) test(path, () => assert.deepEqual(found(path), wanted))

  test('the signing keys are at the configured path of each side', () => {
    assert.deepEqual(routes.keys, { legacy: '/keys', iam: '/certs' })
    const usual = new Routes({ root: '/up', iamPaths: {}, legacyPaths: {}, iamPages: [] })
    assert.deepEqual(usual.keys, { legacy: '/up/oauth/discovery/keys', iam: '/oauth/discovery/keys' })
    assert.equal(usual.match('/interaction'), undefined)
  })
})
