import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser } from '../../../test/support/browser.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import {
  authorizePath,
  press,
  SEED,
  signedInBrowser,
  startPlatform,
  textOfPage,
} from '../../../test/support/monolith-platform.ts'
import { type RunningMonolith, seedSchema } from '../index.ts'

const S256 = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' }
const WEB = SEED.clients['web']

for (const engine of testDatabases()) {
  describe(`the monolith under a policy, on ${engine.kind}`, () => {
    let store: TestDatabase
    let monolith: RunningMonolith
    let alice: Browser
    before(async () => {
      store = await engine.open()
      monolith = await startPlatform(store.database, {
        policy: { preset: 'strict', exempt: ['old', 'careful'].map((clientId) => ({ clientId, rule: undefined })) },
        seed: seedSchema.parse({
          ...SEED,
          clients: {
            web: WEB,
            old: { ...WEB, id: 11, uid: 'old' },
            careful: { ...WEB, id: 12, uid: 'careful', policy: { require_pkce: 'all' } },
          },
        }),
      })
      alice = await signedInBrowser(monolith.url)
    })
    after(async () => {
      await monolith.close()
      await store.close()
    })
    const at = (path: string) => `${monolith.url}${path}`
    const authorize = async (over: Record<string, string>) => alice.visit(at(authorizePath(over)))
    const codeFor = async (over: Record<string, string>) => {
      const agreed = await press(alice, await authorize(over), 'Authorize')
      return agreed.location?.searchParams ?? new URLSearchParams()
    }
    const exchange = async (client_id: string, form: Record<string, string>, query = '') => {
      const body = new URLSearchParams({
        grant_type: 'authorization_code',
        redirect_uri: 'https://web.example.test/callback',
        client_id,
        client_secret: 'web-secret',
        ...form,
      })
      const answer = await fetch(at(`/oauth/token${query}`), { method: 'POST', body })
      return (await answer.json()) as Record<string, string>
    }

    test('the consent page is not shown for a request that the policy rejects', async () => {
      const page = await authorize({})
      assert.equal(page.status, 400)
      assert.match(textOfPage(page), /Code challenge is required\./)
    })

    test('the answer after consent contains the issuer, and the resource rejects a token in its address', async () => {
      const answer = await codeFor(S256)
      assert.equal(answer.get('iss'), 'http://issuer.example.test')
      const { access_token = '' } = await exchange('web', {
        code: answer.get('code') ?? '',
        code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
      })
      const inAddress = await fetch(at(`/api/v4/user?access_token=${access_token}`))
      assert.deepEqual([inAddress.status, await inAddress.text()], [400, ''])
      const inHeader = await fetch(at('/api/v4/user'), { headers: { authorization: `Bearer ${access_token}` } })
      assert.equal(inHeader.status, 200)
    })

    test('an exempt application follows the policy in its own seed document', async () => {
      const client_id = 'careful'
      assert.equal((await authorize({ client_id })).status, 400)
      const plain = { code_challenge: 'abc', code_challenge_method: 'plain' }
      assert.equal((await authorize({ client_id, ...plain })).status, 200)
    })

    test('an exempt application works as before', async () => {
      const answer = await codeFor({ client_id: 'old' })
      const { access_token = '' } = await exchange('old', { code: answer.get('code') ?? '' })
      assert.equal((await fetch(at(`/api/v4/user?access_token=${access_token}`))).status, 200)
      assert.equal(answer.get('iss'), 'http://issuer.example.test', 'discovery promises it to everybody')
    })

    test('an application with an address that looks like an answer cannot be registered', async () => {
      const form = await alice.visit(at('/-/profile/applications/new'))
      const page = await press(alice, form, 'Save application', {
        'application[name]': 'Injected',
        'application[redirect_uri]': 'https://mine.example.test/callback?code=mine',
      })
      assert.equal(page.status, 422)
      assert.match(textOfPage(page), /holds a parameter reserved for answers, such as code or state/)
    })
  })
}
