import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { findChromium, screenshot, startChromium } from '../support/chromium.ts'
import { eventually, WAIT_LIMIT_MS } from '../support/wait.ts'
import { type System, startUp, untilReplicated } from './system.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const executable = findChromium()
const isCi = process.env.CI === 'true'
const skip = executable === undefined && !isCi ? 'no Chromium on this machine' : false

describe('the demo client in a real browser', { skip }, () => {
  let system: System
  let browser: Browser
  let context: BrowserContext
  let page: Page
  const consoleErrors: string[] = []

  before(async () => {
    assert.ok(executable, 'CI must offer Chromium')
    system = await startUp()
    await untilReplicated(system, 3)
    browser = await startChromium(executable)
    context = await browser.newContext({ viewport: { width: 1_000, height: 760 } })
    context.setDefaultTimeout(WAIT_LIMIT_MS)
    page = await context.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error') consoleErrors.push(message.text())
    })
  })
  after(async () => {
    await browser?.close()
    await system?.stop()
  })

  const side = (row: string) => page.locator('tr', { hasText: row }).locator('.side').innerText()

  async function signInAgain(button: string): Promise<void> {
    await page.goto(system.demoUrl)
    await page.locator('section', { hasText: button }).getByRole('button').click()
    const authorize = page.getByRole('button', { name: 'Authorize' })
    await Promise.race([authorize.waitFor(), page.getByRole('heading', { name: 'Signed in' }).waitFor()])
    if (await authorize.isVisible()) await authorize.click()
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
  }

  /** The first page's suggestion, once it matches `what`: a flip reaches the page within a second or two. */
  async function suggestion(what: RegExp): Promise<string> {
    return eventually(`the suggestion ${what}`, async () => {
      await page.goto(system.demoUrl)
      const text = await page.getByRole('complementary').innerText()
      return what.test(text) ? text : undefined
    })
  }

  /** A tab that waits on the consent page for the phone application, which requires consent every time. */
  async function tabOnConsent(): Promise<Page> {
    const tab = await context.newPage()
    await tab.goto(system.demoUrl)
    await tab.locator('section', { hasText: 'Demo phone app' }).getByRole('button').click()
    await tab.getByRole('button', { name: 'Authorize' }).waitFor()
    return tab
  }

  async function tryAction(label: string, result: RegExp): Promise<void> {
    await page.getByRole('button', { name: label }).click()
    await page.locator('pre').waitFor()
    assert.match(await page.locator('pre').innerText(), result, label)
  }

  test('a user signs in through the pages of the monolith', async () => {
    await suggestion(/Sign in with the Demo web app/)
    await screenshot(page, '01-demo-home')
    await page.locator('section', { hasText: 'Demo web app' }).getByRole('button', { name: 'Sign in' }).click()
    await page.locator('input[name="user[password]"]').waitFor()
    assert.ok(page.url().startsWith(`${system.issuer}/users/sign_in`))
    await screenshot(page, '02-sign-in')
    await page.locator('input[name="user[login]"]').fill('alice')
    await page.locator('input[name="user[password]"]').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('Invalid login or password').waitFor()
    await screenshot(page, '03-wrong-password')
    await page.locator('input[name="user[login]"]').fill('alice')
    await page.locator('input[name="user[password]"]').fill('alice-password-1')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Authorize' }).waitFor()
    await screenshot(page, '04-consent-on-monolith')
    await page.getByRole('button', { name: 'Authorize' }).click()
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    assert.equal(await side('Access token'), 'monolith')
    await screenshot(page, '05-signed-in-on-monolith')
  })

  test('every action works with tokens of the monolith', async () => {
    await tryAction('Call userinfo', /"nickname": "alice"/)
    await tryAction('Call the API', /"status": 200/)
    await tryAction('Refresh', /new pair/)
    await tryAction('Introspect', /"active": true/)
  })

  test('with the flag on, the next sign-in runs on IAM and looks the same', async () => {
    assert.match(await suggestion(/Move the Demo web app/), /flag set \S+ true --oauth-application=1 --token-file \S+/)
    const set = await system.handover('flag', 'set', FLAG, 'true', '--oauth-application=1')
    assert.equal(set.code, 0, set.stderr)
    await suggestion(/Demo web app is on IAM now/)
    await screenshot(page, '05b-moved')
    await eventually('a sign-in on IAM', async () => {
      await signInAgain('Demo web app')
      return (await side('Access token')) === 'IAM'
    })
    await screenshot(page, '06-signed-in-on-iam')
    await tryAction('Call userinfo', /"nickname": "alice"/)
    await tryAction('Call the API', /"status": 200/)
    await tryAction('Refresh', /new pair/)
    assert.equal(await side('Refresh token'), 'IAM')
    await tryAction('Introspect', /"active": true/)
    await screenshot(page, '07-introspected-on-iam')
  })

  test('the tokens of the monolith are still present and valid', async () => {
    await suggestion(/tokens of the monolith.*still refresh/s)
    await screenshot(page, '07b-both-held')
    await page.locator('tr', { hasText: 'monolith' }).first().getByRole('link').click()
    await tryAction('Refresh', /new pair/)
    assert.equal(await side('Access token'), 'monolith')
    await tryAction('Call the API', /"status": 200/)
  })

  test('revoked tokens are shown as revoked, and refusals are explained in words', async () => {
    await signInAgain('Demo web app')
    await tryAction('Revoke', /revoked/)
    await page.getByRole('heading', { name: 'Tokens revoked' }).waitFor()
    await tryAction('Introspect', /"active": false/)
    await tryAction('Refresh', /^Refused: invalid_grant: /)
    await tryAction('Call userinfo', /^Refused: invalid_token: /)
    await screenshot(page, '07c-revoked')
  })

  for (const where of ['monolith', 'IAM'] as const) {
    test(`two tabs sign in at the same time on ${where}; one user refuses first and then consents, the other clicks twice`, async () => {
      await system.handover('flag', 'set', FLAG, String(where === 'IAM'), '--oauth-application=2')
      await eventually(`new sign-ins on ${where}`, async () => {
        await page.goto(system.demoUrl)
        const card = page.locator('section', { hasText: 'Demo phone app' })
        return (await card.locator('.side').innerText()) === where
      })
      const [first, second] = [await tabOnConsent(), await tabOnConsent()]
      const consent = first.url()
      await first.getByRole('button', { name: 'Deny' }).click()
      await first.getByText('You did not allow it').waitFor()
      assert.doesNotMatch(await first.locator('main').innerText(), /502|error/i)
      await screenshot(first, `07d-denied-${where}`)
      await second.getByRole('button', { name: 'Authorize' }).dblclick({ delay: 20 })
      await second.getByRole('heading', { name: 'Signed in' }).waitFor()
      await first.goBack()
      assert.equal(first.url(), consent)
      await first.getByRole('button', { name: 'Authorize' }).click()
      await first.getByRole('heading', { name: 'Signed in' }).waitFor()
      for (const tab of [first, second]) {
        assert.match(await tab.locator('tr', { hasText: 'Access token' }).innerText(), new RegExp(where))
        await tab.close()
      }
    })
  }

  test('the consent page is identical whichever side serves it', async () => {
    const consentOf = async (prompt: string) => {
      const clientPage = await context.newPage()
      clientPage.on('console', (message) => message.type() === 'error' && consoleErrors.push(message.text()))
      await clientPage.goto(prompt)
      const text = await clientPage.locator('main').innerText()
      await screenshot(clientPage, `08-consent-${prompt.includes('state=iam') ? 'iam' : 'monolith'}`)
      await clientPage.close()
      return text
    }
    const { readFileSync } = await import('node:fs')
    const own = JSON.parse(readFileSync(`${system.dataDir}/demo-client.json`, 'utf8')) as Array<{
      key: string
      client_id: string
    }>
    const web = own.find(({ key }) => key === 'web')?.client_id
    const address = (state: string) =>
      `${system.issuer}/oauth/authorize?client_id=${web}&response_type=code&scope=openid&prompt=consent&state=${state}&redirect_uri=${encodeURIComponent(`${system.demoUrl}/callback`)}`
    const onIam = await consentOf(address('iam'))
    await system.handover('flag', 'set', FLAG, 'false', '--oauth-application=1')
    const onMonolith = await eventually('a consent page of the monolith', async () => {
      const probe = await context.request.get(address('probe'), { maxRedirects: 0 })
      return probe.status() === 200 ? consentOf(address('monolith')) : undefined
    })
    assert.equal(onIam, onMonolith)
  })

  test('a device signs in with a code that the user enters', async () => {
    await page.goto(system.demoUrl)
    await page.locator('section', { hasText: 'Demo TV app' }).getByRole('button').click()
    const code = await page.locator('.code').innerText()
    await screenshot(page, '09-device-waiting')
    // The page reloads every 3 s and the device polls every 5 s, so the device gets authorization_pending before it is approved.
    for (let look = 0; look < 3; look++) await page.waitForEvent('load')
    assert.equal(await page.locator('.code').innerText(), code)
    const phone = await context.newPage()
    await phone.goto(`${system.issuer}/oauth/device`)
    await phone.locator('input[name="user_code"]').fill(code)
    await screenshot(phone, '10-device-code')
    await phone.keyboard.press('Enter')
    await phone
      .getByText(/success|authorized/i)
      .first()
      .waitFor()
    await screenshot(phone, '11-device-approved')
    assert.equal(await phone.locator('input[name="user_code"]').isVisible(), false)
    await phone.locator('summary').click()
    assert.equal(await phone.locator('input[name="user_code"]').isVisible(), true)
    await phone.close()
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    await screenshot(page, '12-device-signed-in')
  })

  test('the pages fit a phone, and no page reported an error', async () => {
    await page.setViewportSize({ width: 360, height: 640 })
    for (const address of [
      system.demoUrl,
      `${system.issuer}/oauth/device`,
      `${system.issuer}/-/profile/applications`,
      `${system.issuer}/`,
    ]) {
      await page.goto(address)
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      assert.ok(Number(overflow) <= 0, `${address} scrolls sideways by ${overflow} px`)
      await screenshot(page, `13-phone-${new URL(address).port}${new URL(address).pathname.replaceAll('/', '-')}`)
    }
    assert.deepEqual(
      consoleErrors.filter((text) => !/favicon|404|401/.test(text)),
      [],
    )
  })
})
