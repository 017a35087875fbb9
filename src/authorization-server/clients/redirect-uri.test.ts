import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  appendToRedirectUri,
  holdsReservedParameter,
  isRedirectUriAmong,
  isRedirectUriExactlyAmong,
} from './redirect-uri.ts'

const REGISTERED = [
  'https://conf.example.test/callback',
  'https://two.example.test/cb?tenant=1&x=2',
  'http://localhost:8080/cb',
  'http://127.0.0.1:9999/cb',
  'http://[::1]/cb',
  'http://127.0.0.1/',
  'myapp://oauth/callback',
  'com.example.app:/callback',
]

describe('a redirect address', () => {
  const cases: ReadonlyArray<readonly [string, string, boolean]> = [
    ['is taken as registered', 'https://conf.example.test/callback', true],
    ['may spell scheme and host in any case', 'HTTPS://Conf.Example.TEST/callback', true],
    ['may spell out the default port', 'https://conf.example.test:443/callback', true],
    ['may carry a query where none is registered', 'https://conf.example.test/callback?x=1', true],
    ['may order a registered query its own way', 'https://two.example.test/cb?x=2&tenant=1', true],
    ['may end a registered query in an ampersand', 'https://two.example.test/cb?tenant=1&x=2&', true],
    ['may hold a space in its query', 'https://conf.example.test/callback?a b', true],
    ['may have any port on 127.0.0.1', 'http://127.0.0.1:54321/cb', true],
    ['may have any port on [::1]', 'http://[::1]:5050/cb', true],
    ['may leave out the slash of an empty path', 'http://127.0.0.1:7', true],
    ['may have a scheme of its own', 'myapp://oauth/callback', true],
    ['may have a scheme and no host', 'com.example.app:/callback', true],
    ['keeps the case of its path', 'https://conf.example.test/Callback', false],
    ['may not have another port', 'https://conf.example.test:444/callback', false],
    ['may not have another scheme', 'http://conf.example.test/callback', false],
    ['may not have a longer path', 'https://conf.example.test/callback/more', false],
    ['may not have a slash more', 'https://conf.example.test/callback/', false],
    ['may not have a fragment', 'https://conf.example.test/callback#frag', false],
    ['may not add to a registered query', 'https://two.example.test/cb?tenant=1&x=2&y=3', false],
    ['may not leave a registered query off', 'https://two.example.test/cb', false],
    ['may not have another port on localhost', 'http://localhost:8081/cb', false],
    ['may not be another loopback host', 'http://127.0.0.2:9999/cb', false],
    ['may not have another path on a loopback host', 'http://127.0.0.1:9999/other', false],
    ['may not carry a user', 'https://conf.example.test@evil.example.test/callback', false],
    ['may not carry a user in front of its host', 'https://me@conf.example.test/callback', false],
    ['may not be relative', '/callback', false],
    ['may not hold a space', 'https://conf.example.test/call back', false],
    ['may not hold a backslash', 'https://conf.example.test\\@evil.example.test/callback', false],
    ['may not hold a line break', 'https://conf.example.test/callback?x=\r\nSet-Cookie:1', false],
    ['may not hold a control character in its query', 'https://conf.example.test/callback?x=\u0000', false],
    ['may not hold anything but ASCII in its query', 'https://conf.example.test/callback?x=\u00e9', false],
    ['may not be two', 'https://conf.example.test/callback https://two.example.test/cb', false],
    ['may not be out-of-band unless registered', 'urn:ietf:wg:oauth:2.0:oob', false],
    ['may not be broken', 'http://[bad', false],
  ]
  for (const [what, address, taken] of cases) {
    it(what, () => assert.equal(isRedirectUriAmong(address, REGISTERED), taken))
  }

  for (const part of ['a', '@', '%41', ':', '/a', '?', '.']) {
    it(`with many ${part} is rejected without backtracking`, () => {
      assert.equal(isRedirectUriAmong(`https://${part.repeat(8_000 / part.length)}`, REGISTERED), false)
      assert.equal(isRedirectUriAmong(`https://${part.repeat(1_000_000)}`, REGISTERED), false)
    })
  }
})

