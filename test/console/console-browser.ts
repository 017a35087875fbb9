import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type System, startUp, untilReplicated } from '../e2e/system.ts'
import { findChromium, screenshot, startChromium } from '../support/chromium.ts'
import { eventually, WAIT_LIMIT_MS } from '../support/wait.ts'

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
const LINK = /http:\/\/\S+\/sign-in\/link\?secret=\S+/
const WIDTHS = { 390: 844, 1280: 720, 2560: 1440 } as const

/** Runs in the page: tests are compiled without the types of a browser. */
const REPORT_VIOLATIONS = `document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
  reportViolation(violatedDirective + ' blocked ' + blockedURI))`

/** Light, dark, and both with more contrast. */
const THEMES = [
  { name: 'light', colorScheme: 'light', contrast: 'no-preference' },
  { name: 'dark', colorScheme: 'dark', contrast: 'no-preference' },
  { name: 'contrast', colorScheme: 'light', contrast: 'more' },
  { name: 'dark contrast', colorScheme: 'dark', contrast: 'more' },
] as const

/** A whole running system, a browser, and a session of its administrator that was begun with the printed link. */
export interface ConsoleSystem {
  readonly system: System
  readonly browser: Browser
  /** Opens a browser window that is signed in. */
  open(options?: Parameters<Browser['newContext']>[0]): Promise<ConsoleWindow>
  stop(): Promise<void>
}

/** A signed-in window, with what its pages did wrong. */
export interface ConsoleWindow {
  readonly context: BrowserContext
  readonly page: Page
  /** Violations of the content security policy, script errors and failed loads. */
  readonly faults: string[]
}

/** Whether there is no browser to test with; CI must have one. */
export const skip = findChromium() === undefined && process.env.CI !== 'true' ? 'no Chromium on this machine' : false

/**
 * Starts the system, with further options of `handover up`, and signs in by the link that it prints, as people do who
 * start for the first time.
 */
export async function startConsole(...args: string[]): Promise<ConsoleSystem> {
  const executable = findChromium()
  assert.ok(executable, 'CI must offer Chromium')
  const system = await startUp(...args)
  let browser: Browser | undefined
  try {
    await untilReplicated(system, 3)
    browser = await startChromium(executable)
    const link = LINK.exec(system.programs[0]?.stdout.text() ?? '')?.[0] ?? assert.fail('no link was printed')
    const first = await browser.newContext()
    first.setDefaultTimeout(WAIT_LIMIT_MS)
    const page = await first.newPage()
    await page.goto(link)
    await photograph(page, 'sign-in')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(`${system.controlUrl}/console/`)
    const storageState = await first.storageState()
    await first.close()
    const started = browser
    return {
      ...{ system, browser },
      open: async (options = {}) => openWindow(await started.newContext({ storageState, ...options })),
      stop: async () => {
        await started.close()
        await system.stop()
      },
    }
  } catch (error) {
    await browser?.close()
    await system.stop()
    throw error
  }
}

/** Opens a window of the context, and collects what its pages do wrong. */
export async function openWindow(context: BrowserContext): Promise<ConsoleWindow> {
  context.setDefaultTimeout(WAIT_LIMIT_MS)
  const page = await context.newPage()
  const faults: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => faults.push(error.message))
  await page.exposeFunction('reportViolation', (violation: string) => faults.push(violation))
  await page.addInitScript(REPORT_VIOLATIONS)
  return { context, page, faults }
}

/** Calls the API as the administrator of the system; the document of the response, if it has one. Fails if refused. */
export async function askAsAdministrator({ system }: ConsoleSystem, method: string, path: string, body?: unknown) {
  const response = await fetch(system.controlUrl + path, {
    method,
    headers: {
      'private-token': readFileSync(join(system.dataDir, 'admin-token'), 'utf8').trim(),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  assert.ok(response.ok, `${method} ${path}: ${response.status}`)
  const text = await response.text()
  return text === '' ? undefined : JSON.parse(text)
}

/** Opens a page of the console and waits until it shows what it is for. */
export async function visit({ page }: ConsoleWindow, system: System, path: string): Promise<void> {
  await page.goto(`${system.controlUrl}/console${path}`)
  await page.locator('main h1').waitFor()
  // The page of parts shows how loading looks, forever.
  if (path === '/parts') return
  const loading = page.locator('main [role=status]', { hasText: /^Loading/ })
  await eventually(`${path} has loaded`, async () => (await loading.count()) === 0)
}

interface AxeResult {
  readonly violations: ReadonlyArray<{ id: string; nodes: ReadonlyArray<{ html: string; failureSummary: string }> }>
  readonly passes: readonly unknown[]
}

/** Asserts that axe finds nothing on the page as it is now, in any theme; returns how many rules passed. */
export async function passAxe(page: Page, what: string): Promise<number> {
  await page.evaluate(AXE)
  let passed = 0
  for (const { name, colorScheme, contrast } of THEMES) {
    await page.emulateMedia({ colorScheme, contrast })
    const { violations, passes } = (await page.evaluate('axe.run()')) as AxeResult
    const findings = violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    )
    assert.deepEqual(findings, [], `${what} in ${name}`)
    passed += passes.length
  }
  await page.emulateMedia({ colorScheme: null, contrast: null })
  return passed
}

/** The sizes of the windows in which pages are photographed. */
export const VIEWPORTS = Object.entries(WIDTHS).map(([width, height]) => ({ width: Number(width), height }))

/** Photographs the page as it is, in windows of every size, in light and dark; does nothing unless it is asked for. */
export async function photograph(page: Page, name: string): Promise<void> {
  if (!process.env['HANDOVER_SCREENSHOTS']) return
  const before = page.viewportSize()
  for (const viewport of VIEWPORTS) {
    await page.setViewportSize(viewport)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await screenshot(page, `${name}-${viewport.width}-${colorScheme}`)
    }
  }
  await page.emulateMedia({ colorScheme: null })
  if (before !== null) await page.setViewportSize(before)
}
