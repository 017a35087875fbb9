import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { AUTH_TOKEN_HEADER, INTERNAL_PATHS } from '../../src/handoff/index.ts'
import { Crowd } from '../rollout-demo/clients.ts'
import type { ScriptedClient } from '../rollout-demo/population.ts'
import { Random } from '../storm/random.ts'
import { Web } from '../storm/web.ts'
import { eventually } from '../support/wait.ts'
import {
  type ConsoleSystem,
  type ConsoleWindow,
  passAxe,
  photograph,
  skip,
  startConsole,
  visit,
} from './console-browser.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const BASELINE_FLOWS = 20
const RULES = ['Do not require that the flag is on', 'Do not check the state', 'Do not limit how much']

interface Asked {
  readonly json?: unknown
  readonly token?: string
}

/** One rollout from its plan to its abort; each test continues where the one before has ended. */
describe('a rollout in the console', { skip }, () => {
  let started: ConsoleSystem
  let window: ConsoleWindow
  let page: Page
  let clients: Web
  let crowd: Crowd
  let client: ScriptedClient
  let path = ''
  let version = 1
  before(async () => {
    started = await startConsole('--test-controls')
    window = await started.open({ viewport: { width: 1_280, height: 720 } })
    page = window.page
    clients = new Web(started.system.issuer, [started.system.issuer])
    crowd = new Crowd(clients)
    client = scriptedClient()
    crowd.start([client], new Random(1))
    await untilMoreSucceed('sign-ins on rails', BASELINE_FLOWS)
  })
  after(async () => {
    await crowd?.stop()
    await clients?.close()
    await started?.stop()
  })

  const secretOf = (name: string) => readFileSync(join(started.system.dataDir, name), 'utf8').trim()
  const web = () => JSON.parse(secretOf('demo-client.json'))[0]
  const dialog = () => page.getByRole('dialog')
  const button = (name: string | RegExp) => page.getByRole('button', { name })
  const api = () => `/api/v1${path}`

  async function ask(method: string, address: string, { json, token = secretOf('admin-token') }: Asked = {}) {
    const headers = { 'private-token': token, ...(json === undefined ? {} : { 'content-type': 'application/json' }) }
    const body = json === undefined ? null : JSON.stringify(json)
    const response = await fetch(started.system.controlUrl + address, { method, headers, body })
    assert.ok(response.ok, `${method} ${address}: ${response.status} ${await response.clone().text()}`)
    return (await response.json()) as Readonly<Record<string, never>>
  }

  /** Alice, who signs in to the demo's web application again and again. */
  function scriptedClient(): ScriptedClient {
    const { id, client_id: clientId, client_secret: secret } = web()
    const redirectUri = `${started.system.demoUrl}/callback`
    return {
      application: { id, kind: 'confidential', clientId, secret, redirectUri },
      user: { username: 'alice', password: 'alice-password-1' },
      ...{ flow: 'code', isBasic: false, hasPkce: true, everyMs: 200, breakage: undefined },
    }
  }

  const successes = () => crowd.tallies.get(client)?.succeeded ?? 0

  async function untilMoreSucceed(what: string, more: number): Promise<void> {
    const before = successes()
    await eventually(`${what}: ${JSON.stringify(crowd.tallies.get(client))}`, () => successes() >= before + more)
  }

  /** IAM receives the digest of this secret for the application, as a replication that went wrong would leave it. */
  async function giveIamSecret(secret: string): Promise<void> {
    const { system } = started
    const { id, client_id } = web()
    version += 100
    const response = await fetch(`${system.iamInternalUrl}${INTERNAL_PATHS.clients}`, {
      method: 'PUT',
      headers: { [AUTH_TOKEN_HEADER]: secretOf('iam-internal-token'), 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ id, client_id, name: 'Demo web app', secret_digest: createHash('sha512').update(secret).digest('hex') },
        ...{ redirect_uris: [`${system.demoUrl}/callback`], scopes: [], confidential: true, trusted: false },
        version,
      }),
    })
    assert.ok(response.ok, await response.text())
  }

  const isStarted = () => assert.notEqual(path, '', 'the first test has started the rollout')

  test('shows where a plan is wrong while it is typed, and starts it when it is right', async () => {
    await visit(window, started.system, '/rollouts/new')
    const field = page.getByLabel('Plan, as YAML')
    const plan = (share: number) =>
      [
        ...['version: 1', 'name: first-wave', `flag: ${FLAG}`, 'environment: production', 'steps:'],
        ...[`  - applications: ["${web().client_id}"]`, `  - percentage: ${share}`, '    approval: required'],
        ...['dwell: 1s', 'soak: 1h', 'evidence: { outcomes: 5 }', 'exclude: { at_most: 5 }', 'watch: unattended', ''],
      ].join('\n')
    await field.fill(plan(120))
    await button('Line 7: steps[1].percentage must be at most 100').click()
    assert.ok(await page.evaluate('document.activeElement.selectionStart > 0'), 'the cursor is at the fault')
    assert.equal(await button('Create and start').getAttribute('aria-disabled'), 'true')
    await photograph(page, 'plan-with-a-fault')
    await field.fill(plan(100))
    await page.getByText('The plan is valid').waitFor()
    await page.getByRole('slider', { name: /^Moved to iam/ }).waitFor()
    await passAxe(page, 'the plan editor')
    await photograph(page, 'plan-that-is-valid')
    await button('Create and start').click()
    await dialog().getByRole('button', { name: 'Create the rollout' }).click()
    await dialog().getByText('Override rules').click()
    for (const rule of RULES) await dialog().getByLabel(rule).check()
    await dialog().getByLabel('Reason').fill('first wave')
    await dialog().getByText('This affects').waitFor()
    assert.match(await dialog().innerText(), /^Start the rollout[\s\S]*production/)
    await passAxe(page, 'the dialog')
    await dialog().getByRole('button', { name: 'Start the rollout' }).click()
    await page.getByText('You are here').waitFor()
    path = new URL(page.url()).pathname.replace('/console', '')
    assert.match(path, /^\/rollouts\/\d+$/)
  })

  test('takes a broken application back, says why, and retries it after the fix', async () => {
    isStarted()
    await giveIamSecret('another secret')
    await page.getByText('Step 1 of 2').first().waitFor()
    const taken = page.getByRole('region', { name: /^Taken back/ })
    await taken.getByText('invalid_client').first().waitFor()
    assert.match(await taken.innerText(), /failures: invalid_client[\s\S]*Demo web app/)
    await untilMoreSucceed('sign-ins on rails again', 1)
    await photograph(page, 'taken-back')
    const other = await started.open()
    await visit(other, started.system, `/applications/${web().id}`)
    await other.page.getByRole('slider', { name: /^Evidence that it is broken, since/ }).waitFor()
    await passAxe(other.page, 'the evidence over time')
    await photograph(other.page, 'evidence-over-time')
    await other.context.close()
    await giveIamSecret(web().client_secret)
    await taken.getByRole('button', { name: 'Retry' }).click()
    await dialog().getByText('as a new attempt').waitFor()
    await photograph(page, 'retry')
    await dialog()
      .getByRole('button', { name: /^Retry Demo web app/ })
      .click()
    await taken.getByText('No application was taken back.').waitFor()
    const waits = page.getByRole('region', { name: 'Waiting for evidence' })
    await waits.getByText('have shown enough').waitFor()
    await page.getByText('A person must approve step 2.').waitFor()
  })

  test('waits until a second person approves', async () => {
    isStarted()
    const { token } = await ask('POST', '/api/v1/tokens', { json: { role: 'operator', name: 'bob' } })
    const { url } = await ask('POST', '/api/v1/sign-in-links', { token: token ?? '' })
    const context = await started.browser.newContext()
    const other = await context.newPage()
    await other.goto(String(url))
    await other.getByRole('button', { name: 'Sign in' }).click()
    await other.waitForURL(`${started.system.controlUrl}/console/`)
    await other.goto(`${started.system.controlUrl}/console${path}`)
    await other.getByRole('button', { name: 'Approve' }).click()
    await other.getByRole('dialog').getByRole('button', { name: 'Approve step 2' }).waitFor()
    await photograph(other, 'approve')
    await other.getByRole('dialog').getByRole('button', { name: 'Approve step 2' }).click()
    await other.getByText('approved by bob').waitFor()
    await page.getByText('approved by bob').waitFor()
    await page.getByText('Step 2 of 2').first().waitFor()
    await context.close()
  })

  test('shows both changes when someone else was faster, and pauses nothing', async () => {
    isStarted()
    await button('Pause').click()
    const confirm = dialog().getByRole('button', { name: 'Pause the rollout' })
    await page.route(`**${api()}/actions`, async (route) => {
      const { version: now } = await ask('GET', api())
      await ask('POST', `${api()}/actions`, { json: { action: 'acknowledge', version: now } })
      return route.continue()
    })
    await confirm.click()
    await dialog().getByText('Nothing was changed.').waitFor()
    await dialog().getByText('watches for two hours').waitFor()
    assert.match(await dialog().innerText(), /Your change\s+Pause the rollout[\s\S]*State now\s+running/)
    await page.unrouteAll({ behavior: 'wait' })
    await photograph(page, 'someone-changed-the-rollout')
    await dialog().getByRole('button', { name: 'Cancel' }).click()
    await page
      .getByText(/watches for [12] h more/)
      .first()
      .waitFor()
  })

  test('takes one application back that a person names, and retries it', async () => {
    isStarted()
    await button('Take back one').click()
    const confirm = dialog().getByRole('button', { name: 'Take back one application' })
    assert.equal(await confirm.getAttribute('aria-disabled'), 'true')
    await dialog().getByLabel('Id of the application').fill('2')
    await dialog().getByLabel('Reason').fill('its owner asked for it')
    await photograph(page, 'take-back-one')
    await dialog()
      .getByRole('button', { name: /^Take back .*2\)?$/ })
      .click()
    const taken = page.getByRole('region', { name: /^Taken back/ })
    await taken.getByText('taken out by a person').waitFor()
    await taken.getByRole('button', { name: 'Retry' }).click()
    await dialog()
      .getByRole('button', { name: /^Retry/ })
      .click()
    await taken.getByText('No application was taken back.').waitFor()
  })

  test('takes all back when it is aborted, and becomes a report without buttons', async () => {
    isStarted()
    await button('Abort: take all back').click()
    await dialog().getByText('Tokens that iam has issued continue to work').waitFor()
    await photograph(page, 'abort')
    await dialog().getByRole('button', { name: 'Abort the rollout and take all back' }).click()
    await page.getByText('Aborted after 2 of 2 steps').waitFor()
    assert.equal(await button(/Pause|Resume|Next step|Back to|Abort|Retry|Approve/).count(), 0)
    await photograph(page, 'aborted')
    const report = page.getByRole('link', { name: /^Report as one HTML file/ })
    const html = await (await window.context.request.get((await report.getAttribute('href')) ?? '')).text()
    assert.match(html, /first-wave/)
    assert.doesNotMatch(html, /<script/)
    await passAxe(page, 'the rollout')
    const faults = window.faults.filter((fault) => !/ (400|409) /.test(fault))
    assert.deepEqual(faults, [], 'policy violations, script errors, failed loads')
  })

  test('stays usable with 5,000 exclusions, and executes no name', async () => {
    isStarted()
    const excluded = Array.from({ length: 5_000 }, (_, at) => ({
      ...{ application_id: at + 1, guard: 'failures', cause: at < 3_000 ? 'invalid_grant' : 'invalid_client' },
      ...{ sentence: `Failed: flow ${at + 1}`, at: '2026-11-30T12:00:00Z' },
    }))
    const name = '<img src=x onerror="globalThis.wasExecuted = true">'
    await page.route(`**${api()}`, async (route) =>
      route.fulfill({ json: { ...(await (await route.fetch()).json()), excluded } }),
    )
    await page.route(`**${api()}/details`, async (route) =>
      route.fulfill({ json: { ...(await (await route.fetch()).json()), names: { 4711: name } } }),
    )
    await visit(window, started.system, path)
    await button(/failures: invalid_grant/).click()
    const rows = page.locator('tbody tr')
    await rows.getByText('Failed: flow 1').first().waitFor()
    assert.ok((await rows.count()) < 100, 'only the rows in sight are drawn')
    assert.match(page.url(), /cause=failures/)
    await page.getByLabel('Name or id').fill('onerror')
    await page.getByRole('link', { name: /onerror/ }).waitFor()
    await photograph(page, 'five-thousand-exclusions')
    assert.equal(await page.evaluate('globalThis.wasExecuted'), undefined)
    await page.unrouteAll({ behavior: 'wait' })
  })

  test('checks a plan of 2,000 lines while it is typed', async () => {
    await visit(window, started.system, '/rollouts/new')
    const field = page.getByLabel('Plan, as YAML')
    const comments = Array.from({ length: 1_990 }, (_, at) => `# ${at}`)
    const rules = [`flag: ${FLAG}`, 'environment: dev', 'steps: [{ percentage: 10 }]', 'dwell: 1x']
    await field.fill(['version: 1', 'name: long', ...comments, ...rules].join('\n'))
    await button(/^Line 1996: dwell must be a number and a unit/).click()
    assert.equal(await page.evaluate('getSelection().toString()'), 'dwell: 1x')
    await field.press('ArrowRight')
    await field.press('Backspace')
    await field.press('h')
    await page.getByText('The plan is valid').waitFor()
    await button('Discard my changes').click()
    await button('Bring them back').waitFor()
  })
})
