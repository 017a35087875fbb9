import { loadavg } from 'node:os'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { buildConsole } from '../../scripts/build-console.ts'
import { findChromium, startChromium } from '../../test/support/chromium.ts'

/** Where the console runs, and whose session the browser has. */
export interface ConsolePlace {
  readonly url: string
  readonly token: string
}

/** What a page is measured by; all are upper limits. */
const GOALS = { coldMs: 1_500, warmMs: 500, inputMs: 100, searchMs: 200, frameMs: 50, heapMb: 120, growthMb: 5 }
const LIMIT_MS = 60_000
const ROUNDS = 5
const PAGES = ['/', '/applications', '/rollouts', '/flags', '/activity', '/gateways', '/settings', '/explain']
// Different numbers of applications pass each, so that the count shows when the results are there.
const SEARCHES = ['ab', 'ab1', 'ab12', 'c0', 'c0f', 'f9', 'f9a', 'e7', 'e77', '4242']

/** Measures the pages of the console in a browser, and prints a line each. Returns whether every goal is met. */
export async function measurePages(
  place: ConsolePlace,
  pageChanges: number,
  judged: (what: string, value: number, goal: number, unit: string) => boolean,
): Promise<boolean> {
  const executable = findChromium()
  if (executable === undefined) throw new Error('this needs Chromium; set CHROMIUM_PATH')
  const browser = await startChromium(executable)
  try {
    console.log(`In the browser, with a load of ${loadavg()[0]?.toFixed(1)} on this machine:`)
    const { cold, warm } = await loadTimes(browser, place)
    const verdicts = [
      judged('interactive, cold, median', median(cold), GOALS.coldMs, 'ms'),
      judged('interactive, warm, median', median(warm), GOALS.warmMs, 'ms'),
    ]
    const page = await openPage(await signIn(browser, place))
    verdicts.push(judged('slowest answer to a key or click', await inputDelay(page, place), GOALS.inputMs, 'ms'))
    const searches = at(await searchTimes(page, place), 0.95)
    verdicts.push(judged('search, from the key to the results, p95', searches, GOALS.searchMs, 'ms'))
    const frame = await longestFrame(page, place)
    verdicts.push(judged('longest frame while the list is scrolled', frame, GOALS.frameMs, 'ms'))
    const heap = await heapAfter(page, place, pageChanges)
    verdicts.push(judged(`heap after ${pageChanges} page changes`, heap.after, GOALS.heapMb, 'MB'))
    verdicts.push(judged(`growth of the heap in ${pageChanges} more`, heap.growth, GOALS.growthMb, 'MB'))
    return verdicts.every(Boolean)
  } finally {
    await browser.close()
  }
}

/** Builds the console that the control plane will serve. */
export const prepareConsole = () => buildConsole((text) => console.log(text))

