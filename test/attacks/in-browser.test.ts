import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type RunningServer, serve } from '../../src/http/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import { findChromium, startChromium } from '../support/chromium.ts'
import { WAIT_LIMIT_MS } from '../support/wait.ts'
import { clientId, SIDES, type SideName, type Site, startSite } from './site.ts'
import { authorizeUrl } from './walk.ts'

const executable = findChromium()
const skip = executable === undefined && process.env.CI !== 'true' ? 'no Chromium on this machine' : false

describe('attacks with a real browser', { skip }, () => {
  let site: Site
  let evil: RunningServer
  let evilUrl: string
  let browser: Browser
  let context: BrowserContext
  /** The attacker's page, and the `Referer` that its site received. */
  let bait = ''
  const referrers: string[] = []

  before(async () => {
    assert.ok(executable, 'CI must offer Chromium')
    site = await startSite()
    evil = await serve({
      listen: { host: '127.0.0.1', port: 0 },
      log: silentLog,
      handler: async ({ headers }) => {
        if (headers.referer) referrers.push(headers.referer)
        return { status: 200, headers: [['Content-Type', 'text/html']], body: `<!doctype html>${bait}` }
      },
    })
    // A different site, not just a different port, because cookies ignore ports.
    evilUrl = evil.url.replace('127.0.0.1', 'localhost')
    browser = await startChromium(executable)
    context = await browser.newContext()
    context.setDefaultTimeout(WAIT_LIMIT_MS)
    const page = await context.newPage()
    await page.goto(`${site.url}/users/sign_in`)
    await page.fill('#user_login', 'alice')
    await page.fill('#user_password', 'alice-password')
    await page.click('input[type=submit]')
    await page.waitForURL(`${site.url}/`)
    await page.close()
  })
  after(async () => {
    await browser?.close()
    await evil?.close(0)
    await site?.close()
  })

  /** Opens the attacker's page with this content. */
  async function lure(html: string): Promise<Page> {
    bait = html
    const page = await context.newPage()
    await page.goto(evilUrl)
    return page
  }

  const consentAddress = async (side: SideName): Promise<string> => {
    const page = await context.newPage()
    await page.goto(authorizeUrl(site, side))
    await page.getByRole('button', { name: 'Authorize' }).waitFor()
    const address = page.url()
    await page.close()
    return address
  }

  for (const side of SIDES) {
    test(`the consent page of ${side} is not shown in a frame`, async () => {
      const page = await lure(`<iframe src="${(await consentAddress(side)).replaceAll('&', '&amp;')}"></iframe>`)
      const frame = page.frames()[1]
      await frame?.waitForLoadState()
      assert.match(frame?.url() ?? '', /^chrome-error:/)
      await page.close()
    })

    test(`a form of another site gives no consent at ${side}`, async () => {
      const address = new URL(await consentAddress(side))
      const fields: Readonly<Record<string, string>> =
        side === 'iam'
          ? { consent_challenge: address.searchParams.get('consent_challenge') ?? '' }
          : Object.fromEntries(new URL(authorizeUrl(site, side)).searchParams)
      const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`)
      const action = side === 'iam' ? '/-/iam/consent/accept' : '/oauth/authorize'
      const page = await lure(`<form method="post" action="${site.url}${action}">${inputs}</form>`)
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.url().startsWith(site.url)),
        page.evaluate('document.forms[0].submit()'),
      ])
      assert.equal(answer.status(), 422)
      await page.close()
    })

    test(`the code that ${side} displays to a user is sent to no other site`, async () => {
      const native = { client_id: clientId(side, 'native'), redirect_uri: 'urn:ietf:wg:oauth:2.0:oob' }
      const page = await context.newPage()
      await page.goto(authorizeUrl(site, side, native))
      await page.getByRole('button', { name: 'Authorize' }).click()
      await page.locator('#authorization_code').waitFor()
      const code = await page.locator('#authorization_code').innerText()
      referrers.length = 0
      bait = 'nothing'
      await page.evaluate(
        `const link = document.createElement('a'); link.href = '${evilUrl}'; document.body.append(link); link.click()`,
      )
      await page.waitForURL(`${evilUrl}/`)
      await page.waitForLoadState()
      const told = referrers.filter((referrer) => !referrer.startsWith(evilUrl))
      assert.deepEqual(told, [`${site.url}/`])
      assert.ok(code.length > 30 && !referrers.join().includes(code))
      await page.close()
    })

    test(`a client's name runs no script and reverses no sentence on the page of ${side}`, async () => {
      const page = await context.newPage()
      let hasAlerted = false
      page.on('dialog', (dialog) => {
        hasAlerted = true
        void dialog.dismiss()
      })
      await page.goto(authorizeUrl(site, side, { client_id: clientId(side, 'odd') }))
      assert.match(
        await page.locator('main p').innerText(),
        /^Authorize Bank<\/strong><script>.* to use your account\?$/,
      )
      const name = await page.locator('main strong').boundingBox()
      const button = await page.getByRole('button', { name: 'Authorize' }).boundingBox()
      assert.ok(name && button && name.y + name.height <= button.y, 'the name covers no button')
      assert.equal(hasAlerted, false)
      await page.close()
    })
  }

  test('a form of another site approves no device', async () => {
    const device = await site.send('/oauth/authorize_device', { form: { client_id: clientId('iam', 'phone') } })
    const code = String(device.json['user_code'])
    const page = await lure(
      `<form method="post" action="${site.url}/oauth/device"><input name="user_code" value="${code}"></form>`,
    )
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().startsWith(site.url)),
      page.evaluate('document.forms[0].submit()'),
    ])
    assert.equal(answer.status(), 422)
    await page.close()
  })

  test('a form of another site signs no user in or out', async () => {
    for (const [path, fields] of [
      ['/users/sign_in', { 'user[login]': 'mallory', 'user[password]': 'mallory-password' }],
      ['/users/sign_out', { _method: 'delete' }],
    ] as const) {
      const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`)
      const page = await lure(`<form method="post" action="${site.url}${path}">${inputs.join('')}</form>`)
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.url().startsWith(site.url)),
        page.evaluate('document.forms[0].submit()'),
      ])
      assert.equal(answer.status(), 422, path)
      await answer.finished()
      await page.waitForLoadState()
      await page.goto(site.url)
      assert.match(await page.locator('main').innerText(), /Signed in as alice/)
      await page.close()
    }
  })

  test('a script of another site reads no page of ours', async () => {
    const page = await lure('<p>')
    const read = await page.evaluate(
      `fetch('${site.url}/oauth/authorize?client_id=x', { credentials: 'include' }).then((a) => a.text(), () => 'refused')`,
    )
    assert.equal(read, 'refused')
    await page.close()
  })
})
