import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PAGES } from '../../console/src/shell/pages.ts'
import { screenshot } from '../support/chromium.ts'
import { type ConsoleSystem, runAxe, skip, startConsole, THEMES, VIEWPORTS, visit } from './console-browser.ts'

const PATHS = [...PAGES.map(({ path }) => path), '/applications/1', '/rollouts/new', '/parts', '/there-is-no-such-page']

const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'

describe('every page of the console', { skip }, () => {
  let started: ConsoleSystem
  before(async () => {
    started = await startConsole()
  })
  after(() => started?.stop())

  test('has one heading, one main part and one navigation, and names the environment in its banner', async () => {
    const window = await started.open()
    for (const path of PATHS) {
      await visit(window, started.system, path)
      const { page } = window
      for (const part of ['h1', 'main', 'nav']) assert.equal(await page.locator(part).count(), 1, `${part} of ${path}`)
      assert.match(await page.getByRole('banner').innerText(), /production/, path)
    }
    assert.deepEqual(window.faults, [], 'policy violations, script errors, failed loads')
    await window.context.close()
  })

  for (const { name, colorScheme, contrast } of THEMES) {
    test(`is accessible in ${name}, according to axe`, async (t) => {
      const window = await started.open({ colorScheme, contrast, reducedMotion: 'reduce' })
      let rules = 0
      for (const path of PATHS) {
        await visit(window, started.system, path)
        const { findings, passed } = await runAxe(window.page)
        assert.deepEqual(findings, [], path)
        rules += passed
      }
      t.diagnostic(`${rules} rules passed on ${PATHS.length} pages`)
      await window.context.close()
    })
  }

  test('is accessible with its dialogs and its menu open, and by keyboard alone', async () => {
    for (const { colorScheme, contrast } of THEMES) {
      const window = await started.open({ colorScheme, contrast, viewport: { width: 390, height: 844 } })
      const { page } = window
      const dialog = page.getByRole('dialog')
      await visit(window, started.system, '/applications/1')
      await page.getByRole('button', { name: 'Pages' }).click()
      assert.deepEqual((await runAxe(page)).findings, [], 'the menu')
      await page.keyboard.press('?')
      await dialog.getByText('Keyboard shortcuts').waitFor()
      assert.deepEqual((await runAxe(page)).findings, [], 'the shortcuts')
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      await page.getByRole('button', { name: /^Brake/ }).press('Enter')
      await dialog.getByText('Hold for one second').waitFor()
      assert.deepEqual((await runAxe(page)).findings, [], 'the brake')
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      await page.getByRole('button', { name: /^Move to iam/ }).press('Enter')
      await dialog.getByText('This affects 1 application').waitFor()
      assert.deepEqual((await runAxe(page)).findings, [], 'the confirmation')
      await window.context.close()
    }
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

  test('fits a window of every size', async () => {
    for (const viewport of [...VIEWPORTS, { width: 320, height: 640 }]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const window = await started.open({ viewport, colorScheme })
        for (const path of PATHS) {
          await visit(window, started.system, path)
          const overflow = Number(await window.page.evaluate(OVERFLOW))
          assert.ok(overflow <= 0, `${path} is ${overflow} px wider than a window of ${viewport.width} px`)
          await screenshot(
            window.page,
            `${path.replaceAll('/', '-').slice(1) || 'overview'}-${viewport.width}-${colorScheme}`,
          )
        }
        await window.context.close()
      }
    }
  })
})
