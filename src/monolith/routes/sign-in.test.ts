import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Browser } from '../../../test/support/browser.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import {
  authorizePath,
  copyCookies,
  fieldsOf,
  press,
  SEED,
  sendSignIn,
  signedInBrowser,
  startPlatform,
  textOfPage,
} from '../../../test/support/monolith-platform.ts'
import type { RunningMonolith } from '../index.ts'

for (const engine of testDatabases()) {
  describe(`signing in on ${engine.kind}`, () => {
    let store: TestDatabase
    let monolith: RunningMonolith
    before(async () => {
      store = await engine.open()
      monolith = await startPlatform(store.database)
    })
    after(async () => {
      await monolith.close()
      await store.close()
    })
    const at = (path: string) => `${monolith.url}${path}`

    test('leads to the home page, which names the signed-in user', async () => {
      const browser = new Browser()
      const answer = await sendSignIn(browser, await browser.visit(at('/users/sign_in')))
      assert.equal(answer.status, 302)
      assert.equal(answer.location?.href, at('/'))
      const home = await browser.follow(answer)
      assert.match(textOfPage(home), /Hello, Alice Example Signed in as alice, alice@example\.test/)
    })

    test('leads back to the request that required it', async () => {
      const browser = new Browser()
      const asked = await browser.visit(at(authorizePath()))
      assert.equal(asked.location?.href, at('/users/sign_in'))
      const answer = await sendSignIn(browser, await browser.follow(asked))
      assert.equal(answer.location?.href, at(authorizePath()))
    })

    test('with a wrong password shows the form again with a message, and keeps the return address', async () => {
      const browser = new Browser()
      const page = await browser.open(at(authorizePath()))
      const again = await sendSignIn(browser, page, 'alice', 'wrong')
      assert.equal(again.status, 200)
      assert.match(textOfPage(again), /^Invalid login or password\./)
      assert.equal(fieldsOf(again.forms[0])['user[login]'], 'alice')
      assert.doesNotMatch(again.text, /value="wrong"/)
      assert.equal((await sendSignIn(browser, again)).location?.href, at(authorizePath()))
    })

    test('by e-mail, with an unknown name, or with parameters of another shape is rejected alike', async () => {
      const browser = new Browser()
      const page = await browser.visit(at('/users/sign_in'))
      const token = fieldsOf(page.forms[0])['authenticity_token'] ?? ''
      for (const fields of [
        { 'user[login]': 'alice@example.test', 'user[password]': 'alice-password' },
        { 'user[login]': 'nobody', 'user[password]': '' },
        { 'user[login]': 'a\0b', 'user[password]': 'x' },
        { 'user[login][]': 'alice', 'user[password]': 'alice-password' },
        { user: 'alice' },
      ]) {
        const answer = await browser.visit(page.url, {
          form: { authenticity_token: token, ...fields } as Record<string, string>,
        })
        assert.match(textOfPage(answer), /^Invalid login or password\./)
      }
    })

    test('without the form, its token, or from another site is rejected with 422', async () => {
      const browser = new Browser()
      const page = await browser.visit(at('/users/sign_in'))
      const fields = { ...fieldsOf(page.forms[0]), 'user[login]': 'alice', 'user[password]': 'alice-password' }
      const foreign = await browser.visit(page.url, { form: fields, headers: { origin: 'https://evil.example.test' } })
      assert.equal(foreign.status, 422)
      assert.equal((await browser.visit(page.url, { form: { ...fields, authenticity_token: 'AAAA' } })).status, 422)
      assert.equal((await new Browser().visit(page.url, { form: fields })).status, 422)
      assert.match(textOfPage(foreign), /The change you wanted was rejected\./)
    })

    test('starts a new session, which does not accept earlier tokens', async () => {
      const browser = new Browser()
      const page = await browser.visit(at('/users/sign_in'))
      await sendSignIn(browser, page)
      const { authenticity_token = '' } = fieldsOf(page.forms[0])
      assert.equal((await browser.visit(at('/users/sign_out'), { form: { authenticity_token } })).status, 422)
    })

    test('works in two tabs that opened at once, with the forms of both', async () => {
      const browser = new Browser()
      await sendSignIn(browser, await browser.visit(at('/users/sign_in')))
      const cookie = await copyCookies(browser)
      // Both are requested before either has its answer, like tabs of a browser that restores its session.
      const pages = [1, 2].map(() => new Browser().visit(at('/oauth/device'), { headers: { cookie } }))
      for (const page of await Promise.all(pages)) {
        const { authenticity_token = '' } = fieldsOf(page.forms[0])
        const form = { authenticity_token, user_code: 'UNKNOWN1' }
        const answer = await new Browser().visit(at('/oauth/device'), { form, headers: { cookie } })
        assert.equal(answer.status, 302)
      }
    })

    test('records the time, for auth_time', async () => {
      await store.database.query(`update monolith.users set current_sign_in_at = now() - interval '1 day' where id = 1`)
      await signedInBrowser(monolith.url)
      const [row] = await store.database.query<{ age: number }>(
        `select extract(epoch from now() - current_sign_in_at)::float8 as age from monolith.users where id = 1`,
      )
      assert.ok((row?.age ?? 1e9) < 60)
    })

    test('out ends the session in every copy of its cookie', async () => {
      const browser = await signedInBrowser(monolith.url)
      const home = await browser.visit(at('/'))
      const cookie = await copyCookies(browser)
      const answer = await press(browser, home, 'Sign out')
      assert.equal(answer.location?.href, at('/users/sign_in'))
      assert.match(textOfPage(await browser.visit(at('/'))), /You are signed out/)
      const thief = await new Browser().visit(at('/'), { headers: { cookie } })
      assert.match(textOfPage(thief), /You are signed out/)
    })

    test('out also works by DELETE', async () => {
      const browser = await signedInBrowser(monolith.url)
      const { authenticity_token = '' } = fieldsOf((await browser.visit(at('/'))).forms[0])
      const answer = await browser.visit(at('/users/sign_out'), {
        method: 'DELETE',
        headers: { 'x-csrf-token': authenticity_token },
      })
      assert.equal(answer.status, 302)
      assert.match(textOfPage(await browser.visit(at('/'))), /You are signed out/)
    })

    test('out cannot be triggered by a link', async () => {
      const browser = await signedInBrowser(monolith.url)
      assert.equal((await browser.visit(at('/users/sign_out'))).status, 404)
      assert.match(textOfPage(await browser.visit(at('/'))), /Signed in as alice/)
    })

    test('as another user replaces the session', async () => {
      const browser = await signedInBrowser(monolith.url)
      const page = await browser.visit(at('/users/sign_in'))
      assert.match(textOfPage(page), /You are signed in as alice/)
      await sendSignIn(browser, page, 'bob')
      assert.match(textOfPage(await browser.visit(at('/'))), /Signed in as bob/)
    })

    test('is blocked after ten wrong passwords for a name, but not where its user has signed in before', async () => {
      const home = await signedInBrowser(monolith.url, 'bob')
      const browser = new Browser()
      let page = await browser.visit(at('/users/sign_in'))
      for (let attempt = 0; attempt < 10; attempt++) page = await sendSignIn(browser, page, 'bob', `wrong ${attempt}`)
      const refused = await sendSignIn(browser, page, 'bob')
      assert.match(textOfPage(refused), /^Too many failed attempts/)
      assert.equal(refused.status, 429)
      assert.equal(refused.headers.get('cache-control'), 'no-store')
      const wait = Number(refused.headers.get('retry-after'))
      assert.ok(wait > 0 && wait <= 60, `${wait}`)
      const again = await sendSignIn(home, await home.visit(at('/users/sign_in')), 'bob')
      assert.equal(again.status, 302)
    })

    test('never leads to another site, however the request is spelled', async () => {
      const browser = new Browser()
      const page = await browser.open(at(`//oauth/device?user_code=x`))
      const answer = await sendSignIn(browser, page)
      assert.equal(answer.location?.origin, monolith.url)
    })

    test('keeps its users and sessions across a restart, and planting the seed again changes nothing', async () => {
      const browser = await signedInBrowser(monolith.url)
      const cookie = await copyCookies(browser)
      await store.database.query(`update monolith.users set name = 'Alice Renamed' where id = 1`)
      const second = await startPlatform(store.database, { seed: { ...SEED } })
      try {
        const home = await new Browser().visit(`${second.url}/`, { headers: { cookie } })
        assert.match(textOfPage(home), /Hello, Alice Renamed/)
        const counts = await store.database.query<{ users: number; applications: number; versions: number }>(
          `select (select count(*) from monolith.users) as users, (select count(*) from monolith.applications) as applications,
            (select max(version) from monolith.outbox) as versions`,
        )
        assert.deepEqual(counts, [{ users: 2, applications: 3, versions: 1 }])
      } finally {
        await second.close()
        await store.database.query(`update monolith.users set name = 'Alice Example' where id = 1`)
      }
    })

    test('stores passwords and session ids as digests only', async () => {
      await signedInBrowser(monolith.url)
      const rows = await store.database.query<{ password_hash: string }>(`select password_hash from monolith.users`)
      for (const row of rows) assert.match(row.password_hash, /^\$argon2id\$v=19\$/)
      const sessions = await store.database.query<{ id_digest: Buffer }>(`select id_digest from monolith.sessions`)
      assert.ok(sessions.length > 0 && sessions.every((row) => row.id_digest.length === 32))
    })
  })
}
