import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Database } from '../../src/storage/index.ts'
import { Browser, type Page } from '../support/browser.ts'
import { type TestDatabase, testDatabases } from '../support/database.ts'
import { press, SEED, sendSignIn } from '../support/monolith-platform.ts'
import { startTwoSides, type TwoSides } from './two-sides.ts'

const CALLBACK = 'https://web.example.test/callback'
const CLIENT = { client_id: 'web', client_secret: 'web-secret' }
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'
/** No hash or encrypted value contains these by chance. */
const STATE = 'state-that-ties-the-answer-to-one-browser'
const NONCE = 'nonce-that-ties-the-id-token-to-one-request'
const VERIFIER = 'verifier-that-is-its-own-challenge-by-the-method-plain'

for (const engine of testDatabases()) {
  describe(`the stored data of a flow on both servers, on ${engine.kind}`, () => {
    let store: TestDatabase
    let sides: TwoSides
    before(async () => {
      store = await engine.open()
      sides = await startTwoSides(store.database, SEED)
    })
    after(async () => {
      await sides?.close()
      await store?.close()
    })

    const begin = (browser: Browser) => {
      const query = new URLSearchParams({
        ...{ client_id: 'web', redirect_uri: CALLBACK, response_type: 'code', scope: 'openid' },
        ...{ state: STATE, nonce: NONCE, code_challenge: VERIFIER, code_challenge_method: 'plain' },
      })
      return browser.open(`${sides.origin}/oauth/authorize?${query}`, CALLBACK)
    }
    const token = async (form: Record<string, string>) => {
      const body = new URLSearchParams({ ...CLIENT, ...form })
      const answer = await fetch(`${sides.origin}/oauth/token`, { method: 'POST', body })
      return (await answer.json()) as Record<string, string>
    }
    const exchange = (code: string) =>
      token({ grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: VERIFIER })
    const agree = async (browser: Browser, consent: Page) =>
      browser.follow(await press(browser, consent, 'Authorize'), CALLBACK)

    for (const side of ['monolith', 'iam'] as const) {
      test(`no state, nonce, plain verifier or credential is stored in clear in a table of ${side}, at any point of the flow`, async () => {
        await sides.lab('reset')
        sides.side = side
        const browser = new Browser()
        const signIn = await begin(browser)
        const consent = await browser.follow(await sendSignIn(browser, signIn), CALLBACK)
        const codes: string[] = []
        for (let flow = 0; flow < 2; flow++) {
          const { location } = await agree(browser, consent)
          assert.equal(location?.searchParams.get('state'), STATE)
          codes.push(location?.searchParams.get('code') ?? assert.fail('no code'))
        }
        const [used = '', waiting = ''] = codes
        const wrong = await token({
          ...{ grant_type: 'authorization_code', code: used, redirect_uri: CALLBACK, code_verifier: `${VERIFIER}x` },
        })
        assert.equal(wrong['error'], 'invalid_grant')
        const tokens = await exchange(used)
        const idToken = tokens['id_token'] ?? assert.fail(`no ID token: ${tokens['error']}`)
        const claims = JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString())
        assert.equal(claims.nonce, NONCE)
        const body = new URLSearchParams({ ...CLIENT, scope: 'api' })
        const asked = await fetch(`${sides.origin}/oauth/authorize_device`, { method: 'POST', body })
        const device = (await asked.json()) as Record<string, string>
        assert.equal(
          (await token({ grant_type: DEVICE, device_code: device['device_code'] ?? '' }))['error'],
          'authorization_pending',
        )
        await begin(new Browser())

        const { access_token, refresh_token } = tokens
        const { device_code, user_code } = device
        const cookie = browser.cookieValues(sides.origin)
        const secrets = { STATE, NONCE, VERIFIER, used, waiting, access_token, refresh_token, idToken, device_code }
        const more = { user_code, client_secret: 'web-secret', password: 'alice-password', ...cookie }
        const found = await whereStored(store.database, { ...secrets, ...more })
        assert.deepEqual(found, [])
      })
    }
  })
}

/** The tables that contain any of these values, as text or as bytes. */
async function whereStored(
  database: Database,
  values: Readonly<Record<string, string | undefined>>,
): Promise<string[]> {
  const tables = await database.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
where table_schema not in ('pg_catalog', 'information_schema')`,
  )
  const found: string[] = []
  for (const { name } of tables) {
    const rows = await database.query<{ row: string }>(`select t::text as row from ${name} t`)
    const text = rows.map(({ row }) => row).join('\n')
    for (const [what, value] of Object.entries(values)) {
      assert.ok(value, `${what} is known`)
      const spellings = [value, Buffer.from(value).toString('hex'), Buffer.from(value).toString('base64url')]
      if (spellings.some((spelling) => text.includes(spelling))) found.push(`${what} in ${name}`)
    }
  }
  return found
}
