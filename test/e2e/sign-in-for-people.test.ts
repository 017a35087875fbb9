import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import Provider from 'oidc-provider'
import type { ControlPlaneSettings } from '../../src/control-plane/index.ts'
import { createLog } from '../../src/observability/index.ts'
import { Browser, type Page } from '../support/browser.ts'
import { startTestControlPlane, type TestControlPlane } from '../support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../support/database.ts'

type Oidc = NonNullable<NonNullable<ControlPlaneSettings['access']>['oidc']>

const REDIRECT = 'https://handover.example/sign-in/oidc/callback'
const lines: string[] = []
const log = createLog('control', { level: 'trace', destination: { write: (line) => void lines.push(line) } })

/** Sends the browser back as if the control plane were at its public address. */
const comeBack = (plane: TestControlPlane, browser: Browser, callback: URL) =>
  browser.open(`${plane.url}${new URL(REDIRECT).pathname}${callback.search}`)

const start = async (plane: TestControlPlane, browser: Browser) => {
  const { location } = await browser.visit(`${plane.url}/sign-in/oidc`)
  assert.ok(location)
  return location
}

let store: TestDatabase
before(async () => {
  const [engine] = testDatabases()
  assert.ok(engine)
  store = await engine.open()
})
after(() => store.close())

const openPlane = (oidc: Oidc, replicaOf?: TestControlPlane) =>
  startTestControlPlane(store.database, {
    access: { oidc },
    log,
    ...(replicaOf && { schema: replicaOf.schema, directory: replicaOf.directory }),
  })

