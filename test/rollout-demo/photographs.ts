import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { buildConsole } from '../../scripts/build-console.ts'
import type { Lab } from '../storm/lab.ts'
import { findChromium, startChromium } from '../support/chromium.ts'

/** What is to be photographed. */
export interface Scene {
  readonly directory: string
  readonly rolloutId: number
  /** An application that was taken back. */
  readonly applicationId: number
}

const SIZE = { width: 1_280, height: 720 }
const LIMIT_MS = 30_000

/** Prepares the console for {@link photograph}. Throws where there is no browser. */
export async function prepareConsole(say: (line: string) => void): Promise<void> {
  if (findChromium() === undefined) throw new RangeError('--photographs needs Chromium; set CHROMIUM_PATH')
  await buildConsole(say)
}

/** Writes a PNG of each page that the documents show, as an operator sees it in the middle of the rollout. */
export async function photograph(lab: Lab, { directory, rolloutId, applicationId }: Scene): Promise<string[]> {
  mkdirSync(directory, { recursive: true })
  const browser = await startChromium(findChromium() ?? '')
  try {
    const context = await browser.newContext({ viewport: SIZE, timezoneId: 'UTC' })
    context.setDefaultTimeout(LIMIT_MS)
    const page = await context.newPage()
    await signIn(page, lab)
    const scenes = {
      overview: '/',
      applications: '/applications',
      application: `/applications/${applicationId}`,
      rollout: `/rollouts/${rolloutId}`,
    }
    const files: string[] = []
    for (const [name, path] of Object.entries(scenes)) {
      await page.goto(`${lab.controlUrl}/console${path}`)
      await page.locator('main h1').waitFor()
      await page
        .locator('main [role=status]', { hasText: /^Loading/ })
        .first()
        .waitFor({ state: 'hidden' })
      await page.getByText('live', { exact: true }).waitFor()
      const file = join(directory, `console-${name}.png`)
      await page.screenshot({ path: file, animations: 'disabled' })
      files.push(file)
    }
    return files
  } finally {
    await browser.close()
  }
}

async function signIn(page: Page, lab: Lab): Promise<void> {
  const answer = await fetch(`${lab.controlUrl}/api/v1/sign-in-links`, {
    method: 'POST',
    headers: { authorization: `Bearer ${lab.adminToken}` },
    signal: AbortSignal.timeout(LIMIT_MS),
  })
  if (!answer.ok) throw new Error(`no link to sign in: status ${answer.status}`)
  const { url } = (await answer.json()) as { url: string }
  await page.goto(new URL(url, lab.controlUrl).href)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${lab.controlUrl}/console/`)
}
