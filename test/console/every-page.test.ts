import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PAGES } from '../../console/src/shell/pages.ts'
import { screenshot } from '../support/chromium.ts'
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
