import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findDoorkeeper } from '../../scripts/test-parts.ts'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import type { Tokens } from '../../test/e2e/clients/client.ts'
import { type SeedClient, type Traveller, traveller } from '../../test/e2e/clients/journey.ts'
import { openidClient } from '../../test/e2e/clients/openid-client.ts'
import { Browser, type Page } from '../../test/support/browser.ts'
import { ROOT } from '../../test/support/program.ts'
import { eventually } from '../../test/support/wait.ts'
import { type Platform, startPlatform } from './platform.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const SEED = join(ROOT, 'test', 'fixtures', 'seed.json')
const seed = JSON.parse(readFileSync(SEED, 'utf8')) as {
  users: ReadonlyArray<Readonly<Record<string, unknown>>>
  clients: Record<string, SeedClient>
}
/** What this platform knows about alice beyond the seed. */
const CLAIMS = { email_verified: false, picture: 'https://cdn.example/alice.png', groups: ['staff', 'staff/on-call'] }

const isOfIam = (tokens: Tokens) => tokens.access.startsWith(IAM_PREFIXES.access_token)
const isInCi = /^(1|true)$/i.test(process.env.CI ?? '')
const skip = findDoorkeeper() === undefined && !isInCi ? 'ruby-doorkeeper is not installed' : false

function application(key: string): SeedClient {
  const found = seed.clients[key]
  assert.ok(found)
  return found
}

