import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { POLICY_RULES, type PolicyRule } from '../../applications/index.ts'
import type { InstancePolicy } from '../clients/policy.ts'
import { type PolicyCase, policyCase } from '../testing/policy-case.ts'
import { type Answer, type ServerUnderTest, startServerUnderTest } from '../testing/server-under-test.ts'

const GRACE_SECONDS = 10
const OVER = { code: 'got a code', iss: 'https://issuer.example.test' }
const PASSWORD = { grant_type: 'password', username: 'alice', password: 'alice-password-1' }

const brief = (answer: Answer) => (answer.status === 200 ? '200' : `${answer.status} ${answer.json?.error}`)
const outcome = (answer: Record<string, string>) =>
  answer['error'] === undefined ? OVER.code : `${answer['error']}: ${answer['error_description']}`
const BAD_ADDRESS =
  "invalid_redirect_uri: The requested redirect URI is malformed or doesn't match the client redirect URI."

interface Probe {
  readonly act: (on: PolicyCase) => Promise<string>
  readonly off: string
  readonly on: string
  /** The result with the rule on for the whole instance and no exemptions; default: same as `on`. */
  readonly onInstance?: string
}

/** One client action for each rule, and its result with the rule off and on. */
const PROBES: Readonly<Record<PolicyRule, Probe>> = {
  require_pkce: {
    act: async (on) => outcome(await on.authorize()),
    off: OVER.code,
    on: 'invalid_request: Code challenge is required.',
  },
  plain_pkce: {
    act: async (on) => outcome(await on.authorize({ code_challenge: 'abc', code_challenge_method: 'plain' })),
    off: OVER.code,
    on: 'invalid_request: The code_challenge_method must be S256.',
  },
  password_grant: {
    act: async (on) => brief(await on.token(PASSWORD)),
    off: '200',
    on: '400 unauthorized_client',
    onInstance: '400 unsupported_grant_type',
  },
  token_in_query: {
    act: async (on) => {
      const { access_token = '' } = await on.tokens()
      return brief(await on.server.send('GET', '/oauth/token/info', { query: { access_token } }))
    },
    off: '200',
    on: '400 invalid_request',
  },
  secret_in_query: {
    act: async (on) =>
      brief(await on.token({ grant_type: 'client_credentials' }, { client_secret: 'wrong, and told' })),
    off: '401 invalid_client',
    on: '400 invalid_request',
  },
  redirect_match: {
    act: async (on) => outcome(await on.authorize({ redirect_uri: `${on.redirectUri}?x=1` })),
    off: OVER.code,
    on: BAD_ADDRESS,
  },
  reserved_in_redirect: {
    act: async (on) => outcome(await on.authorize({ redirect_uri: `${on.redirectUri}?c%6fde=injected` })),
    off: OVER.code,
    on: BAD_ADDRESS,
  },
  response_iss: {
    act: async (on) => {
      const [good, bad] = [await on.authorize(), await on.authorize({ scope: 'bogus' })]
      return `${good['iss']} ${bad['error']} ${bad['iss']}`
    },
    off: 'undefined invalid_scope undefined',
    on: `${OVER.iss} invalid_scope ${OVER.iss}`,
  },
  refresh_reuse: {
    act: async (on) => {
      const { refresh_token = '' } = await on.tokens()
      const refresh = { grant_type: 'refresh_token', refresh_token }
      const next = (await on.token(refresh)).json
      await on.server.core.advance(GRACE_SECONDS + 1)
      await on.token(refresh)
      return brief(await on.token({ ...refresh, refresh_token: next.refresh_token }))
    },
    off: '200',
    on: '400 invalid_grant',
  },
  code_replay: {
    act: async (on) => {
      const { code = '' } = await on.authorize()
      const exchange = { grant_type: 'authorization_code', code, redirect_uri: on.redirectUri }
      const first = (await on.token(exchange)).json
      await on.server.core.advance(GRACE_SECONDS + 1)
      await on.token(exchange)
      return brief(await on.token({ grant_type: 'refresh_token', refresh_token: first.refresh_token }))
    },
    off: '200',
    on: '400 invalid_grant',
  },
}

for (const engine of testDatabases()) {
  describe(`a rule of the policy, on ${engine.kind}`, () => {
    let store: TestDatabase
    const servers: ServerUnderTest[] = []
    before(async () => {
      store = await engine.open()
    })
    after(async () => {
      for (const server of servers) await server.close()
      await store.close()
    })
    const startWith = async (policy: InstancePolicy) => {
      const server = await startServerUnderTest(store.database, 'policy', { policy, reuseGraceSeconds: GRACE_SECONDS })
      servers.push(server)
      return server
    }

    for (const [name, probe] of Object.entries(PROBES)) {
      const rule = name as PolicyRule
      const [lax, strict] = [POLICY_RULES[rule][0], POLICY_RULES[rule].at(-1)]
      it(`${rule} is off, on for all, on for one, and off again for one`, async () => {
        const names = (what: string) => `${engine.kind}-${rule}-${what}`
        const exempt = [{ clientId: names('exempt'), rule }]
        const strictFor = [{ clientId: names('named'), rule }]
        const compatible = await startWith({ strictFor })
        const held = await startWith({ rules: { [rule]: strict } })
        const heldButOne = await startWith({ rules: { [rule]: strict }, exempt })
        const act = async (server: ServerUnderTest, what: string, policy?: string) =>
          probe.act(await policyCase(server, names(what), { policy: policy && { [rule]: policy } } as never))
        const onInstance = probe.onInstance ?? probe.on
        assert.equal(await act(compatible, 'silent'), probe.off, 'nobody says anything')
        assert.equal(await act(compatible, 'lax', lax), probe.off, 'the application says it is off')
        assert.equal(await act(compatible, 'strict', strict), probe.on, 'the application asks for it')
        assert.equal(await act(compatible, 'named'), probe.on, 'the operator names the application')
        assert.equal(await act(held, 'held'), onInstance, 'the operator wants it of all')
        assert.equal(await act(held, 'held-lax', lax), onInstance, 'the application cannot be rid of it')
        assert.equal(await act(heldButOne, 'exempt'), probe.off, 'the operator exempts the application')
        assert.equal(await act(heldButOne, 'not-exempt'), probe.on, 'but no other')
      })
    }
  })
}
