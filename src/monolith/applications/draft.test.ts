import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { presetPolicy } from '../../applications/index.ts'
import { checkAddresses, checkDraft, faultOfRedirectUri, policyOf, readDraft } from './draft.ts'

const good = {
  name: 'App',
  redirectUris: ['https://app.example.test/callback'],
  scopes: [],
  confidential: true,
}

describe('a redirect URI', () => {
  for (const address of [
    'https://app.example.test/callback',
    'https://app.example.test/callback?tenant=1',
    'http://localhost:8080/',
    'http://[::1]/callback',
    'myapp://oauth/callback',
    'com.example.app:/callback',
    'urn:ietf:wg:oauth:2.0:oob',
  ]) {
    test(`accepts ${address}`, () => assert.equal(faultOfRedirectUri(address), undefined))
  }
  for (const address of [
    '/callback',
    'app.example.test/callback',
    'localhost:3000',
    'https://app.example.test/callback#part',
    'javascript:/alert(1)',
    'DATA:/x',
    'vbscript:/x',
    'mailto:a@example.test',
    'https://app.example.test/é',
    'http://[bad/',
    `https://app.example.test/${'x'.repeat(2_048)}`,
  ]) {
    test(`rejects ${address.slice(0, 60)}`, () => assert.ok(faultOfRedirectUri(address)))
  }
})

const SCOPES = ['api', 'read_user', 'openid']

describe('the form of an application', () => {
  test('is parsed with one address per line and the scopes in the server’s order', () => {
    const draft = readDraft(
      {
        application: {
          name: '  App ',
          redirect_uri: 'https://a.example.test/\r\nhttps://b.example.test/\n\n',
          scopes: ['openid', 'api', 'unheard_of'],
          confidential: '1',
        },
      },
      SCOPES,
    )
    assert.deepEqual(draft, {
      name: 'App',
      redirectUris: ['https://a.example.test/', 'https://b.example.test/'],
      scopes: ['api', 'openid'],
      confidential: true,
    })
  })

  test('that is missing or of the wrong shape counts as empty', () => {
    for (const application of [undefined, 'x', ['x'], { name: { a: 'b' }, scopes: 'api', redirect_uri: [] }]) {
      assert.deepEqual(readDraft({ application }, SCOPES), {
        name: '',
        redirectUris: [],
        scopes: [],
        confidential: false,
      })
    }
  })

  test('reports all its faults at once', () => {
    assert.deepEqual(checkDraft(good), [])
    assert.equal(checkDraft({ ...good, name: '', redirectUris: [] }).length, 2)
    assert.equal(checkDraft({ ...good, redirectUris: ['/a', '/b'] }).length, 2)
    assert.equal(checkDraft({ ...good, name: 'a\0b' }).length, 1)
    assert.equal(checkDraft({ ...good, redirectUris: Array(101).fill('https://a.example.test/') }).length, 1)
  })
})

describe('the policy of a draft', () => {
  const read = (policy: unknown) => readDraft({ application: { ...good, policy } } as never, SCOPES)

  test('is what was chosen, and nothing when nothing was chosen', () => {
    const draft = read({ preset: 'strict', require_pkce: 'public', plain_pkce: '' })
    assert.deepEqual(checkDraft({ ...good, policy: draft.policy }), [])
    assert.deepEqual(policyOf(draft), { preset: 'strict', require_pkce: 'public' })
    assert.equal(policyOf(read({ preset: '', require_pkce: '' })), undefined)
  })

  test('is left unchanged by a form without it', () => {
    assert.equal(read(undefined).policy, undefined)
    assert.deepEqual(read({ require_pkce: '' }).policy, {})
  })

  test('with an unknown rule or value is rejected, not dropped', () => {
    for (const policy of [
      { require_pkec: 'all' },
      { require_pkce: 'yes' },
      { plain_pkce: ['refuse'] },
      'strict',
      ['strict'],
    ]) {
      const faults = checkDraft({ ...good, policy: read(policy).policy })
      assert.deepEqual(faults, ['Security policy: unknown rule or value.'])
    }
  })

  test('may reject addresses that look like answers', () => {
    const draft = {
      ...good,
      redirectUris: ['https://app.example.test/cb?tenant=1', 'https://app.example.test/cb?code=1'],
    }
    assert.deepEqual(checkAddresses(draft, presetPolicy('compatible')), [])
    assert.deepEqual(checkAddresses(draft, presetPolicy('strict')), [
      'https://app.example.test/cb?code=1: holds a parameter reserved for answers, such as code or state.',
    ])
  })
})