describe('a real Rails and Doorkeeper behind the gateway', { skip }, () => {
  let platform: Platform
  let client: Traveller
  const moved = application('conf')
  const callback = moved.redirect_uris[0] ?? ''

  before(async () => {
    const users = seed.users.map((user) =>
      user['username'] === 'alice' ? { ...user, claims: CLAIMS } : { ...user, admin: true },
    )
    platform = await startPlatform(JSON.stringify({ ...seed, users }))
    client = await traveller(openidClient, platform.issuer, moved)
    await eventually('every application has arrived', async () => {
      const { applications } = (await (await platform.control('/api/v1/applications')).json()) as {
        applications: Array<{ version: number; iam_version: number | null }>
      }
      const arrived = applications.filter((one) => one.iam_version === one.version)
      return arrived.length === Object.keys(seed.clients).length
    })
  })
  after(() => platform?.stop())

  async function setFlag(value: 'true' | 'false'): Promise<void> {
    const set = await platform.handover('flag', 'set', FLAG, value, `--oauth-application=${moved.id}`)
    assert.equal(set.code, 0, `${set.stdout}${set.stderr}`)
  }

  /** Signs in until the expected side answers: a flip reaches the gateway within a second. */
  function signInOn(side: 'iam' | 'legacy', browser = () => new Browser()): Promise<Tokens> {
    return eventually(`a sign-in on ${side}`, async () => {
      const tokens = await client.signIn(browser())
      return isOfIam(tokens) === (side === 'iam') ? tokens : undefined
    })
  }

  async function currentUser(token: string): Promise<{ status: number; body: unknown }> {
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(`${platform.issuer}/api/v4/user`, { headers, signal: AbortSignal.timeout(5_000) })
    return { status: answer.status, body: answer.status === 200 ? await answer.json() : undefined }
  }

  async function assertWorks(tokens: Tokens): Promise<Tokens> {
    assert.equal((await client.userinfo(tokens))['nickname'], 'alice')
    assert.equal(await client.introspect(tokens.access), true)
    const user = await currentUser(tokens.access)
    assert.deepEqual(user, {
      status: 200,
      body: { id: 1, username: 'alice', name: 'Alice Example', email: 'alice@example.test' },
    })
    const renewed = await client.refresh(tokens)
    assert.equal(isOfIam(renewed), isOfIam(tokens), 'a refreshed token stays on its side')
    return renewed
  }

  async function assertRevocable(tokens: Tokens): Promise<void> {
    await client.revoke(tokens)
    assert.equal(await client.introspect(tokens.access), false)
    assert.equal((await currentUser(tokens.access)).status, 401)
    await assert.rejects(client.refresh(tokens))
  }

  /** The authorization request of the moved application, without a library, to check single pages. */
  function authorizeUrl(extra: Record<string, string> = {}): string {
    const query = {
      client_id: moved.uid,
      redirect_uri: callback,
      response_type: 'code',
      scope: 'read_user',
      state: 's1',
    }
    return `${platform.issuer}/oauth/authorize?${new URLSearchParams({ ...query, ...extra })}`
  }

  async function signInTo(page: Page, browser: Browser, user = 'alice', password = 'alice-password-1'): Promise<Page> {
    const form = page.forms[0]
    assert.ok(form, `no form at ${page.url.pathname} (${page.status})`)
    return browser.submit(form, { 'user[login]': user, 'user[password]': password }, callback)
  }

  test('moves one application to IAM and back, and its client notices nothing', async () => {
    const before = await client.signIn(new Browser())
    assert.equal(isOfIam(before), false)
    const beforeRenewed = await assertWorks(before)

    await setFlag('true')
    const onIam = await signInOn('iam')
    assert.deepEqual(onIam.members, before.members)
    assert.equal(onIam.subject, before.subject)
    const userinfo = await client.userinfo(onIam)
    assert.deepEqual(userinfo, await client.userinfo(beforeRenewed))
    const { email_verified, picture, groups } = userinfo
    assert.deepEqual({ email_verified, picture, groups }, CLAIMS)
    const bystander = await (await traveller(openidClient, platform.issuer, application('other'))).signIn(new Browser())
    assert.equal(isOfIam(bystander), false, 'no other application moves')
    const onIamRenewed = await assertWorks(onIam)
    const stillLegacy = await assertWorks(beforeRenewed)

    await setFlag('false')
    const back = await signInOn('legacy')
    const live = await assertWorks(onIamRenewed)
    await assertRevocable(live)
    await assertRevocable(stillLegacy)
    await assertRevocable(back)
  })

  describe('with the application on IAM', () => {
    before(async () => {
      await setFlag('true')
      await signInOn('iam')
    })
    after(() => setFlag('false'))

    test('the same pages appear as with Doorkeeper: sign-in, then consent, and a denial if refused', async () => {
      const browser = new Browser()
      const signIn = await browser.open(authorizeUrl(), callback)
      assert.equal(signIn.url.pathname, '/users/sign_in')
      const wrong = await signInTo(signIn, browser, 'alice', 'not the password')
      assert.match(wrong.text, /Invalid login or password/)
      const consent = await signInTo(wrong, browser)
      assert.equal(consent.url.pathname, '/-/iam/consent')
      assert.match(consent.text, /Authorization required.*Confidential App.*read_user/s)
      const deny = consent.forms.find((form) => form.buttons.includes('Deny'))
      assert.ok(deny)
      const answer = (await browser.submit(deny, {}, callback)).location
      assert.deepEqual([answer?.searchParams.get('error'), answer?.searchParams.get('state')], ['access_denied', 's1'])

      const again = (await browser.submit(deny, {}, callback)).location
      assert.equal(again?.searchParams.get('error'), 'access_denied')
      const approve = consent.forms.find((form) => form.buttons.includes('Authorize'))
      assert.ok(approve)
      const codes = [await browser.submit(approve, {}, callback), await browser.submit(approve, {}, callback)].map(
        ({ location }) => location?.searchParams.get('code') ?? '',
      )
      assert.ok(codes[0] !== codes[1] && codes.every((code) => code.startsWith(IAM_PREFIXES.authorization_code)))
    })

    test('a sign-in page that is submitted twice, reopened or bookmarked always lets the user continue', async () => {
      const browser = new Browser()
      const page = await browser.open(authorizeUrl(), callback)
      for (const sent of await Promise.all([signInTo(page, browser), signInTo(page, browser)])) {
        assert.equal(sent.url.pathname, '/-/iam/consent')
      }
      assert.equal((await browser.open(page.url, callback)).url.pathname, '/-/iam/consent')
      const elsewhere = await new Browser().open(page.url, callback)
      assert.deepEqual([elsewhere.status, elsewhere.url.pathname], [200, '/users/sign_in'])
    })

    test('a challenge that IAM does not know leads to the sign-in page or home, and its form is refused', async () => {
      const login = `${platform.issuer}/users/sign_in?login_challenge=${'f'.repeat(64)}`
      const stranger = new Browser()
      const form = await stranger.open(login)
      assert.deepEqual([form.status, form.url.search], [200, ''])
      assert.match(form.text, /This request has expired/)
      assert.match((await signInTo(form, stranger)).text, /signed in as alice/)
      for (const address of [login, `${platform.issuer}/-/iam/consent?consent_challenge=${'f'.repeat(64)}`]) {
        const home = await stranger.open(address)
        assert.deepEqual([home.status, home.url.pathname], [200, '/'])
        assert.match(home.text, /This request has expired.*signed in as alice/s)
      }
      const waiting = new Browser()
      const page = await waiting.open(authorizeUrl(), callback)
      const [open] = page.forms
      assert.ok(open)
      const typed = { 'user[login]': 'alice', 'user[password]': 'alice-password-1', login_challenge: 'e'.repeat(64) }
      assert.match((await waiting.submit(open, typed)).text, /This request has expired.*signed in as alice/s)
    })

    test('consent is accepted only from the user who was asked, not from another in the same browser', async () => {
      const browser = new Browser()
      const consent = await signInTo(await browser.open(authorizeUrl(), callback), browser)
      assert.equal(consent.url.pathname, '/-/iam/consent')
      const stranger = new Browser()
      await signInTo(await stranger.open(`${platform.issuer}/users/sign_in`), stranger, 'bob', 'bob-password-2')
      assert.equal((await stranger.open(consent.url)).status, 400)
    })

    test('a consent page that another user finds in this browser continues as theirs once they confirm', async () => {
      const browser = new Browser()
      const consent = await signInTo(await browser.open(authorizeUrl(), callback), browser)
      await signInTo(await browser.open(`${platform.issuer}/users/sign_in`), browser, 'bob', 'bob-password-2')
      const refused = await browser.open(consent.url)
      assert.equal(refused.status, 400)
      assert.doesNotMatch(refused.text, /Confidential App/)
      const address = /href="([^"]+)">Continue as bob/.exec(refused.text)?.[1] ?? ''
      const goesOn = await browser.open(new URL(address.replaceAll('&amp;', '&'), platform.issuer), callback)
      assert.equal(goesOn.url.pathname, '/-/iam/consent')
      assert.match(goesOn.text, /Confidential App/)
      assert.notEqual(goesOn.url.search, consent.url.search)
    })

    test('prompt=none is answered to the client without a page, signed in or not', async () => {
      const quiet = authorizeUrl({ scope: 'read_user openid profile email', prompt: 'none' })
      const refused = (await new Browser().open(quiet, callback)).location
      assert.equal(refused?.searchParams.get('error'), 'login_required')
      const browser = new Browser()
      await client.signIn(browser)
      const known = (await browser.open(quiet, callback)).location
      assert.match(
        known?.searchParams.get('error') ?? known?.searchParams.get('code') ?? '',
        /consent_required|gliamac-/,
      )
    })

    test('prompt=login asks a user to sign in again, once', async () => {
      const browser = new Browser()
      await client.signIn(browser)
      const again = await browser.open(authorizeUrl({ scope: 'openid read_user', prompt: 'login' }), callback)
      assert.equal(again.url.pathname, '/users/sign_in')
      const next = await signInTo(again, browser)
      assert.ok(next.location?.href.startsWith(callback) || next.url.pathname === '/-/iam/consent', next.url.pathname)
    })
  })

  test('a change or removal of an application reaches IAM and the control plane automatically', async () => {
    const browser = new Browser()
    const list = `${platform.issuer}/settings/applications`
    await signInTo(await browser.open(`${platform.issuer}/users/sign_in`), browser)
    const versionOf = async (path: string) => {
      const answer = await platform.control(path)
      return (await answer.json()) as {
        id: number
        name?: string
        version: number
        iam_version: number
        arrived: boolean
      }
    }
    const page = await browser.open(list)
    const create = page.forms.find((form) => form.buttons.includes('Create'))
    assert.ok(create)
    const made = await browser.submit(create, {
      'application[name]': 'Made here',
      'application[redirect_uri]': 'http://127.0.0.1/made',
    })
    const row = /Made here<\/h2>\s*<p>id (\d+), client_id <code>(\w+)/.exec(made.text)
    assert.ok(row)
    const path = `/api/v1/applications/${row[2]}`
    const first = await eventually('it arrives', async () => {
      const found = await versionOf(path)
      return found.arrived ? found : undefined
    })
    const buttonsOf = (text: string) => (form: { action: URL; buttons: readonly string[] }) =>
      form.action.pathname.endsWith(`/${row[1]}`) && form.buttons.includes(text)
    const rename = made.forms.find(buttonsOf('Rename'))
    assert.ok(rename)
    const renamed = await browser.submit(rename, { 'application[name]': 'Named anew' })
    await eventually('the new name arrives', async () => {
      const found = await versionOf(path)
      return found.arrived && found.version > first.version
    })
    const remove = renamed.forms.find(buttonsOf('Delete'))
    assert.ok(remove)
    await browser.submit(remove)
    await eventually('it is gone', async () => (await platform.control(path)).status === 404)
  })

  describe('with a user on IAM who is managed at the platform', () => {
    const administrator = new Browser()
    const users = () => administrator.open(`${platform.issuer}/admin/users`)
    const press = async (button: string, fields: Record<string, string> = {}) => {
      const page = await users()
      const form = page.forms.find(
        ({ action, buttons }) => /^\/admin\/users\/1(\/|$)/.test(action.pathname) && buttons.includes(button),
      )
      assert.ok(form, button)
      await administrator.submit(form, fields)
    }
    const userinfo = async (tokens: Tokens) => {
      const headers = { authorization: `Bearer ${tokens.access}` }
      return fetch(`${platform.issuer}/oauth/userinfo`, { headers, signal: AbortSignal.timeout(5_000) })
    }
    const hasEnded = (tokens: Tokens) => async () => (await userinfo(tokens)).status === 401

    before(async () => {
      await setFlag('true')
      await signInTo(
        await administrator.open(`${platform.issuer}/users/sign_in`),
        administrator,
        'bob',
        'bob-password-2',
      )
    })
    after(() => setFlag('false'))

    test("a new name shows at userinfo; signing out everywhere, blocking and deleting revoke IAM's tokens", async () => {
      const first = await signInOn('iam')
      await press('Rename', { 'user[name]': 'Alice Newname' })
      await eventually('the new name shows', async () => {
        const { name } = (await (await userinfo(first)).json()) as { name: string }
        return name === 'Alice Newname'
      })

      await press('Sign out everywhere')
      await eventually('the first tokens have ended', hasEnded(first))
      await assert.rejects(client.refresh(first))

      const second = await signInOn('iam')
      await press('Block')
      await eventually('the second tokens have ended', hasEnded(second))
      await assert.rejects(client.refresh(second))
      await assert.rejects(client.signIn(new Browser()))

      await press('Unblock')
      const third = await signInOn('iam')
      assert.equal((await userinfo(third)).status, 200)
      await press('Delete')
      await eventually('the third tokens have ended', hasEnded(third))
      await assert.rejects(client.refresh(third))
    })
  })

  test('a Rails over an empty database removes nothing, and says so', async () => {
    const before = await (await platform.internal('GET', '/oauth2/internal/clients')).json()
    const stranger = await platform.startStranger()
    try {
      await eventually('it has compared', () => /control holds are not in this database/.test(stranger.log()))
      assert.match(stranger.log(), /8 of 8 applications that iam holds .* too many at once, none is removed/)
    } finally {
      await stranger.stop()
    }
    assert.deepEqual(await (await platform.internal('GET', '/oauth2/internal/clients')).json(), before)
    const { applications } = (await (await platform.control('/api/v1/applications')).json()) as {
      applications: unknown[]
    }
    assert.equal(applications.length, 8)
  })

  test('an application that was removed by mistake can be restored, although IAM remembers the removal', async () => {
    const other = application('other')
    assert.equal((await platform.internal('DELETE', `/oauth2/internal/clients/${other.uid}?version=40`)).status, 200)
    const browser = new Browser()
    await signInTo(await browser.open(`${platform.issuer}/users/sign_in`), browser, 'bob', 'bob-password-2')
    const page = await browser.open(`${platform.issuer}/settings/applications`)
    const rename = page.forms.find(
      ({ action, buttons }) => action.pathname.endsWith(`/${other.id}`) && buttons.includes('Rename'),
    )
    assert.ok(rename)
    await browser.submit(rename, { 'application[name]': 'Back again' })
    await eventually('IAM and the control plane have it', async () => {
      const { clients } = (await (await platform.internal('GET', '/oauth2/internal/clients')).json()) as {
        clients: Array<{ id: number; version: number }>
      }
      const held = clients.find(({ id }) => id === other.id)
      const known = (await (await platform.control(`/api/v1/applications/${other.uid}`)).json()) as {
        version: number
        arrived: boolean
      }
      return held !== undefined && held.version > 40 && known.arrived && known.version === held.version
    })
    const log = readFileSync(join(platform.stateDir, 'rails.log'), 'utf8')
    assert.match(log, /iam did not store application \d+ version \d+: it holds version 40; raised and sent again/)
  })

  test('no log contains a password, token, code or challenge', () => {
    const rails = readFileSync(join(platform.stateDir, 'rails.log'), 'utf8')
    const said = platform.programs.map((program) => `${program.stdout.text()}\n${program.stderr.text()}`)
    const text = [rails, ...said].join('\n')
    assert.match(rails, /POST "\/users\/sign_in/)
    for (const secret of ['alice-password-1', moved.secret, ...Object.values(IAM_PREFIXES)]) {
      assert.ok(!text.includes(secret), `a log holds ${secret.slice(0, 8)}…`)
    }
    assert.doesNotMatch(text, /challenge=(?!\[FILTERED\])[\w%.-]{8}/)
  })
})