describe('users sign in at a third-party OpenID provider', () => {
  const claims: Record<string, object> = {
    olga: { groups: ['staff', 'releases'], email: 'olga@example.test', email_verified: true },
    vera: { groups: ['staff'], email: 'ada@example.test', email_verified: false },
    eve: { groups: ['guests'] },
    nul: { groups: ['staff'], email: 'olga@example.test\u0000', email_verified: true },
    bidi: { groups: ['staff'], email: '\u202egro.elpmaxe@agl\u001b[2J', email_verified: true },
    'bell\u0007': { groups: ['staff'] },
  }
  const settings = { issuer: '' } as { issuer: string }
  const server = createServer()
  let plane: TestControlPlane
  const oidc = (): Oidc => ({
    issuer: settings.issuer,
    clientId: 'handover',
    clientSecret: 'secret-of-handover',
    redirectUrl: REDIRECT,
    scopes: ['openid', 'email', 'groups'],
    mapping: {
      claim: 'groups',
      rules: [
        { value: 'staff', role: 'viewer', environments: null },
        { value: 'releases', role: 'operator', environments: ['dev', 'staging'] },
      ],
    },
  })
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    settings.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', providerOf(settings.issuer, claims))
    plane = await openPlane(oidc())
  })
  after(async () => {
    await plane.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  async function callbackOf(browser: Browser, login: string, at = plane): Promise<URL> {
    let page: Page = await browser.follow(await browser.visit(await start(at, browser)), REDIRECT)
    for (let forms = 0; forms < 3 && page.location === undefined; forms++) {
      const [form] = page.forms
      assert.ok(form, page.text.slice(0, 300))
      page = await browser.submit(
        form,
        form.fields.some(([name]) => name === 'login') ? { login, password: 'x' } : {},
        REDIRECT,
      )
    }
    assert.ok(page.location)
    return page.location
  }

  test('groups determine the role, with PKCE, state and nonce in the request', async () => {
    const browser = new Browser()
    const { searchParams } = await start(plane, browser)
    assert.equal(searchParams.get('code_challenge_method'), 'S256')
    for (const name of ['state', 'nonce', 'code_challenge']) assert.match(searchParams.get(name) ?? '', /^[\w-]{43}$/)
    const page = await comeBack(plane, browser, await callbackOf(browser, 'olga'))
    assert.match(page.text, /Signed in as <strong>olga@example.test<\/strong>, operator of dev, staging/)
    const other = new Browser()
    const viewer = await comeBack(plane, other, await callbackOf(other, 'vera'))
    assert.match(viewer.text, /Signed in as <strong>vera<\/strong>, viewer/, 'an unverified address is no name')
  })

  test('a user without a role, without the cookie, or with another state or code is rejected', async () => {
    const eve = new Browser()
    const stranger = await comeBack(plane, eve, await callbackOf(eve, 'eve'))
    assert.deepEqual([stranger.status, /have no role in Handover/.test(stranger.text)], [403, true])
    const olga = new Browser()
    const callback = await callbackOf(olga, 'olga')
    const elsewhere = await comeBack(plane, new Browser(), callback)
    assert.match(elsewhere.text, /was not started in this browser/)
    const forged = new Browser()
    await start(plane, forged)
    assert.match((await comeBack(plane, forged, callback)).text, /could not be completed/)
    assert.equal((await comeBack(plane, olga, callback)).url.pathname, '/account')
    assert.equal((await comeBack(plane, olga, callback)).status, 403, 'the same code over again')
  })

  test('a name that is unsafe for a log, table or terminal is rejected', async () => {
    for (const login of ['nul', 'bidi']) {
      const browser = new Browser()
      const page = await comeBack(plane, browser, await callbackOf(browser, login))
      assert.match(page.text, new RegExp(`Signed in as <strong>${login}</strong>, viewer`))
    }
    const bell = new Browser()
    const page = await comeBack(plane, bell, await callbackOf(bell, 'bell\u0007'))
    assert.deepEqual([page.status, /could not be completed/.test(page.text)], [403, true])
  })

  test('changed settings apply to sessions immediately', async () => {
    const browser = new Browser()
    await comeBack(plane, browser, await callbackOf(browser, 'olga'))
    const strict = oidc()
    const tightened = { ...strict, mapping: { claim: 'groups', rules: strict.mapping.rules.slice(0, 1) } }
    const replica = await openPlane(tightened, plane)
    try {
      assert.match((await browser.open(`${replica.url}/account`)).text, /, viewer\./)
    } finally {
      await replica.close()
    }
  })

  test('a session from another provider, or by another claim, is not evaluated by the current rules', async () => {
    const browser = new Browser()
    await comeBack(plane, browser, await callbackOf(browser, 'olga'))
    const before = oidc()
    for (const now of [
      { ...before, issuer: 'http://127.0.0.1:9' },
      { ...before, mapping: { ...before.mapping, claim: 'departments' } },
    ]) {
      const replica = await openPlane(now, plane)
      try {
        assert.equal((await browser.open(`${replica.url}/account`)).url.pathname, '/sign-in')
      } finally {
        await replica.close()
      }
    }
    assert.equal((await browser.open(`${plane.url}/account`)).url.pathname, '/account')
  })

  test('no code, verifier, token or cookie is in a log or a table', async () => {
    const browser = new Browser()
    const callback = await callbackOf(browser, 'olga')
    const code = callback.searchParams.get('code') ?? 'none'
    await comeBack(plane, browser, callback)
    const rows = await store.database.query(
      `select row_to_json(s)::text as row from ${plane.schema}.sessions s union all
       select row_to_json(a)::text from ${plane.schema}.audit_log a`,
    )
    const kept = lines.join('') + JSON.stringify(rows)
    for (const secret of [code, callback.searchParams.get('state') ?? 'none', 'secret-of-handover']) {
      assert.ok(!kept.includes(secret))
    }
  })

  test('an excessively long answer from the provider is rejected', async () => {
    const talker = createServer((_request, response) => {
      const issuer = `http://127.0.0.1:${(talker.address() as AddressInfo).port}`
      const said = { issuer, authorization_endpoint: `${issuer}/auth`, more: 'x'.repeat(2 << 20) }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said))
    })
    await new Promise<void>((resolve) => talker.listen(0, '127.0.0.1', resolve))
    const issuer = `http://127.0.0.1:${(talker.address() as AddressInfo).port}`
    const listening = await openPlane({ ...oidc(), issuer })
    try {
      assert.equal((await new Browser().visit(`${listening.url}/sign-in/oidc`)).status, 503)
    } finally {
      await listening.close()
      talker.closeAllConnections()
      await new Promise((resolve) => talker.close(resolve))
    }
  })

  test('while the provider does not answer, the page reports that', async () => {
    const away = await openPlane({ ...oidc(), issuer: 'http://127.0.0.1:9' })
    try {
      const page = await new Browser().visit(`${away.url}/sign-in/oidc`)
      assert.deepEqual([page.status, /does not answer/.test(page.text)], [503, true])
    } finally {
      await away.close()
    }
  })
})

function providerOf(issuer: string, claims: Readonly<Record<string, object>>) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'handover',
        client_secret: 'secret-of-handover',
        redirect_uris: [REDIRECT],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'one' }] },
    cookies: { keys: ['of the tests'] },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, ...claims[id] }),
    }),
    features: { devInteractions: { enabled: true } },
  })
  return provider.callback()
}
