import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { buildConsole, CONSOLE_DIST } from '../../scripts/build-console.ts'
import { findChromium, startChromium } from '../support/chromium.ts'
import { startTestControlPlane, type TestControlPlane } from '../support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../support/database.ts'
import { type FaultProxy, openFaultProxy } from '../support/fault-proxy.ts'
import { freePorts } from '../support/ports.ts'
import { type ConsoleWindow, openWindow, photograph, skip } from './console-browser.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

describe('an interruption of the console', { skip }, () => {
  let store: TestDatabase
  let plane: TestControlPlane
  let proxy: FaultProxy
  let browser: Browser
  let window: ConsoleWindow
  let listen: { host: string; port: number }
  before(async () => {
    const [engine] = testDatabases()
    const [port = 0] = await freePorts(1)
    listen = { host: '127.0.0.1', port }
    const [database] = await Promise.all([engine?.open(), buildConsole(() => {})])
    store = database ?? assert.fail('there is a database engine')
    plane = await startTestControlPlane(store.database, { listen, consoleDirectory: CONSOLE_DIST })
    proxy = await openFaultProxy({ host: '127.0.0.1', port: 0 }, listen)
    browser = await startChromium(findChromium() ?? assert.fail('CI must offer Chromium'))
    window = await openWindow(await browser.newContext({ viewport: { width: 1_280, height: 720 } }))
    await signIn()
  })
  after(async () => {
    await browser?.close()
    await proxy?.close()
    await plane?.close()
    await store?.close()
  })

  /** Signs in by a fresh link, through the proxy. */
  async function signIn() {
    const { json } = await plane.ask('POST', '/api/v1/sign-in-links')
    await window.page.goto(`${proxy.url}/sign-in/link${new URL(json.url).search}`)
    await window.page.getByRole('button', { name: 'Sign in' }).click()
    await window.page.getByRole('heading', { level: 1 }).waitFor()
  }
  const live = () => window.page.getByText('live', { exact: true })
  const shareIn = async (environment: string): Promise<number> => {
    const { json } = await plane.ask('GET', `/api/v1/flags/${FLAG}`)
    return json.environments.find((one: { environment: string }) => one.environment === environment).gates
      .percentage_of_actors
  }

  /** Opens the flag's page, and the confirmation that sets a share in the environment. */
  async function decideOn(environment: 'dev' | 'pre' | 'staging', share: number) {
    const { page } = window
    await page.goto(`${proxy.url}/console/flags/${FLAG}?environment=${environment}`)
    const at = ['dev', 'pre', 'staging'].indexOf(environment)
    await page
      .getByRole('row', { name: /^Actions/ })
      .getByRole('button')
      .nth(at)
      .click()
    await page.getByLabel('Percentage of applications').fill(String(share))
    await page.getByRole('button', { name: 'Preview …' }).click()
    await page.getByRole('dialog').getByText(`${share} % of applications`, { exact: true }).waitFor()
    return page.getByRole('dialog').getByRole('button', { name: `Set ${share} % of applications` })
  }

  test('of the connection is shown within seconds, and the page catches up without a reload', async () => {
    const { page } = window
    await page.goto(`${proxy.url}/console/activity`)
    await live().waitFor()
    await page.getByText('The chain is intact').waitFor()
    await page.evaluate('globalThis.isSamePage = true')
    await proxy.set('refuses')
    await page.getByText(/^stale since \d\d:\d\d:\d\d$/).waitFor()
    await photograph(page, 'connection-lost')
    await plane.ask('POST', '/api/v1/tokens', { json: { role: 'viewer', name: 'made-meanwhile' } })
    await proxy.set('open')
    await live().waitFor()
    await page.getByRole('button', { name: 'Show 1 new' }).click()
    await page.getByText('administrator created the token made-meanwhile (viewer)').waitFor()
    assert.equal(await page.evaluate('globalThis.isSamePage'), true, 'the page was not reloaded')
  })

  test('by the end of the session leads to sign-in and back to the same place, and nothing was changed', async () => {
    const { page } = window
    const confirm = await decideOn('dev', 25)
    const address = page.url()
    // The session ends between the press and the arrival of the request.
    await page.route('**/api/v4/features/**', async (route) => {
      const { sessions } = (await plane.ask('GET', '/api/v1/sessions')).json
      for (const { id } of sessions) await plane.ask('DELETE', `/api/v1/sessions/${id}`)
      await route.continue()
    })
    await confirm.click()
    await page.getByText('To sign in with a token').waitFor()
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await photograph(page, 'session-ended')
    assert.equal(await shareIn('dev'), 0)
    await signIn()
    assert.equal(page.url(), address)
    await page.getByText('The same in every environment: off for all.').waitFor()
  })

  test('by a restart of the control plane before a change arrives is reported, and the change is not shown as made', async () => {
    const { page } = window
    const confirm = await decideOn('pre', 30)
    await plane.close()
    await confirm.click()
    await page.getByText('The outcome is unknown.').waitFor()
    await photograph(page, 'restart-during-an-action')
    plane = await startTestControlPlane(store.database, {
      ...{ listen, consoleDirectory: CONSOLE_DIST, schema: plane.schema, directory: plane.directory },
    })
    await page.getByRole('button', { name: 'Cancel' }).click()
    await live().waitFor()
    await page.getByText('The same in every environment: off for all.').waitFor()
    assert.equal(await shareIn('pre'), 0)
  })

  for (const { cut, environment, name, share } of [
    { cut: 'closes within the body', environment: 'staging', name: 'Staging', share: 40 },
    // Chromium takes such a response for a complete one without a body.
    { cut: 'closes within the head', environment: 'dev', name: 'Dev', share: 45 },
  ] as const) {
    test(`that ${cut} of the answer leaves the outcome unknown until the page has read the state again`, async () => {
      const { page } = window
      const confirm = await decideOn(environment, share)
      await proxy.set(cut)
      await confirm.click()
      await page.getByText('The outcome is unknown.').waitFor()
      await proxy.set('open')
      await page.getByRole('button', { name: 'Cancel' }).click()
      await page.getByText(`${name}: ${share} % of applications`).waitFor()
      assert.equal(await shareIn(environment), share)
    })
  }
})
