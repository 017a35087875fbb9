import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { testApplication } from '../support/control-plane.ts'
import { eventually } from '../support/wait.ts'
import {
  askAsAdministrator,
  type ConsoleSystem,
  type ConsoleWindow,
  passAxe,
  photograph,
  skip,
  startConsole,
  visit,
} from './console-browser.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const NAMES = {
  2001: '<script>globalThis.wasExecuted = true</script><img src=x onerror="globalThis.wasExecuted = true">',
  2002: 'تطبيق \u202Eخداع',
  2003: 'long '.repeat(51).trim(),
  2004: '🦊 Fox',
}

describe('moving an application in the console', { skip }, () => {
  let started: ConsoleSystem
  let window: ConsoleWindow
  before(async () => {
    started = await startConsole()
    window = await started.open({ viewport: { width: 1_280, height: 720 } })
  })
  after(() => started?.stop())

  const ask = (...request: [method: string, path: string, body?: unknown]) => askAsAdministrator(started, ...request)

  /** A flow of the demo's web application with its secret, through the gateway. */
  async function runFlow(): Promise<string> {
    const { dataDir, issuer } = started.system
    const [web] = JSON.parse(readFileSync(join(dataDir, 'demo-client.json'), 'utf8'))
    const { client_id, client_secret } = web
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
    const response = await fetch(`${issuer}/oauth/token`, { method: 'POST', body })
    return ((await response.json()) as { access_token: string }).access_token
  }

  const moveButton = () => window.page.getByRole('button', { name: /^Move to iam/ })
  const dialog = () => window.page.getByRole('dialog')

  test('says what will happen, moves it, and shows its new flows on the other side', async () => {
    const { page } = window
    assert.doesNotMatch(await runFlow(), /^gliamat-/)
    await visit(window, started.system, '/applications')
    await page.getByRole('link', { name: /Demo web app/ }).click()
    await page.getByText('New flows start on rails').waitFor()
    await moveButton().click()
    await dialog().getByText('New flows of 1 application go to iam').waitFor()
    assert.match(await dialog().innerText(), /production[\s\S]*This affects 1 application/)
    await photograph(page, 'move-confirmation')
    await dialog().getByLabel('Reason').fill('first of all')
    await dialog().getByRole('button', { name: 'Move 1 application' }).click()
    await page.getByText('New flows start on iam').waitFor()
    await eventually('a flow at iam', async () => (await runFlow()).startsWith('gliamat-'))
    const iamFlows = page.getByRole('region', { name: 'Flows, last day' }).locator('tbody tr td:nth-of-type(2)')
    await iamFlows.getByText('✓').waitFor()
    await page.getByRole('region', { name: 'History' }).getByText('moved').first().waitFor()
    await photograph(page, 'moved')
  })

  test('takes it back, and revokes the credentials of iam that remain', async () => {
    const { page } = window
    await visit(window, started.system, '/applications')
    await page.getByRole('link', { name: /Demo web app/ }).click()
    await page.getByRole('button', { name: /^Take back/ }).click()
    await dialog().getByText('Tokens that iam has issued continue to work').waitFor()
    await dialog().getByRole('button', { name: 'Take back 1 application' }).click()
    await page.getByText('New flows start on rails').waitFor()
    const revoke = page.getByRole('button', { name: /^Revoke its credentials of iam/ })
    await eventually('its credentials are counted', async () => {
      await page.reload()
      await page.getByText('New flows start on rails').waitFor()
      return (await revoke.count()) === 1
    })
    await revoke.click()
    await dialog()
      .getByText(/^At once, these end: \d+ access token/)
      .waitFor()
    await passAxe(page, 'the revocation')
    await photograph(page, 'revoke')
    await dialog().getByRole('button', { name: 'Revoke its credentials of iam' }).click()
    await dialog().waitFor({ state: 'detached' })
    const left = await ask('GET', '/api/v1/credentials')
    assert.deepEqual(left.applications, [])
    await moveButton().click()
    await dialog().getByRole('button', { name: 'Move 1 application' }).click()
    await page.getByText('New flows start on iam').waitFor()
  })

  test('shows both changes when someone else was faster, and changes nothing', async () => {
    const { page } = window
    await visit(window, started.system, '/applications/2')
    await moveButton().click()
    const confirm = dialog().getByRole('button', { name: 'Move 1 application' })
    await dialog().getByText('New flows of 1 application go to iam').waitFor()
    // The page must not learn of the other change before it sends its own.
    await page.route('**/api/v4/features/**', async (route) => {
      if (route.request().postData()?.includes('dry_run')) return route.continue()
      await ask('POST', `/api/v4/features/${FLAG}`, { value: 'true', oauth_application: '3', confirm: true })
      return route.continue()
    })
    await confirm.click()
    await dialog().getByText('Nothing was changed.').waitFor()
    await dialog().getByText('State now').waitFor()
    await page.unrouteAll({ behavior: 'wait' })
    await photograph(page, 'someone-was-faster')
    await dialog().getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('New flows start on rails').waitFor()
  })

  test('never executes a name, and moves a selection of applications together', async () => {
    const { page } = window
    for (const [id, name] of Object.entries(NAMES)) {
      const application = testApplication(Number(id), { name })
      await ask('PUT', `/api/v1/applications/${id}`, { application, iam_version: application.version })
    }
    await visit(window, started.system, '/applications?search=client-200')
    await eventually('the four applications', async () => (await page.locator('tbody input').count()) === 4)
    await photograph(page, 'untrusted-names')
    for (const box of await page.locator('tbody input').all()) await box.check()
    await page.getByRole('button', { name: /^Move to iam/ }).click()
    await dialog().getByText('New flows of 4 applications go to iam').waitFor()
    await dialog().getByRole('button', { name: 'Move 4 applications' }).click()
    await eventually(
      'four on iam',
      async () => (await page.locator('tbody').getByText('iam', { exact: true }).count()) === 4,
    )
    assert.equal(await page.evaluate('globalThis.wasExecuted'), undefined)
    assert.deepEqual(
      window.faults.filter((fault) => !fault.includes('409')),
      [],
    )
  })
})
