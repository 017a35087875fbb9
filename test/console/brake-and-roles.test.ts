import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { PAGES } from '../../console/src/shell/pages.ts'
import { screenshot } from '../support/chromium.ts'
import { eventually } from '../support/wait.ts'
import {
  askAsAdministrator,
  type ConsoleSystem,
  type ConsoleWindow,
  openWindow,
  photograph,
  skip,
  startConsole,
  visit,
} from './console-browser.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const ON = /new flows go to rails/
const OFF = /the brake is off/

describe('steering in the console', { skip }, () => {
  let started: ConsoleSystem
  before(async () => {
    started = await startConsole()
  })
  after(() => started?.stop())

  const ask = (...request: [method: string, path: string, body?: unknown]) => askAsAdministrator(started, ...request)

  const holdButton = (page: Page) => page.getByRole('button', { name: /^Hold for one second/ })
  const stateOf = (page: Page, words: RegExp) => page.getByRole('dialog').getByRole('status').filter({ hasText: words })
  /** Whether the brake is as it should be and every gateway has received that. */
  const isAtGateways = async (isOn: boolean) => {
    const { on, gateways } = await ask('GET', '/api/v1/brake')
    return on === isOn && gateways.all > 0 && gateways.acting === gateways.all
  }
  /** The middle of the button, which moves when the text above it grows. */
  async function middleOfHold(page: Page): Promise<{ x: number; y: number }> {
    const { x, y, width, height } = (await holdButton(page).boundingBox()) ?? assert.fail('the button is in sight')
    return { x: x + width / 2, y: y + height / 2 }
  }
  async function pressMouse(page: Page) {
    const { x, y } = await middleOfHold(page)
    await page.mouse.move(x, y)
    await page.mouse.down()
  }
  async function openBrake(window: ConsoleWindow) {
    await visit(window, started.system, '/gateways')
    await window.page.getByRole('button', { name: /^Brake/ }).click()
    await holdButton(window.page).waitFor()
  }

  test('the brake is switched on and off by mouse, and a hold that ends early changes nothing', async () => {
    const window = await started.open()
    const { page } = window
    await openBrake(window)
    await pressMouse(page)
    await page.getByText('Keep holding').waitFor()
    await page.mouse.up()
    await holdButton(page).waitFor()
    assert.equal((await ask('GET', '/api/v1/brake')).version, null, 'nothing was switched')
    const before = await middleOfHold(page)
    await pressMouse(page)
    await stateOf(page, ON).waitFor()
    await page.mouse.up()
    assert.deepEqual(await middleOfHold(page), before, 'the button has not moved')
    assert.match(await stateOf(page, ON).innerText(), /on \d of 1 gateway/)
    await eventually('the gateways follow', () => isAtGateways(true))
    await stateOf(page, /on 1 of 1 gateway/).waitFor()
    await photograph(page, 'brake-on')
    await pressMouse(page)
    await stateOf(page, OFF).waitFor()
    await page.mouse.up()
    await eventually('the gateways follow', () => isAtGateways(false))
    assert.deepEqual(window.faults, [])
    await window.context.close()
  })

  test('the brake is switched on by the keyboard, and off by the typed word', async () => {
    const window = await started.open()
    const { page } = window
    await openBrake(window)
    await holdButton(page).focus()
    await page.keyboard.down('Space')
    await stateOf(page, ON).waitFor()
    await page.keyboard.up('Space')
    const word = page.getByLabel(/type the word brake/)
    await word.fill('break')
    await word.press('Enter')
    assert.equal((await ask('GET', '/api/v1/brake')).on, true, 'another word does nothing')
    await word.fill('brake')
    await word.press('Enter')
    await stateOf(page, OFF).waitFor()
    assert.deepEqual(window.faults, [])
    await window.context.close()
  })

  test('the brake is switched on and off by touch on a phone', async () => {
    const window = await started.open({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
    const { page, context } = window
    await visit(window, started.system, '/')
    await page.getByRole('button', { name: /^Brake/ }).tap()
    await holdButton(page).waitFor()
    const devtools = await context.newCDPSession(page)
    const touchPoints = [await middleOfHold(page)]
    for (const words of [ON, OFF]) {
      await devtools.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints })
      await stateOf(page, words).waitFor()
      await devtools.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
      assert.deepEqual([await middleOfHold(page)], touchPoints, 'the button has not moved')
    }
    await screenshot(page, 'brake-on-a-phone')
    await context.close()
  })

  test('a viewer sees every page and changes nothing, according to the audit log', async () => {
    const { token } = await ask('POST', '/api/v1/tokens', { role: 'viewer', name: 'vera' })
    const { system, browser } = started
    const link = await fetch(`${system.controlUrl}/api/v1/sign-in-links`, {
      method: 'POST',
      headers: { 'private-token': token },
    })
    const window = await openWindow(await browser.newContext())
    const { page } = window
    await page.goto(((await link.json()) as { url: string }).url)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(`${system.controlUrl}/console/`)
    const actions = /^(Brake|Change|Restore|Take back|Move|Create a token|Revoke|Retry|Drop|Hold|Pause|Abort)/
    for (const path of [...PAGES.map((one) => one.path), '/applications/1', `/flags/${FLAG}`]) {
      await visit(window, system, path)
      await page.getByRole('banner').getByText('Brake: off').waitFor()
      assert.equal(await page.getByRole('button', { name: actions }).count(), 0, `an action on ${path}`)
    }
    await visit(window, system, '/settings')
    await page.getByText('You may read everything and change nothing.').waitFor()
    await photograph(page, 'settings-of-a-viewer')
    const status = await page.evaluate(`(async () => {
      const { csrf_token } = await (await fetch('../api/v1/me')).json()
      const headers = { 'content-type': 'application/json', 'x-csrf-token': csrf_token }
      const body = JSON.stringify({ environment: 'production', on: true })
      return (await fetch('../api/v1/brake', { method: 'PUT', headers, body })).status
    })()`)
    assert.equal(status, 403, 'the control plane refuses what the page does not offer')
    const { entries } = await ask('GET', '/api/v1/audit?by=vera')
    const did = entries.map(({ action }: { action: string }) => action)
    assert.deepEqual(did, ['access.refused', 'sign_in'])
    await window.context.close()
  })

  test('a flag that is deleted while its page is open offers no more actions, and stays readable', async () => {
    await ask('POST', '/api/v4/features/old_flag', { value: 'true', force: true, environment: 'staging' })
    const window = await started.open()
    const { page } = window
    await visit(window, started.system, '/flags/old_flag?environment=staging')
    await page.getByRole('button', { name: 'Change …' }).first().waitFor()
    await ask('DELETE', '/api/v4/features/old_flag?environment=staging&confirm=true')
    await page.getByText('This flag has been deleted while its page was open.').waitFor()
    assert.equal(await page.getByRole('button', { name: /^(Change|Restore|Take back)/ }).count(), 0)
    await page.getByText('Staging: on for all').waitFor()
    await photograph(page, 'flag-deleted')
    await window.context.close()
  })

  test('two tabs that change one flag see both changes, and the second one changes nothing', async () => {
    const window = await started.open()
    const { page } = window
    await visit(window, started.system, `/flags/${FLAG}?environment=pre`)
    const inPre = page
      .getByRole('row', { name: /^Actions/ })
      .getByRole('button')
      .nth(1)
    await inPre.click()
    await page.getByLabel('Percentage of applications').fill('25')
    await page.getByRole('button', { name: 'Preview …' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('25 % of applications', { exact: true }).waitFor()
    const other = { value: '10', key: 'percentage_of_actors', environment: 'pre', confirm: true }
    await ask('POST', `/api/v4/features/${FLAG}`, other)
    await dialog.getByRole('button', { name: 'Set 25 % of applications' }).click()
    await dialog.getByText('Nothing was changed.').waitFor()
    await dialog.getByText('State now').waitFor()
    assert.match(await dialog.innerText(), /You wanted\s+25 % of applications[\s\S]*State now\s+10 % of applications/)
    await photograph(page, 'flag-conflict')
    const { gates } = await ask('GET', '/api/v4/features?environment=pre').then((all) => all[0])
    assert.deepEqual(gates.at(-1), { key: 'percentage_of_actors', value: 10 })
    await window.context.close()
  })
})
