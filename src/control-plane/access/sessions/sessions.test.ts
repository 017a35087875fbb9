import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Browser } from '../../../../test/support/browser.ts'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { createLog } from '../../../observability/index.ts'

const BRAKE = '/api/v1/brake?environment=dev'

for (const engine of testDatabases()) {
  describe(`sessions of people on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    const lines: string[] = []
    before(async () => {
      store = await engine.open()
      const log = createLog('control', { level: 'trace', destination: { write: (line) => void lines.push(line) } })
      plane = await startTestControlPlane(store.database, { log })
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    const create = async (wish: object) => (await plane.ask('POST', '/api/v1/tokens', { json: wish })).json
    async function linkOf(token: string): Promise<string> {
      const made = await plane.ask('POST', '/api/v1/sign-in-links', { token })
      assert.equal(made.status, 201, made.text)
      return made.json.url
    }
    /** Submits the form of the page that a link opens. */
    async function redeem(browser: Browser, link: string) {
      const [form] = (await browser.open(link)).forms
      assert.ok(form)
      return browser.submit(form)
    }
    /** Signs in by link; `cookie` is what the browser holds afterwards. */
    async function signIn(token: string, headers: Record<string, string> = {}) {
      const { origin, pathname, searchParams: body } = new URL(await linkOf(token))
      const answer = await fetch(origin + pathname, { method: 'POST', body, redirect: 'manual', headers })
      assert.equal(answer.status, 303)
      const line = answer.headers.getSetCookie()[0] ?? ''
      const cookie = line.split(';')[0] ?? ''
      const me = await plane.ask('GET', '/api/v1/session', { token: null, headers: { cookie } })
      return { cookie, line, csrf: String(me.json.csrf_token) }
    }
    const put = (headers: Record<string, string>) =>
      plane.ask('PUT', BRAKE, { token: null, headers, json: { on: false, reason: 'by a session' } })

    test('a link signs in once, as the holder of the token that requested it', async () => {
      const { token } = await create({ role: 'operator', name: 'olga', environments: ['dev'] })
      const link = await linkOf(token)
      const browser = new Browser()
      const page = await redeem(browser, link)
      assert.equal(page.url.pathname, '/account')
      assert.match(page.text, /Signed in as <strong>olga<\/strong>, operator of dev/)
      const again = await redeem(new Browser(), link)
      assert.equal(again.status, 403)
      assert.match(again.text, /has already been used/)
      assert.equal((await new Browser().open(`${plane.url}/account`)).url.pathname, '/sign-in')
    })

    test('a link is only for people, is stored hashed, and no log contains it or the cookie', async () => {
      for (const token of [plane.gatewayToken, plane.replicationToken]) {
        assert.equal((await plane.ask('POST', '/api/v1/sign-in-links', { token })).status, 403)
      }
      const unused = new URL(await linkOf(plane.adminToken)).searchParams.get('secret') ?? ''
      assert.match(unused, /^[\w-]{43}$/)
      const { cookie } = await signIn(plane.adminToken)
      const secret = cookie.split('=')[1] ?? ''
      const rows = await store.database.query(
        `select encode(digest, 'escape') || row_to_json(s)::text as row from ${plane.schema}.sessions s union all
         select encode(digest, 'escape') || row_to_json(l)::text from ${plane.schema}.sign_in_links l union all
         select row_to_json(a)::text from ${plane.schema}.audit_log a`,
      )
      const kept = JSON.stringify(rows) + lines.join('')
      for (const each of [unused, secret]) assert.ok(!kept.includes(each))
    })

    test('an expired link is refused', async () => {
      const link = await linkOf(plane.adminToken)
      await store.database.query(`update ${plane.schema}.sign_in_links set expires_at = now() - interval '1 second'`)
      assert.equal((await redeem(new Browser(), link)).status, 403)
    })

    test('a link that a scanner, a preview or another site opens is not redeemed', async () => {
      const link = await linkOf(plane.adminToken)
      for (const method of ['GET', 'HEAD', 'GET'] as const) {
        const answer = await fetch(link, { method, redirect: 'manual' })
        assert.deepEqual(answer.headers.getSetCookie(), [])
      }
      const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
      const secret = new URL(link).searchParams.get('secret') ?? ''
      const posted = await new Browser().visit(`${plane.url}/sign-in/link`, { form: { secret }, headers: foreign })
      assert.equal(posted.status, 403)
      assert.equal((await redeem(new Browser(), link)).url.pathname, '/account')
    })

    test('a token with the same name as another cannot see or end its sessions', async () => {
      const [first, second] = [
        await create({ role: 'administrator', name: 'shared' }),
        await create({ role: 'viewer', name: 'shared' }),
      ]
      const session = await signIn(first.token)
      const seen = await plane.ask('GET', '/api/v1/sessions', { token: second.token })
      assert.deepEqual(seen.json.sessions, [])
      assert.equal((await plane.ask('DELETE', '/api/v1/sessions', { token: second.token })).status, 204)
      const still = await plane.ask('GET', '/api/v1/session', { token: null, headers: { cookie: session.cookie } })
      assert.equal(still.status, 200)
    })

    test('no token can take the name of a token from the settings, or of the engine of rollouts', async () => {
      for (const name of ['administrator', 'handover-rollouts', 'Handover-Rollouts']) {
        const refused = await plane.ask('POST', '/api/v1/tokens', { json: { role: 'viewer', name } })
        assert.equal(refused.status, 409)
        assert.deepEqual([refused.json.code, refused.json.errors[0].field], ['name_reserved', 'name'])
      }
    })

    test('scripts cannot read the cookie, and changes with it require the same origin and the CSRF token', async () => {
      const { cookie, line, csrf } = await signIn(plane.adminToken)
      assert.match(line, /^handover_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=43200$/)
      assert.equal((await put({ cookie })).status, 403)
      assert.equal((await put({ cookie, 'x-csrf-token': 'x'.repeat(43) })).status, 403)
      const right = { cookie, 'x-csrf-token': csrf }
      assert.equal((await put({ ...right, origin: 'https://evil.example' })).status, 403)
      for (const site of ['cross-site', 'same-site', 'none']) {
        assert.equal((await put({ ...right, 'sec-fetch-site': site })).status, 403, site)
      }
      assert.equal((await put({ ...right, origin: plane.url, 'sec-fetch-site': 'same-origin' })).status, 200)
      const other = await signIn(plane.adminToken)
      assert.equal((await put({ cookie, 'x-csrf-token': other.csrf })).status, 403)
      const byToken = { 'private-token': plane.adminToken, origin: 'https://evil.example' }
      assert.equal((await put(byToken)).status, 200)
    })

    test('behind https the cookie is bound to its host', async () => {
      const https = await startTestControlPlane(store.database, {
        access: { publicOrigin: 'https://handover.example' },
      })
      try {
        const { url } = (await https.ask('POST', '/api/v1/sign-in-links')).json
        assert.ok(url.startsWith('https://handover.example/sign-in/link?secret='))
        const local = url.replace('https://handover.example', https.url)
        const { origin, pathname, searchParams: body } = new URL(local)
        const answer = await fetch(origin + pathname, { method: 'POST', body, redirect: 'manual' })
        const [line = ''] = answer.headers.getSetCookie()
        assert.match(line, /^__Host-handover_session=[\w-]{43}; Path=\/; HttpOnly; .*; Secure$/)
        assert.ok(answer.headers.get('strict-transport-security'))
      } finally {
        await https.close()
      }
    })

    test("a new sign-in issues a new secret and ends the browser's previous session", async () => {
      const first = await signIn(plane.adminToken)
      const second = await signIn(plane.adminToken, { cookie: first.cookie })
      assert.notEqual(second.cookie, first.cookie)
      const status = async (cookie: string) =>
        (await plane.ask('GET', '/api/v1/session', { token: null, headers: { cookie } })).status
      assert.deepEqual([await status(first.cookie), await status(second.cookie)], [401, 200])
      const planted = `handover_session=${'A'.repeat(43)}`
      assert.notEqual((await signIn(plane.adminToken, { cookie: planted })).cookie, planted)
    })

    test("sign-out ends this session, another one, or all sessions of the person, and no one else's", async () => {
      const { token } = await create({ role: 'viewer', name: 'vera' })
      const open = async (browser: Browser) => redeem(browser, await linkOf(token))
      const [a, b, c, d] = [new Browser(), new Browser(), new Browser(), new Browser()]
      for (const browser of [a, b, c, d]) await open(browser)
      const bystander = await signIn(plane.adminToken)
      const account = (browser: Browser) => browser.open(`${plane.url}/account`)
      const isIn = async (browser: Browser) => (await account(browser)).url.pathname === '/account'
      const press = async (browser: Browser, button: string) => {
        const form = (await account(browser)).forms.find(({ buttons }) => buttons.includes(button))
        assert.ok(form, button)
        return browser.submit(form)
      }
      await press(a, 'Sign out')
      assert.deepEqual([await isIn(a), await isIn(b)], [false, true])
      await press(b, 'End')
      assert.equal([await isIn(c), await isIn(d)].filter(Boolean).length, 1)
      await press(b, 'Sign out everywhere')
      assert.deepEqual([await isIn(b), await isIn(c), await isIn(d)], [false, false, false])
      const still = await plane.ask('GET', '/api/v1/session', { token: null, headers: { cookie: bystander.cookie } })
      assert.equal(still.status, 200)
      const foreign = await new Browser().visit(`${plane.url}/sign-out`, {
        form: { which: 'all', csrf_token: 'x' },
        headers: { cookie: bystander.cookie },
      })
      assert.equal(foreign.status, 403)
    })

    test('through the API a viewer ends only its own sessions and an administrator ends any', async () => {
      const { token } = await create({ role: 'viewer', name: 'victor' })
      await signIn(token)
      await signIn(plane.adminToken)
      const own = (await plane.ask('GET', '/api/v1/sessions', { token })).json.sessions
      assert.deepEqual(
        own.map((each: { name: string }) => each.name),
        ['victor'],
      )
      const all = (await plane.ask('GET', '/api/v1/sessions')).json.sessions
      const other = all.find((each: { name: string }) => each.name === 'administrator')
      assert.equal((await plane.ask('DELETE', `/api/v1/sessions/${other.id}`, { token })).status, 404)
      assert.equal((await plane.ask('DELETE', `/api/v1/sessions/${own[0].id}`)).status, 204)
      await signIn(token)
      assert.equal((await plane.ask('DELETE', '/api/v1/sessions', { token })).status, 204)
      assert.deepEqual((await plane.ask('GET', '/api/v1/sessions', { token })).json.sessions, [])
    })

    test('a session ends at once with its token, when it is idle, and after its lifetime', async () => {
      const status = async (cookie: string) =>
        (await plane.ask('GET', '/api/v1/session', { token: null, headers: { cookie } })).status
      const { id, token } = await create({ role: 'administrator', name: 'brief' })
      const revoked = await signIn(token)
      assert.equal(await status(revoked.cookie), 200)
      await plane.ask('DELETE', `/api/v1/tokens/${id}`)
      assert.equal(await status(revoked.cookie), 401)
      for (const column of ['last_seen_at', 'expires_at']) {
        const { cookie } = await signIn(plane.adminToken)
        assert.equal(await status(cookie), 200)
        await store.database.query(
          `update ${plane.schema}.sessions set ${column} = now() - interval '61 minutes'
            where id = (select max(id) from ${plane.schema}.sessions)`,
        )
        assert.equal(await status(cookie), 401, column)
      }
    })

    test('a change of role applies to the session at once', async () => {
      const { id, token } = await create({ role: 'operator', name: 'oskar' })
      const { cookie, csrf } = await signIn(token)
      const headers = { cookie, 'x-csrf-token': csrf }
      assert.equal((await put(headers)).status, 200)
      await store.database.query(`update ${plane.schema}.tokens set role = 'viewer' where id = $1`, [id])
      assert.equal((await put(headers)).status, 403)
    })

    test('the audit log records sign-in and sign-out, and the channel of the changes in between', async () => {
      const { cookie, csrf } = await signIn(plane.adminToken)
      const on = { on: true, reason: 'a door' }
      await plane.ask('PUT', BRAKE, { token: null, headers: { cookie, 'x-csrf-token': csrf }, json: on })
      await plane.ask('DELETE', '/api/v1/sessions', { token: null, headers: { cookie, 'x-csrf-token': csrf } })
      const { json } = await plane.ask('GET', '/api/v1/audit')
      const entries: Array<{ action: string; door: string; by: string }> = json.entries
      const has = (action: string, door: string) =>
        entries.some((each) => each.action === action && each.door === door && each.by === 'administrator')
      assert.ok(has('sign_in', 'console'))
      assert.ok(has('brake.on', 'console'))
      assert.ok(has('sign_out', 'console'))
    })

    test('pages run no scripts, cannot be framed, and are not cached', async () => {
      const page = await new Browser().visit(`${plane.url}/sign-in`)
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
      assert.equal(page.headers.get('x-content-type-options'), 'nosniff')
      assert.equal(page.headers.get('referrer-policy'), 'same-origin')
      assert.equal(page.headers.get('cache-control'), 'no-store')
    })

    test('the user agent is shown as escaped text', async () => {
      const { cookie } = await signIn(plane.adminToken, { 'user-agent': '<script>alert(1)</script>' })
      const page = await new Browser().visit(`${plane.url}/account`, { headers: { cookie } })
      assert.ok(!page.text.includes('<script>'))
      assert.match(page.text, /&lt;script/)
    })

    test('behind a trusted proxy each client address counts separately, and other peers cannot set it', async () => {
      const behind = await startTestControlPlane(store.database, { trustedProxies: ['127.0.0.0/8'] })
      const tried = async (where: TestControlPlane, address: string, credential: string) =>
        (await where.ask('GET', '/api/v1/tokens', { token: credential, headers: { 'x-forwarded-for': address } }))
          .status
      try {
        for (let n = 0; n < 22; n++) await tried(behind, `203.0.113.9, 198.51.100.1`, `wrong-${n}`)
        assert.equal(await tried(behind, '198.51.100.1', 'wrong'), 429)
        assert.equal(await tried(behind, '203.0.113.9', 'wrong'), 401)
        const made = await behind.ask('POST', '/api/v1/tokens', {
          json: { role: 'viewer', name: 'behind' },
          headers: { 'x-forwarded-for': '198.51.100.7' },
        })
        assert.equal(made.status, 201)
        const [entry] = (await behind.ask('GET', '/api/v1/audit?action=token.create')).json.entries
        assert.equal(entry.from, '198.51.100.7')
      } finally {
        await behind.close()
      }
      await plane.ask('POST', '/api/v1/tokens', {
        json: { role: 'viewer', name: 'in front' },
        headers: { 'x-forwarded-for': '198.51.100.7' },
      })
      const [entry] = (await plane.ask('GET', '/api/v1/audit?action=token.create')).json.entries
      assert.equal(entry.from, '127.0.0.1')
    })

    test('an address that tries many tokens must wait, and a valid token is accepted all the same', async () => {
      const tries = []
      for (let n = 0; n < 22; n++)
        tries.push((await plane.ask('GET', '/api/v1/tokens', { token: `wrong-${n}` })).status)
      assert.deepEqual([tries[0], tries.at(-1)], [401, 429])
      const waiting = await plane.ask('GET', '/api/v1/tokens', { token: 'wrong-again' })
      assert.equal(waiting.json.code, 'too_many_failures')
      assert.match(waiting.headers.get('retry-after') ?? '', /^[12]$/)
      assert.equal((await plane.ask('GET', '/api/v1/tokens')).status, 200)
      assert.equal((await plane.ask('GET', '/api/v1/tokens', { token: null })).status, 401)
      const link = await redeem(new Browser(), `${plane.url}/sign-in/link?secret=${'B'.repeat(43)}`)
      assert.equal(link.status, 429)
      assert.equal((await redeem(new Browser(), await linkOf(plane.adminToken))).status, 200)
    })
  })
}