describe('a redirect address under exact match', () => {
  const cases: ReadonlyArray<readonly [string, string, boolean]> = [
    ['is taken as registered', 'https://conf.example.test/callback', true],
    ['may have any port on 127.0.0.1', 'http://127.0.0.1:54321/cb', true],
    ['may leave the port off on 127.0.0.1', 'http://127.0.0.1/cb', true],
    ['may have any port on [::1]', 'http://[::1]:5050/cb', true],
    ['may have a scheme of its own', 'com.example.app:/callback', true],
    ['may carry its registered query', 'https://two.example.test/cb?tenant=1&x=2', true],
    ['may not spell its host in another case', 'https://Conf.example.test/callback', false],
    ['may not spell out the default port', 'https://conf.example.test:443/callback', false],
    ['may not carry a query where none is registered', 'https://conf.example.test/callback?x=1', false],
    ['may not order a registered query its own way', 'https://two.example.test/cb?x=2&tenant=1', false],
    ['may not leave out the slash of an empty path', 'http://127.0.0.1:7', false],
    ['may not carry a query on a loopback host', 'http://127.0.0.1:9999/cb?x=1', false],
    ['may not have another port on localhost', 'http://localhost:8081/cb', false],
    ['may not have a port that is none', 'http://127.0.0.1:/cb', false],
    ['may not name another host behind the port', 'http://127.0.0.1:80@evil.example.test/cb', false],
  ]
  for (const [what, address, taken] of cases) {
    it(what, () => assert.equal(isRedirectUriExactlyAmong(address, REGISTERED), taken))
  }
})

describe('a parameter reserved for the authorization response', () => {
  const cases: ReadonlyArray<readonly [string, boolean]> = [
    ['https://a.test/cb', false],
    ['https://a.test/cb?tenant=1&barcode=2&statement=3', false],
    ['https://a.test/code?x=code', false],
    ['https://a.test/cb?code=1', true],
    ['https://a.test/cb?code', true],
    ['https://a.test/cb?x=1&state=2', true],
    ['https://a.test/cb?x=1;iss=2', true],
    ['https://a.test/cb?c%6Fde=1', true],
    ['https://a.test/cb?code[]=1', true],
    ['https://a.test/cb?error_description=1', true],
    ['myapp://cb?id_token=1', true],
    ['com.example.app:/cb?error=x', true],
  ]
  for (const [address, found] of cases) {
    it(`${found ? 'is' : 'is not'} in ${address}`, () => assert.equal(holdsReservedParameter(address), found))
  }
})

describe('parameters added to a redirect address', () => {
  const add = (address: string, where: 'query' | 'fragment' = 'query') =>
    appendToRedirectUri(address, { code: 'c d', state: undefined }, where)

  it('are appended to an existing query', () => {
    assert.equal(add('https://a.test/cb?tenant=1&x=2'), 'https://a.test/cb?tenant=1&x=2&code=c+d')
  })

  it('are appended after an existing code', () => {
    assert.equal(add('https://a.test/cb?code=evil'), 'https://a.test/cb?code=evil&code=c+d')
  })

  it('omit blank values', () => assert.equal(add('https://a.test/cb?x=&y=1'), 'https://a.test/cb?y=1&code=c+d'))

  it('omit empty values', () => {
    assert.equal(add('https://a.test/cb?&'), 'https://a.test/cb?code=c+d')
    assert.equal(add('https://a.test/cb?a b&&y=1'), 'https://a.test/cb?y=1&code=c+d')
  })

  it('become the fragment and keep the query', () => {
    assert.equal(add('https://a.test/cb?x=1', 'fragment'), 'https://a.test/cb?x=1#code=c+d')
  })

  it('leave the address unchanged except for a default port and the case of the scheme', () => {
    assert.equal(add('HTTPS://A.test:443/CB'), 'https://A.test/CB?code=c+d')
    assert.equal(add('myapp://oauth/callback'), 'myapp://oauth/callback?code=c+d')
  })
})
