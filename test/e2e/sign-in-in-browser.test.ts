import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext } from 'playwright-core'
import { findChromium, screenshot, startChromium } from '../support/chromium.ts'
import { startTestControlPlane, type TestControlPlane } from '../support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../support/database.ts'
import { WAIT_LIMIT_MS } from '../support/wait.ts'

const executable = findChromium()
const skip = executable === undefined && process.env.CI !== 'true' ? 'no Chromium on this machine' : false

describe('the control plane in a real browser', { skip }, () => {
  let store: TestDatabase
  let plane: TestControlPlane
  let browser: Browser
  let context: BrowserContext
  before(async () => {
    assert.ok(executable, 'CI must offer Chromium')
    store = await (testDatabases()[0] ?? assert.fail('no store')).open()
    plane = await startTestControlPlane(store.database)
    browser = await startChromium(executable)
    context = await browser.newContext()
    context.setDefaultTimeout(WAIT_LIMIT_MS)
  })
  after(async () => {
    await browser?.close()
    await plane.close()
    await store.close()
  })

  test('a user signs in by a link, once, and out again', async () => {
    const { json } = await plane.ask('POST', '/api/v1/sign-in-links', { json: {} })
    const page = await context.newPage()
    await page.goto(json.url)
    await screenshot(page, 'link')
    await page.click('button:text("Sign in")')
    await page.waitForURL(`${plane.url}/account`)
    assert.match((await page.textContent('body')) ?? '', /Signed in as administrator/)
    assert.equal(new URL(page.url()).pathname, '/account')
    await screenshot(page, 'account')
    await page.click('text="Sign out"')
    await page.waitForURL(`${plane.url}/sign-in*`)
    await page.goto(`${plane.url}/account`)
    assert.doesNotMatch((await page.textContent('body')) ?? '', /Signed in as/)
    await page.goto(json.url)
    await page.click('button:text("Sign in")')
    await page.waitForLoadState()
    assert.doesNotMatch((await page.textContent('body')) ?? '', /Signed in as/, 'the link is used up')
    await screenshot(page, 'link-used-up')
  })
})
