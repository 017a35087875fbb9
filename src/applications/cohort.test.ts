import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cohortOf, cohortOfDocument, cohortTraits, type Registration } from './index.ts'

const web: Registration = { confidential: true, redirect_uris: ['https://app.test/callback'], trusted: false }

const CASES: Array<[string, Partial<Registration>, string]> = [
  ['a server-side web application', {}, 'web/https/confidential/consent/pkce_optional'],
  ['a trusted one', { trusted: true }, 'web/https/confidential/trusted/pkce_optional'],
  ['a machine without a redirect URI', { redirect_uris: [] }, 'machine/none/confidential/consent/pkce_optional'],
  [
    'a command-line tool on any loopback address',
    { confidential: false, redirect_uris: ['http://127.0.0.1:7171/', 'http://localhost/cb', 'http://[::1]:80/cb'] },
    'web/loopback/public/consent/pkce_optional',
  ],
  [
    'an app with a scheme of its own that must send a challenge',
    { confidential: false, redirect_uris: ['com.example.app:/cb'], policy: { require_pkce: 'public' } },
    'web/custom_scheme/public/consent/pkce_required',
  ],
  [
    'one that shows the code on a page, and has a plain address too',
    { redirect_uris: ['urn:ietf:wg:oauth:2.0:oob', 'http://intranet.test/cb'] },
    'web/http+out_of_band/confidential/consent/pkce_optional',
  ],
  ['a strict one', { policy: { preset: 'strict' } }, 'web/https/confidential/consent/pkce_required'],
]
for (const [what, over, expected] of CASES) {
  test(`the cohort of ${what} names what decides its path through a server`, () => {
    assert.equal(cohortOf({ ...web, ...over }), expected)
  })
}

test('the order and the number of redirect URIs do not change the cohort', () => {
  const many = { ...web, redirect_uris: ['https://a.test/', 'myapp://b', 'https://c.test/'] }
  const few = { ...web, redirect_uris: ['myapp://d', 'https://e.test/'] }
  assert.equal(cohortOf(many), cohortOf(few))
  assert.deepEqual(cohortTraits(many), cohortTraits(few))
})

test('a host that merely begins like a loopback address is not one', () => {
  assert.deepEqual(cohortTraits({ ...web, redirect_uris: ['http://localhost.evil.test/'] }).redirects, ['http'])
})

test('a stored document names its cohort whatever else it holds, and an unreadable one names none', () => {
  const stored = { ...web, id: 3, client_id: 'app', name: 'App', has_secret: true, scopes: ['api'], version: 2 }
  assert.equal(cohortOfDocument(stored), cohortOf(web))
  assert.equal(cohortOfDocument({}), undefined)
  assert.equal(cohortOfDocument(null), undefined)
})
