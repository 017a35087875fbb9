import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { findDoorkeeper } from '../../scripts/test-parts.ts'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import type { SeedClient } from '../../test/e2e/clients/journey.ts'
import { Browser, type Page } from '../../test/support/browser.ts'
import { ROOT } from '../../test/support/program.ts'
import { eventually } from '../../test/support/wait.ts'
import { type Platform, startPlatform } from './platform.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const SEED = join(ROOT, 'test', 'fixtures', 'seed.json')
const seedText = readFileSync(SEED, 'utf8')
const seed = JSON.parse(seedText) as { clients: Record<string, SeedClient> }
const isInCi = /^(1|true)$/i.test(process.env.CI ?? '')
const skip = findDoorkeeper() === undefined && !isInCi ? 'ruby-doorkeeper is not installed' : false
const SIDES = ['legacy', 'iam'] as const
type Side = (typeof SIDES)[number]

describe('consent and its revocation with a real Rails and Doorkeeper', { skip }, () => {
  let platform: Platform
  const { conf } = seed.clients
  assert.ok(conf)
  const callback = conf.redirect_uris[0] ?? ''
  let scopes = 0

  before(async () => {
    platform = await startPlatform(seedText)
    await eventually('every application has arrived', async () => {
      const { applications } = (await (await platform.control('/api/v1/applications')).json()) as {
        applications: Array<{ version: number; iam_version: number | null }>
      }
      const arrived = applications.filter((one) => one.iam_version === one.version)
      return arrived.length === Object.keys(seed.clients).length
    })
  })
  after(() => platform?.stop())
  beforeEach(() => {
    scopes++
  })

  /** Each test has its own set of scopes, which no one has granted before. */
  const scope = () =>
    ['openid', 'email', 'profile', 'read_user', 'api'].filter((_, at) => at === 0 || (scopes >> (at - 1)) & 1).join(' ')
  const reversed = () => scope().split(' ').reverse().join(' ')

  async function moveTo(side: Side): Promise<void> {
    const set = await platform.handover('flag', 'set', FLAG, String(side === 'iam'), `--oauth-application=${conf?.id}`)
    assert.equal(set.code, 0, `${set.stdout}${set.stderr}`)
    await eventually(`the flip to ${side} reaches the gateway`, async () => {
      const query = new URLSearchParams({ ...asked(), scope: 'openid' })
      const first = await new Browser().visit(`${platform.issuer}/oauth/authorize?${query}`)
      return first.location?.searchParams.has('login_challenge') === (side === 'iam')
    })
  }
  const asked = () => {
    return { client_id: conf?.uid ?? '', redirect_uri: callback, response_type: 'code', scope: scope(), state: 's1' }
  }
  const ask = (browser: Browser, over: Record<string, string> = {}): Promise<Page> =>
    browser.open(`${platform.issuer}/oauth/authorize?${new URLSearchParams({ ...asked(), ...over })}`, callback)
  const resultOf = (page: Page) => {
    const answer = page.location?.searchParams
    const code = answer?.get('code')
    if (code) return code.startsWith(IAM_PREFIXES.authorization_code) ? 'code of iam' : 'code of legacy'
    return answer?.get('error') ?? (/Authorization required/.test(page.text) ? 'asked' : page.text.slice(0, 200))
  }
  async function signedIn(user = 'alice', password = 'alice-password-1'): Promise<Browser> {
    const browser = new Browser()
    const page = await browser.open(`${platform.issuer}/users/sign_in`)
    const [form] = page.forms
    assert.ok(form)
    await browser.submit(form, { 'user[login]': user, 'user[password]': password })
    return browser
  }
  const post = async (path: string, form: Record<string, string>) => {
    const body = new URLSearchParams({ client_id: conf.uid, client_secret: conf.secret ?? '', ...form })
    const answer = await fetch(platform.issuer + path, { method: 'POST', body, signal: AbortSignal.timeout(10_000) })
    return (await answer.json()) as Record<string, string | boolean>
  }
  const exchange = async (page: Page) => {
    const code = page.location?.searchParams.get('code') ?? ''
    const answer = await post('/oauth/token', { grant_type: 'authorization_code', code, redirect_uri: callback })
    return String(answer['access_token'] ?? answer['error'])
  }
  const isActive = async (token: string) => (await post('/oauth/introspect', { token }))['active'] === true
  async function press(browser: Browser, page: Page, button: string): Promise<Page> {
    const form = page.forms.find((candidate) => candidate.buttons.includes(button))
    assert.ok(form, `no ${button} in ${page.text.slice(0, 500)}`)
    return browser.submit(form, {}, callback)
  }
  async function grantOn(side: Side, browser: Browser): Promise<string> {
    await moveTo(side)
    const page = await ask(browser)
    assert.equal(resultOf(page), 'asked')
    return exchange(await press(browser, page, 'Authorize'))
  }
  const list = (browser: Browser) => browser.open(`${platform.issuer}/oauth/authorized_applications`)

  for (const side of SIDES) {
    const other = side === 'iam' ? 'legacy' : 'iam'

    test(`consent given on ${side} counts on ${other}, is listed, and ends on both with one button`, async () => {
      const browser = await signedIn()
      const first = await grantOn(side, browser)
      await moveTo(other)
      const [again, silent] = [await ask(browser, { scope: reversed() }), await ask(browser, { prompt: 'none' })]
      assert.deepEqual([resultOf(again), resultOf(silent)], [`code of ${other}`, `code of ${other}`])
      assert.equal(resultOf(await ask(browser, { prompt: 'consent' })), 'asked')
      assert.equal(resultOf(await ask(browser, { scope: 'openid read_api' })), 'asked')
      const bob = await signedIn('bob', 'bob-password-2')
      assert.equal(resultOf(await ask(bob)), 'asked')
      assert.equal(resultOf(await ask(bob, { prompt: 'none' })), 'consent_required')
      const second = await exchange(again)
      const page = await list(browser)
      for (const text of ['Confidential App', ...scope().split(' ')]) assert.ok(page.text.includes(text), text)
      assert.match(page.text, /Authorized 20\d\d-\d\d-\d\d \d\d:\d\d UTC/)
      const after = await press(browser, page, 'Revoke')
      assert.match(after.text, /may no longer use your account.*No application may use your account/s)
      assert.deepEqual([await isActive(first), await isActive(second)], [false, false])
      assert.equal(await exchange(silent), 'invalid_grant')
      for (const each of [other, side] as const) {
        await moveTo(each)
        assert.equal(resultOf(await ask(browser)), 'asked')
        assert.equal(resultOf(await ask(browser, { prompt: 'none' })), 'consent_required')
      }
    })
  }

  test('while IAM is down, its consent still counts, and a revocation reaches it once it is back', async () => {
    const browser = await signedIn()
    const there = await grantOn('iam', browser)
    await moveTo('legacy')
    await platform.withoutIam(async () => {
      assert.equal(resultOf(await ask(browser)), 'code of legacy')
      assert.equal(resultOf(await ask(browser, { prompt: 'none' })), 'code of legacy')
      assert.equal(resultOf(await ask(browser, { scope: 'openid read_api' })), 'asked')
      const page = await list(browser)
      assert.match(page.text, /Confidential App.*This list may be incomplete/s)
      const after = await press(browser, page, 'Revoke')
      assert.match(after.text, /was revoked here, but the sign-in service has not confirmed it yet/)
      assert.match(after.text, /You have revoked <strong>Confidential App/)
      assert.equal(resultOf(await ask(browser)), 'asked')
    })
    await eventually('the token of IAM ends', async () => !(await isActive(there)))
    assert.doesNotMatch((await list(browser)).text, /Confidential App/)
    await moveTo('iam')
    assert.equal(resultOf(await ask(browser)), 'asked')
  })

  test("a user cannot revoke another user's grant, and an unknown application is not found", async () => {
    const alice = await signedIn()
    const mine = await grantOn('iam', alice)
    const bob = await signedIn('bob', 'bob-password-2')
    const home = await bob.open(`${platform.issuer}/settings/applications`)
    const token = /name="csrf-token" content="([^"]+)"/.exec(home.text)?.[1] ?? ''
    const at = (id: number) => `${platform.issuer}/oauth/authorized_applications/${id}`
    const form = { _method: 'delete', authenticity_token: token }
    assert.equal((await bob.visit(at(conf.id), { form })).status, 303)
    assert.equal(await isActive(mine), true)
    assert.equal((await bob.visit(at(999), { form })).status, 404)
    assert.equal((await new Browser().visit(at(conf.id))).status, 404)
  })
})
