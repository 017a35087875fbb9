import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PAGES } from '../../console/src/shell/pages.ts'
import { screenshot } from '../support/chromium.ts'
import { testApplication } from '../support/control-plane.ts'
import { eventually } from '../support/wait.ts'
import { type ConsoleSystem, passAxe, skip, startConsole, VIEWPORTS, visit } from './console-browser.ts'

const FLAG_PAGE = '/flags/proxy_oauth_requests_to_iam_service?application=1'
const PATHS = [
  ...PAGES.map(({ path }) => path),
  '/applications/1',
  '/rollouts/new',
  FLAG_PAGE,
  '/explain?ask=1&assume=50',
  '/parts',
  '/there-is-no-such-page',
]

const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'

describe('every page of the console', { skip }, () => {
  let started: ConsoleSystem
  before(async () => {
    started = await startConsole()
  })
  after(() => started?.stop())

  for (const path of PATHS) {
    test(`${path} has its landmarks, passes axe in every theme, and fits every window`, async (t) => {
      const window = await started.open({ reducedMotion: 'reduce' })
      const { page } = window
      await visit(window, started.system, path)
      for (const part of ['h1', 'main', 'nav']) assert.equal(await page.locator(part).count(), 1, part)
      assert.match(await page.getByRole('banner').innerText(), /production/)
      t.diagnostic(`${await passAxe(page, path)} rules of axe passed`)
      for (const viewport of [...VIEWPORTS, { width: 320, height: 640 }]) {
        await page.setViewportSize(viewport)
        // Charts follow the size of the window a frame later.
        await eventually(`it fits ${viewport.width} px`, async () => Number(await page.evaluate(OVERFLOW)) <= 0)
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme, contrast: 'no-preference' })
          await screenshot(
            page,
            `${path.replaceAll(/[/?&=]/g, '-').slice(1) || 'overview'}-${viewport.width}-${colorScheme}`,
          )
        }
      }
      assert.deepEqual(window.faults, [], 'policy violations, script errors, failed loads')
      await window.context.close()
    })
  }

  test('shows names of any kind as text, and none of them widens a page or runs', async () => {
    const names = {
      901: 'L'.repeat(255),
      902: '<img src=x onerror="document.title=1"><script>document.title=2</script>',
      903: 'تطبيق المراقبة \u202e gnirotinom',
      904: `🚀 Deploy 🤖 ${'\u0301'.repeat(40)}`,
    }
    for (const [id, name] of Object.entries(names)) await announce(Number(id), name)
    const window = await started.open({ viewport: { width: 320, height: 640 } })
    const { page } = window
    for (const path of ['/applications?search=made-up', ...Object.keys(names).map((id) => `/applications/${id}`)]) {
      await visit(window, started.system, path)
      assert.ok(Number(await page.evaluate(OVERFLOW)) <= 0, `${path} fits`)
    }
    assert.equal(await page.locator('main img, main script').count(), 0)
    await visit(window, started.system, '/applications/902')
    assert.equal(await page.locator('h1').innerText(), names[902])
    assert.match(await page.title(), /^<img src=x/)
    const refused = await announce(905, 'L'.repeat(500))
    assert.deepEqual(refused.errors, [{ field: 'application.name', rule: 'must be at most 255 characters' }])
    assert.deepEqual(window.faults, [])
    await window.context.close()
  })

  /** Announces an application as the platform does. */
  async function announce(id: number, name: string) {
    const { controlUrl, dataDir } = started.system
    const application = { ...testApplication(id), client_id: `made-up-${id}`, name }
    const answer = await fetch(`${controlUrl}/api/v1/applications/${id}`, {
      method: 'PUT',
      headers: {
        'private-token': readFileSync(join(dataDir, 'replication-token'), 'utf8').trim(),
        'content-type': 'application/json',
      },
      body: JSON.stringify({ application, iam_version: null }),
    })
    return (await answer.json()) as { readonly errors?: unknown }
  }

  test('is accessible with its dialogs and its menu open, and by keyboard alone', async () => {
    const window = await started.open({ viewport: { width: 390, height: 844 } })
    const { page } = window
    const dialog = page.getByRole('dialog')
    const close = async () => {
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
    }
    await visit(window, started.system, '/applications/1')
    await page.getByRole('button', { name: 'Pages' }).click()
    await passAxe(page, 'the menu')
    await page.keyboard.press('?')
    await dialog.getByText('Keyboard shortcuts').waitFor()
    await passAxe(page, 'the shortcuts')
    await close()
    await page.getByRole('button', { name: /^Brake/ }).press('Enter')
    await dialog.getByText('Hold for one second').waitFor()
    await passAxe(page, 'the brake')
    await close()
    await page.getByRole('button', { name: /^Move to iam/ }).press('Enter')
    await dialog.getByText('This affects 1 application').waitFor()
    await passAxe(page, 'the confirmation')
    await window.context.close()
  })

  test('is reached by its shortcut, and the skip link leads past the banner', async () => {
    const window = await started.open()
    const { page } = window
    await visit(window, started.system, '/parity?environment=staging')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    assert.equal(await page.locator(':focus').getAttribute('id'), 'page')
    await page.keyboard.press('g')
    await page.keyboard.press('a')
    await page.getByRole('heading', { name: 'Applications', level: 1 }).waitFor()
    assert.equal(await page.locator(':focus').innerText(), 'Applications', 'the heading has the focus')
    assert.match(page.url(), /environment=staging/, 'the environment stays')
    await page.keyboard.press('/')
    await page.keyboard.type('demo')
    await page.keyboard.press('Enter')
    await page.waitForURL(/search=demo/)
    await page.getByText(/^3 applications/).waitFor()
    await window.context.close()
  })
})