async function signIn(browser: Browser, { url, token }: ConsolePlace): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 720 } })
  context.setDefaultTimeout(LIMIT_MS)
  const answer = await fetch(`${url}/api/v1/sign-in-links`, { method: 'POST', headers: { 'private-token': token } })
  const link = ((await answer.json()) as { readonly url: string }).url
  const page = await context.newPage()
  await page.goto(new URL(link, url).href)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${url}/console/`)
  await page.close()
  return context
}

async function openPage(context: BrowserContext): Promise<Page> {
  return context.newPage()
}

/** Runs in each page: notes when the sentence of the overview is on the screen, by the clock of the page's load. */
const NOTE_INTERACTIVE = `new MutationObserver((_, observer) => {
  if (!/run on iam|registered yet/.test(document.querySelector('main')?.textContent ?? '')) return
  observer.disconnect()
  requestAnimationFrame(() => setTimeout(() => { window.interactiveAt = performance.now() }))
}).observe(document, { childList: true, subtree: true, characterData: true })`

/** From the begin of the load until the overview says how the migration is, and answers to input. */
async function loadTimes(browser: Browser, place: ConsolePlace): Promise<{ cold: number[]; warm: number[] }> {
  const times = { cold: [] as number[], warm: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    const signedIn = await signIn(browser, place)
    // A fresh context has an empty cache.
    const context = await browser.newContext({
      ...{ storageState: await signedIn.storageState(), viewport: { width: 1_280, height: 720 } },
    })
    await signedIn.close()
    const page = await context.newPage()
    await page.addInitScript(NOTE_INTERACTIVE)
    for (const kind of ['cold', 'warm'] as const) {
      await page.goto(`${place.url}/console/`)
      times[kind].push(await numberIn(page, 'window.interactiveAt'))
    }
    await context.close()
  }
  return times
}

/** The slowest of the browser's own event timings, from a key or click to the frame that shows its effect. */
async function inputDelay(page: Page, { url }: ConsolePlace): Promise<number> {
  await page.goto(`${url}/console/`)
  await page.locator('main h1').waitFor()
  await page.evaluate(`window.slowest = 0
    new PerformanceObserver((list) => {
      for (const { duration, interactionId } of list.getEntries())
        if (interactionId > 0) window.slowest = Math.max(window.slowest, duration)
    }).observe({ type: 'event', durationThreshold: 16 })`)
  const navigation = page.getByRole('navigation', { name: 'Pages' })
  for (const name of ['Applications', 'Rollouts', 'Flags', 'Activity', 'Overview']) {
    await navigation.getByRole('link', { name }).click()
    await page.getByRole('heading', { name, level: 1 }).waitFor()
  }
  await navigation.getByRole('link', { name: 'Applications' }).click()
  const field = page.getByLabel('Name, client_id or id')
  await field.click()
  await field.pressSequentially('application ab', { delay: 60 })
  await page.keyboard.press('Escape')
  await page.getByText('rails', { exact: true }).first().click()
  await page.waitForTimeout(500)
  return Number(await page.evaluate('window.slowest'))
}

/** From the last key until the list shows what was searched for. */
async function searchTimes(page: Page, { url }: ConsolePlace): Promise<number[]> {
  await page.goto(`${url}/console/applications`)
  const field = page.getByLabel('Name, client_id or id')
  const count = page.locator('main p[role=status]')
  await count.filter({ hasText: 'applications' }).waitFor()
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    for (const text of SEARCHES) {
      const before = await count.innerText()
      await page.evaluate(`window.foundAfter = undefined
        document.querySelector('main input[type=search]').addEventListener('input', () => {
          const from = performance.now()
          const look = () => {
            const now = document.querySelector('main p[role=status]')?.textContent
            if (now && now !== ${JSON.stringify(before)}) window.foundAfter = performance.now() - from
            else requestAnimationFrame(look)
          }
          look()
        }, { once: true })`)
      await field.fill(text)
      times.push(await numberIn(page, 'window.foundAfter'))
    }
  }
  return times
}

/** The longest time between two frames while the list is scrolled by wheel, in steps of a screen. */
async function longestFrame(page: Page, { url }: ConsolePlace): Promise<number> {
  await page.goto(`${url}/console/applications`)
  await page.getByText(/^[\d,]+ applications/).waitFor()
  await page.mouse.move(700, 500)
  await page.evaluate(`window.longest = 0; window.isMeasuring = true
    let last = performance.now()
    const tick = (now) => { window.longest = Math.max(window.longest, now - last); last = now
      if (window.isMeasuring) requestAnimationFrame(tick) }
    requestAnimationFrame(tick)`)
  for (let step = 0; step < 150; step++) {
    await page.mouse.wheel(0, 600)
    await page.waitForTimeout(20)
  }
  return Number(await page.evaluate('window.isMeasuring = false, window.longest'))
}

/** The heap after page changes with live data, and what as many again add to it; garbage is collected before each. */
async function heapAfter(
  page: Page,
  { url }: ConsolePlace,
  changes: number,
): Promise<{ after: number; growth: number }> {
  const devtools = await page.context().newCDPSession(page)
  await page.goto(`${url}/console/`)
  const navigation = page.getByRole('navigation', { name: 'Pages' })
  const walk = async () => {
    for (let change = 0; change < changes; change++) {
      const path = PAGES[change % PAGES.length] ?? '/'
      await navigation
        .locator(`a[href$="${path === '/' ? '/console/' : path}"]`)
        .first()
        .click()
      await page.locator('main h1').waitFor()
      await page.waitForTimeout(40)
    }
    await devtools.send('HeapProfiler.collectGarbage')
    const { usedSize } = (await devtools.send('Runtime.getHeapUsage')) as { usedSize: number }
    return usedSize / 2 ** 20
  }
  const after = await walk()
  return { after, growth: (await walk()) - after }
}

/** A number that a page sets sooner or later. The policy of the pages forbids the browser's own way to wait for it. */
async function numberIn(page: Page, name: string): Promise<number> {
  for (const until = performance.now() + LIMIT_MS; performance.now() < until; ) {
    const value = await page.evaluate(name)
    if (typeof value === 'number') return value
    await page.waitForTimeout(25)
  }
  throw new Error(`the page has not set ${name} within ${LIMIT_MS / 1_000} s`)
}

function median(values: readonly number[]): number {
  return at(values, 0.5)
}

function at(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
