import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Browser, type Page } from '../support/browser.ts'
import { eventually } from '../support/wait.ts'
import type { SeedClient } from './clients/journey.ts'
import { SEED, type System, startUp, untilReplicated } from './system.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const SIDES = ['monolith', 'iam'] as const
const PASSWORDS = { alice: 'alice-password-1', bob: 'bob-password-2' } as const
const { clients } = JSON.parse(readFileSync(SEED, 'utf8')) as { clients: Record<string, SeedClient> }
const application = clients['conf'] ?? assert.fail('the seed has no conf')
const callback = application.redirect_uris[0] ?? ''

describe('pages that users leave open, submit twice and return to, on either side', () => {
  let system: System
  before(async () => {
    system = await startUp('--no-demo', '--test-controls', '--seed', SEED)
    await untilReplicated(system, Object.keys(clients).length)
  })
  after(() => system?.stop())

  const at = (path: string) => `${system.issuer}${path}`
  const advance = (minutes: number) => fetch(at(`/__lab/advance?seconds=${minutes * 60}`), { method: 'POST' })

  function authorizeUrl(extra: Record<string, string> = {}): string {
    const query = new URLSearchParams({
      ...{ client_id: application.uid, redirect_uri: callback, response_type: 'code', scope: 'read_user' },
      ...{ state: randomBytes(4).toString('hex'), ...extra },
    })
    return at(`/oauth/authorize?${query}`)
  }

  const formOf = (page: Page, button: string) => {
    const found = page.forms.find(({ buttons }) => buttons.includes(button))
    return found ?? assert.fail(`no ${button} at ${page.url.pathname} (${page.status}): ${page.text.slice(0, 300)}`)
  }
  const signInTo = (browser: Browser, page: Page, user: keyof typeof PASSWORDS = 'alice') =>
    browser.submit(formOf(page, 'Sign in'), { 'user[login]': user, 'user[password]': PASSWORDS[user] }, callback)
  const press = (browser: Browser, page: Page, button: 'Authorize' | 'Deny') =>
    browser.submit(formOf(page, button), {}, callback)
  const signedIn = async (user: keyof typeof PASSWORDS = 'alice') => {
    const browser = new Browser()
    await signInTo(browser, await browser.open(at('/users/sign_in')), user)
    return browser
  }
  const told = (page: Page, name: 'code' | 'error') => page.location?.searchParams.get(name) ?? undefined
  const isConsent = (page: Page) => assert.ok(formOf(page, 'Authorize'))

  for (const side of SIDES) {
    describe(`on ${side}`, () => {
      before(async () => {
        const set = await system.handover(
          'flag',
          'set',
          FLAG,
          String(side === 'iam'),
          `--oauth-application=${application.id}`,
        )
        assert.equal(set.code, 0, set.stderr)
        await eventually('the gateway follows the flag', async () => {
          const { location } = await new Browser().visit(authorizeUrl())
          return location?.searchParams.has('login_challenge') === (side === 'iam')
        })
        await fetch(at('/__lab/reset'), { method: 'POST' })
      })

      test('a sign-in page and a consent page can be answered after minutes and after hours', async () => {
        for (const minutes of [11, 180]) {
          const browser = new Browser()
          const page = await browser.open(authorizeUrl())
          await advance(minutes)
          const consent = await signInTo(browser, page)
          isConsent(consent)
          await advance(minutes)
          assert.ok(told(await press(browser, consent, 'Authorize'), 'code'))
          const refused = await browser.open(authorizeUrl())
          await advance(minutes)
          assert.equal(told(await press(browser, refused, 'Deny'), 'error'), 'access_denied')
        }
      })

      test('a button clicked again, or another one after going back, is answered again', async () => {
        const browser = await signedIn()
        const consent = await browser.open(authorizeUrl())
        const answers = [
          ...(await Promise.all([press(browser, consent, 'Authorize'), press(browser, consent, 'Authorize')])),
          await press(browser, consent, 'Authorize'),
        ]
        assert.equal(new Set(answers.map((answer) => told(answer, 'code') ?? 'none')).size, 3)
        assert.equal(told(await press(browser, consent, 'Deny'), 'error'), 'access_denied')
        assert.equal(told(await press(browser, consent, 'Deny'), 'error'), 'access_denied')
        assert.ok(told(await press(browser, consent, 'Authorize'), 'code'))
      })

      test('a sign-in form sent twice concurrently leads to the consent page twice', async () => {
        const browser = new Browser()
        const page = await browser.open(authorizeUrl())
        const sent = await Promise.all([signInTo(browser, page), signInTo(browser, page)])
        sent.forEach(isConsent)
      })

      test('every address on the way can be requested twice', async () => {
        const browser = await signedIn()
        let next: URL | undefined = new URL(authorizeUrl())
        while (next) {
          const [first, second]: Page[] = [await browser.visit(next), await browser.visit(next)]
          assert.equal(second?.status, first?.status, next.pathname)
          assert.equal(second?.location?.pathname, first?.location?.pathname, next.pathname)
          next = second?.location
        }
      })

      test('prompt=none in a frame without cookies is login_required at the client', async () => {
        for (const extra of [{}, { max_age: '60' }]) {
          let page = await new Browser().visit(authorizeUrl({ scope: 'openid', prompt: 'none', state: 's1', ...extra }))
          while (page.location?.origin === system.issuer) page = await new Browser().visit(page.location)
          assert.equal(told(page, 'error'), 'login_required')
          assert.equal(page.location?.searchParams.get('state'), 's1')
        }
      })

      test('twenty tabs of one browser are answered one after another', async () => {
        const browser = await signedIn()
        const tabs: Page[] = []
        for (let tab = 0; tab < 20; tab++) tabs.push(await browser.open(authorizeUrl()))
        for (const tab of tabs) assert.ok(told(await press(browser, tab, 'Authorize'), 'code'))
      })

      test('a bookmarked page lets any user continue', async () => {
        const browser = new Browser()
        const signIn = await browser.open(authorizeUrl())
        const consent = await signInTo(browser, signIn)
        await press(browser, consent, 'Authorize')
        for (const days of [0, 3]) {
          await advance(days * 1_440 + 1)
          for (const who of [browser, new Browser(), await signedIn()]) {
            for (const { url } of [signIn, consent]) {
              const page = await who.open(url, callback)
              assert.ok(page.status === 200 || told(page, 'code'), `${days} ${url.pathname}: ${page.status}`)
            }
          }
        }
      })

      test('a consent page is useless to the next user of the browser, who continues with their own account', async () => {
        const browser = await signedIn()
        const consent = await browser.open(authorizeUrl())
        await browser.submit(formOf(await browser.open(at('/')), 'Sign out'))
        const signedOut = await browser.visit(formOf(consent, 'Authorize').action, {
          form: Object.fromEntries(formOf(consent, 'Authorize').fields),
        })
        assert.equal(told(signedOut, 'code'), undefined)
        await signInTo(browser, await browser.open(at('/users/sign_in')), 'bob')
        const found = await browser.open(consent.url)
        const more = /href="([^"]+)">Continue as bob/.exec(found.text)?.[1]
        const own = more ? await browser.open(at(more.replaceAll('&amp;', '&')), callback) : found
        isConsent(own)
        assert.ok(told(await press(browser, own, 'Authorize'), 'code'))
      })
    })
  }
})
