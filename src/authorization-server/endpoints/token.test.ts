import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { clients } from '../testing/seed.ts'
import {
  type Answer,
  basic,
  credentials,
  exchangeFields,
  refreshFields,
  type Sending,
  type ServerUnderTest,
  startServerUnderTest,
} from '../testing/server-under-test.ts'

const S256 = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' }
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'

/** The result of a token request in short: 200, or the status with the error. */
function inShort(answer: Answer): string {
  if (answer.json === undefined) return `${answer.status} ${answer.headers['content-type']}`
  const missing = /Missing required parameter: (\w+)\./.exec(answer.json.error_description ?? '')?.[1]
  return answer.status === 200 ? '200' : [answer.status, answer.json.error, missing].filter(Boolean).join(' ')
}

for (const engine of testDatabases()) {
  describe(`POST /oauth/token on ${engine.kind}`, () => {
    let store: TestDatabase
    let server: ServerUnderTest
    before(async () => {
      store = await engine.open()
      server = await startServerUnderTest(store.database, 'monolith')
    })
    after(async () => {
      await server.close()
      await store.close()
    })

    it('answers invalid_scope for a scope that the store cannot hold', async () => {
      for (const scope of ['user:\u0000', `user:${randomBytes(4_000).toString('hex')}`]) {
        const fields = { grant_type: 'client_credentials', scope, ...credentials('conf') }
        assert.equal(inShort(await server.token(fields)), '400 invalid_scope')
      }
    })

    it('answers a successful exchange with members and headers in their recorded order', async () => {
      const answer = await server.token(exchangeFields(await server.code()))
      assert.equal(answer.status, 200)
      assert.deepEqual(Object.keys(answer.json), [
        'access_token',
        'token_type',
        'expires_in',
        'refresh_token',
        'scope',
        'created_at',
      ])
      assert.match(answer.json.access_token, /^[0-9a-f]{64}$/)
      assert.equal(answer.json.token_type, 'Bearer')
      assert.equal(answer.json.expires_in, 7_200)
      assert.equal(answer.headers['cache-control'], 'no-store')
      assert.equal(answer.headers['pragma'], 'no-cache')
      assert.equal(answer.headers['vary'], 'Accept, Origin')
      assert.match(String(answer.headers['etag']), /^W\/"[0-9a-f]{32}"$/)
      assert.deepEqual(server.events.at(-1), {
        grantType: 'authorization_code',
        clientId: clients.conf.uid,
        applicationId: 1,
      })
    })

    it('answers an error with its text in body and challenge, without Pragma', async () => {
      const answer = await server.token(exchangeFields('f'.repeat(64)))
      const text = answer.json.error_description
      assert.equal(
        answer.headers['www-authenticate'],
        `Bearer realm="Doorkeeper", error="invalid_grant", error_description="${text}"`,
      )
      assert.equal(answer.headers['pragma'], undefined)
      assert.equal(answer.headers['cache-control'], 'no-store')
    })

    const noClient = { client_id: undefined, client_secret: undefined }
    const exchanges: ReadonlyArray<
      readonly [string, Sending & { fields?: Record<string, string | undefined> }, string]
    > = [
      ['by Basic', { fields: noClient, headers: { authorization: basic('conf') } }, '200'],
      [
        'by Basic in lower case',
        { fields: noClient, headers: { authorization: basic('conf').replace('B', 'b') } },
        '200',
      ],
      [
        'by Basic with two spaces',
        { fields: noClient, headers: { authorization: basic('conf').replace(' ', '  ') } },
        '200',
      ],
      [
        'by right Basic and a wrong body',
        { fields: { client_secret: 'wrong' }, headers: { authorization: basic('conf') } },
        '200',
      ],
      ['by wrong Basic and a right body', { headers: { authorization: basic('conf', 'wrong') } }, '401 invalid_client'],
      ['by Basic with an empty user and a right body', { headers: { authorization: `Basic ${btoa(':x')}` } }, '200'],
      [
        'by Basic with an empty secret and a right body',
        { headers: { authorization: basic('conf', '') } },
        '401 invalid_client',
      ],
      [
        'by Basic of another client than the body',
        { fields: { client_id: clients.other.uid }, headers: { authorization: basic('conf') } },
        '200',
      ],
      [
        'by Basic that is not text',
        { fields: noClient, headers: { authorization: 'Basic //79/A==' } },
        '401 invalid_client',
      ],
      ['by a Bearer header and a right body', { headers: { authorization: `Bearer ${clients.conf.secret}` } }, '200'],
      [
        'by Basic that is form-encoded',
        { fields: noClient, headers: { authorization: basic('conf', clients.conf.secret.replace('-', '%2D')) } },
        '401 invalid_client',
      ],
      ['without a client', { fields: noClient }, '401 invalid_client'],
      ['with a wrong secret', { fields: { client_secret: 'wrong' } }, '401 invalid_client'],
      ['with an empty secret', { fields: { client_secret: '' } }, '401 invalid_client'],
      ['with a secret and a space', { fields: { client_secret: `${clients.conf.secret} ` } }, '401 invalid_client'],
      ['with a client_id in capitals', { fields: { client_id: clients.conf.uid.toUpperCase() } }, '401 invalid_client'],
      ['with a client_id of 300 characters', { fields: { client_id: 'f'.repeat(300) } }, '401 invalid_client'],
      ['with a NUL in the client_id', { fields: { client_id: '\u0000' } }, '401 invalid_client'],
      [
        'with a hash for the client_id',
        { fields: { client_id: undefined, 'client_id[x]': clients.conf.uid } },
        '401 invalid_client',
      ],
      ['of another client', { fields: credentials('other') }, '400 invalid_grant'],
      ['without a redirect_uri', { fields: { redirect_uri: undefined } }, '400 invalid_request redirect_uri'],
      [
        'without a redirect_uri and with a wrong secret',
        { fields: { redirect_uri: undefined, client_secret: 'x' } },
        '400 invalid_request redirect_uri',
      ],
      ['with a wrong redirect_uri', { fields: { redirect_uri: 'https://evil.example.test/' } }, '400 invalid_grant'],
      [
        'with an extra query in the redirect_uri',
        { fields: { redirect_uri: `${clients.conf.redirect_uris[0]}?x=1` } },
        '200',
      ],
      ['with a verifier that nothing asked for', { fields: { code_verifier: VERIFIER } }, '400 invalid_grant'],
      ['with an unknown scope, which is not looked at', { fields: { scope: 'bogus' } }, '200'],
      [
        'without a code and with a wrong secret',
        { fields: { code: undefined, client_secret: 'x' } },
        '400 invalid_request code',
      ],
      ['with an empty code', { fields: { code: ' ' } }, '400 invalid_request code'],
      ['with a list for a code', { fields: { code: undefined, 'code[]': 'x' } }, '400 invalid_grant'],
      ['with a NUL in the code', { fields: { code: '\u0000abc' } }, '400 invalid_grant'],
      ['with a grant type in capitals', { fields: { grant_type: 'AUTHORIZATION_CODE' } }, '400 unsupported_grant_type'],
      [
        'with a list for a grant type',
        { fields: { grant_type: undefined, 'grant_type[]': 'authorization_code' } },
        '400 unsupported_grant_type',
      ],
      [
        'with an unknown grant type and a wrong secret',
        { fields: { grant_type: 'bogus', client_secret: 'x' } },
        '400 unsupported_grant_type',
      ],
      ['without a grant type', { fields: { grant_type: undefined } }, '400 invalid_request grant_type'],
      ['with wrong code in the query', { query: { code: 'wrong' } }, '400 invalid_grant'],
      ['as text', { headers: { 'content-type': 'text/plain' } }, '400 invalid_request grant_type'],
      ['with code and code[]', { fields: { 'code[]': 'x' } }, '400 text/html; charset=UTF-8'],
      ['turned into DELETE', { fields: { _method: 'delete' } }, '404 text/html; charset=UTF-8'],
    ]
    for (const [what, { fields, ...sending }, wanted] of exchanges) {
      it(`answers an exchange ${what} with ${wanted}`, async () => {
        const answer = await server.token({ ...exchangeFields(await server.code()), ...fields }, sending)
        assert.equal(inShort(answer), wanted)
      })
    }

    it('accepts parameters as JSON, in the query, and under other spellings of the path', async () => {
      const fields = async () => exchangeFields(await server.code())
      const answers = [
        await server.send('POST', '/oauth/token', { json: await fields() }),
        await server.send('POST', '/oauth/token', { query: await fields() }),
        await server.send('POST', '/oauth/token/', { form: await fields() }),
        await server.send('POST', '//oauth//token', { form: await fields() }),
        await server.send('POST', '/oauth/token.json', { form: await fields() }),
        await server.send('POST', '/oauth/token', { json: { ...(await fields()), code: 12_345 } }),
      ]
      assert.deepEqual(answers.map(inShort), ['200', '200', '200', '200', '200', '400 invalid_grant'])
      assert.equal(answers[4]?.headers['vary'], undefined)
    })

    const verifiers: ReadonlyArray<readonly [string, Record<string, string>, Record<string, string>, string]> = [
      ['the right verifier', S256, { code_verifier: VERIFIER }, '200'],
      ['a wrong verifier', S256, { code_verifier: 'w'.repeat(43) }, '400 invalid_grant'],
      ['the challenge as verifier', S256, { code_verifier: S256.code_challenge }, '400 invalid_grant'],
      ['no verifier', S256, {}, '400 invalid_request code_verifier'],
      ['no verifier and a wrong secret', S256, { client_secret: 'x' }, '400 invalid_request code_verifier'],
      [
        'a plain verifier',
        { code_challenge: 'short', code_challenge_method: 'plain' },
        { code_verifier: 'short' },
        '200',
      ],
      [
        'a wrong plain verifier',
        { code_challenge: 'short', code_challenge_method: 'plain' },
        { code_verifier: 'Short' },
        '400 invalid_grant',
      ],
    ]
    for (const [what, challenge, fields, wanted] of verifiers) {
      it(`answers ${what} with ${wanted}`, async () => {
        const answer = await server.token({ ...exchangeFields(await server.code('conf', challenge)), ...fields })
        assert.equal(inShort(answer), wanted)
      })
    }

    it('does not consume a code in a failed exchange, and does not accept it twice', async () => {
      const fields = exchangeFields(await server.code('conf', S256))
      const outcomes = []
      for (const more of [
        { client_secret: 'x' },
        { code_verifier: 'x' },
        { code_verifier: VERIFIER },
        { code_verifier: VERIFIER },
      ]) {
        outcomes.push(inShort(await server.token({ ...fields, ...more })))
      }
      assert.deepEqual(outcomes, ['400 invalid_request code_verifier', '400 invalid_grant', '200', '400 invalid_grant'])
    })

    it('keeps the tokens of the first use when a code is used again', async () => {
      const fields = exchangeFields(await server.code())
      const { json } = await server.token(fields)
      await server.token(fields)
      assert.equal(inShort(await server.token(refreshFields(json.refresh_token))), '200')
    })

    it('accepts a public client without a secret or with the right one only', async () => {
      const exchange = async (fields: Record<string, string>) =>
        inShort(await server.token({ ...exchangeFields(await server.code('public'), 'public'), ...fields }))
      assert.equal(await exchange({}), '200')
      assert.equal(await exchange({ client_secret: '' }), '200')
      assert.equal(await exchange({ client_secret: clients.public.secret }), '200')
      assert.equal(await exchange({ client_secret: 'wrong' }), '401 invalid_client')
    })

    it('accepts a loopback address with a different port from the authorization request', async () => {
      const code = await server.code('multi', { redirect_uri: 'http://127.0.0.1:1111/cb' })
      const fields = exchangeFields(code, 'multi')
      assert.equal(inShort(await server.token({ ...fields, redirect_uri: 'http://127.0.0.1:2222/cb' })), '200')
    })

    it('rejects a code after ten minutes', async () => {
      const early = await server.code()
      await server.core.advance(595)
      assert.equal(inShort(await server.token(exchangeFields(early))), '200')
      const late = await server.code()
      await server.core.advance(605)
      assert.equal(inShort(await server.token(exchangeFields(late))), '400 invalid_grant')
    })

    it('applies a change of the client immediately', async () => {
      const { applicationOf } = await import('../testing/seed.ts')
      const fields = { grant_type: 'client_credentials', ...credentials('scoped') }
      assert.equal(inShort(await server.token(fields)), '200')
      const changed = { ...applicationOf('scoped', 2), secret_digest: '0'.repeat(128) }
      assert.equal(await server.core.applications.upsert(changed), true)
      assert.equal(inShort(await server.token(fields)), '401 invalid_client')
      assert.equal(await server.core.applications.upsert(applicationOf('scoped', 2)), false)
      assert.equal(await server.core.applications.upsert(applicationOf('scoped', 3)), true)
      assert.equal(inShort(await server.token(fields)), '200')
    })
  })
}
