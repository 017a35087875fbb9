import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import { Browser, type Page } from '../support/browser.ts'
import { CLOCK_PRELOAD, CLOCK_SIGNALS } from '../support/clock-preload.ts'
import { createServerDatabase } from '../support/database.ts'
import { assertPublished, markdownTable, warningsOf } from '../support/fault-document.ts'
import { freePorts } from '../support/ports.ts'
import { type Program, startHandover } from '../support/program.ts'
import { eventually, untilReady } from '../support/wait.ts'
import { approveDevice, walkThroughPages } from './clients/user.ts'
import { SEED, type System, startParts, untilReplicated } from './system.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const server = process.env['HANDOVER_TEST_DATABASE_URL']
const skip = server === undefined ? 'needs PostgreSQL' : false
const env = { NODE_OPTIONS: `--import=${CLOCK_PRELOAD}` }

interface SeedClient {
  readonly id: number
  readonly uid: string
  readonly secret: string
  readonly redirect_uris: readonly string[]
}
const { clients } = JSON.parse(readFileSync(SEED, 'utf8')) as { clients: Record<string, SeedClient> }
const clientOf = (key: 'conf' | 'other') => clients[key] ?? assert.fail(`no ${key} in the seed`)
/** One application on each side. */
const SIDES = { IAM: clientOf('other'), legacy: clientOf('conf') } as const
type Side = keyof typeof SIDES
const SIDE_NAMES = Object.keys(SIDES) as Side[]

let system: System
/** A gateway that queries the routing endpoint. */
let asking: Program
let askingUrl = ''
let remove = async () => {}

before(async () => {
  if (server === undefined) return
  const created = await createServerDatabase(server)
  remove = created.remove
  system = await startParts(created.url, { env, servers: ['--rate-limits', 'on'] })
  await untilReplicated(system, Object.keys(clients).length)
  const set = await system.handover('flag', 'set', FLAG, 'true', `--oauth-application=${SIDES.IAM.id}`)
  assert.equal(set.code, 0, set.stderr)
  const [port, admin] = await freePorts(2)
  askingUrl = `http://127.0.0.1:${port}`
  const sides = ['--legacy-url', system.monolithUrl, '--iam-url', system.iamUrl]
  const routing = ['--routing-url', system.controlUrl]
  const secret = ['--routing-secret-file', join(system.dataDir, 'routing-secret')]
  const listen = ['--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${admin}`]
  asking = await startHandover(['gateway', ...listen, ...sides, ...routing, ...secret, '--workers', '1'], { env })
  await untilReady(`http://127.0.0.1:${admin}/readyz`)
})
after(async () => {
  await asking?.stop()
  await system?.stop()
  await remove()
})

const authorizeUrl = ({ uid, redirect_uris: [uri = ''] }: SeedClient, origin = system.issuer) =>
  `${origin}/oauth/authorize?${new URLSearchParams({ client_id: uid, redirect_uri: uri, response_type: 'code', state: 's' })}`

async function post(path: string, client: SeedClient, form: Record<string, string>) {
  const body = new URLSearchParams({ client_id: client.uid, client_secret: client.secret, ...form })
  const answer = await fetch(system.issuer + path, { method: 'POST', body, signal: AbortSignal.timeout(10_000) })
  return { status: answer.status, json: (await answer.json()) as Record<string, string> }
}

function outcomeOf(side: Side, { status, json }: Awaited<ReturnType<typeof post>>): string {
  if (status !== 200) return `${status} ${json['error']}`
  const isOfIam = json['access_token']?.startsWith(IAM_PREFIXES.access_token)
  return isOfIam === (side === 'IAM') ? 'works' : 'works, on the other side'
}

const redeem = (side: Side, code: string | null) =>
  post('/oauth/token', SIDES[side], {
    ...{ grant_type: 'authorization_code', code: code ?? '' },
    redirect_uri: SIDES[side].redirect_uris[0] ?? '',
  })

const codeIn = (location: URL | undefined) => location?.searchParams.get('code') ?? null
const signIn = (side: Side, browser: Browser) =>
  walkThroughPages(browser, authorizeUrl(SIDES[side]), SIDES[side].redirect_uris[0] ?? '')

/** Starts flows before the clock jumps; each function completes one and returns its outcome. */
async function begin(side: Side): Promise<Record<string, () => Promise<string>>> {
  const browser = new Browser()
  const code = codeIn(await signIn(side, browser))
  const { json: tokens } = await redeem(side, codeIn(await signIn(side, browser)))
  const { json: device } = await post('/oauth/authorize_device', SIDES[side], {})
  const waiting = new Browser()
  const page: Page = await waiting.open(authorizeUrl(SIDES[side]))
  const verifier = side === 'IAM' ? await heldBack(browser) : undefined
  return {
    'sign-in page open': async () => {
      const [form] = page.forms
      assert.ok(form)
      const typed = { 'user[login]': 'alice', 'user[password]': 'alice-password-1' }
      const uri = SIDES[side].redirect_uris[0] ?? ''
      let next = await waiting.submit(form, typed, uri)
      const consent = next.forms.find(({ buttons }) => buttons.includes('Authorize'))
      if (consent) next = await waiting.submit(consent, {}, uri)
      return outcomeOf(side, await redeem(side, codeIn(next.location)))
    },
    'returning with a verifier': async () => {
      if (verifier === undefined) return 'has none'
      const next = await browser.open(verifier, SIDES[side].redirect_uris[0] ?? '')
      return outcomeOf(side, await redeem(side, codeIn(next.location)))
    },
    'code in hand': async () => outcomeOf(side, await redeem(side, code)),
    'access token in hand': async () => {
      const { json } = await post('/oauth/introspect', SIDES[side], { token: tokens['access_token'] ?? '' })
      return String(json['active']) === 'true' ? 'works' : `active ${json['active']}`
    },
    'refresh token in hand': async () => {
      const form = { grant_type: 'refresh_token', refresh_token: tokens['refresh_token'] ?? '' }
      return outcomeOf(side, await post('/oauth/token', SIDES[side], form))
    },
    'device code in hand': async () => {
      const page = await approveDevice(browser, system.issuer, device['user_code'] ?? '')
      const form = page.forms.find(({ buttons }) => buttons.some((text) => text === 'Authorize'))
      if (form) await browser.submit(form)
      const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code' }
      return outcomeOf(
        side,
        await post('/oauth/token', SIDES[side], { ...grant, device_code: device['device_code'] ?? '' }),
      )
    },
    'begun afterwards': async () => outcomeOf(side, await redeem(side, codeIn(await signIn(side, new Browser())))),
  }
}

/** The address that returns a browser to IAM, not yet visited. */
async function heldBack(browser: Browser): Promise<URL> {
  let page = await browser.visit(authorizeUrl(SIDES.IAM))
  while (page.location && !page.location.searchParams.has('login_verifier')) page = await browser.visit(page.location)
  return page.location ?? assert.fail(`no verifier came: ${page.status}`)
}

/** Where the gateway that queries the routing endpoint sends a new flow of a moved application. */
async function routed(): Promise<string> {
  const client = await fetch(authorizeUrl(SIDES.IAM, askingUrl), { redirect: 'manual' })
  return client.headers.get('location')?.includes('login_challenge') ? 'works' : 'goes to legacy'
}

/** Sets the clock of a part; the signal is handled soon, but not immediately. */
async function jump(part: Program, to: keyof typeof CLOCK_SIGNALS): Promise<void> {
  part.kill(CLOCK_SIGNALS[to])
  await sleep(50)
}

/** One cell for both sides, split when they differ; a side without the item is omitted. */
function cellOf(seen: readonly string[]): string {
  const told = SIDE_NAMES.map((side, at) => [side, seen[at] ?? ''] as const).filter(([, text]) => text !== 'has none')
  const [first] = told
  if (told.every(([, text]) => text === first?.[1])) return first?.[1] ?? ''
  return told.map(([side, text]) => `${side}'s: ${text}`).join('; ')
}

/** A device code is valid for five minutes, so it alone expires when its issuer's clock jumps that far. */
const EXPECTED: Record<string, Record<string, string>> = {
  'IAM, five minutes ahead': { 'device code in hand': "IAM's: 400 expired_token; legacy's: works" },
  'monolith, five minutes ahead': { 'device code in hand': "IAM's: works; legacy's: 400 expired_token" },
}
const TO_LEGACY = 'goes to legacy'

test('a clock that jumps by five minutes breaks no flow', { skip }, async () => {
  const [control, iam, monolith, gateway] = system.programs
  assert.ok(control && iam && monolith && gateway)
  await eventually('the flag is on', async () => (await routed()) === 'works')
  const rows: string[][] = []
  const parts = { gateway, IAM: iam, monolith, 'control plane': control }
  const columns: string[] = []
  for (const to of ['five minutes ahead', 'five minutes back'] as const) {
    for (const [name, part] of Object.entries(parts)) {
      const row = `${name}, ${to}`
      const begun = await Promise.all(SIDE_NAMES.map(begin))
      if (columns.length === 0) columns.push(...Object.keys(begun[0] ?? {}))
      const all = [...system.programs, asking]
      const linesBefore = all.map(({ stdout }) => stdout.entries().length)
      const set = name === 'gateway' ? [part, asking] : [part]
      for (const one of set) await jump(one, to)
      const cells: string[] = []
      for (const column of columns) {
        const cell = cellOf(await Promise.all(begun.map(async (one) => (await one[column]?.()) ?? '')))
        assert.equal(cell, EXPECTED[row]?.[column] ?? 'works', `${row}: ${column}`)
        cells.push(cell)
      }
      const asked = await routed()
      // The caller's signature is valid for 90 s.
      assert.equal(asked, name === 'gateway' || name === 'control plane' ? TO_LEGACY : 'works', row)
      const logged = all.flatMap(({ stdout }, at) => stdout.entries().slice(linesBefore[at]))
      rows.push([row, ...cells, asked, warningsOf(logged)])
      for (const one of set) await jump(one, 'right')
      assert.equal(await routed(), 'works', `${row}: once it is right again`)
    }
  }
  const heads = ['Clock', ...columns, 'new flow, by the routing endpoint', 'logged in addition to the decision lines']
  assertPublished(
    'A clock jumps by five minutes',
    `By \`test/e2e/clock-jumps.test.ts\`: every part a process of its own, on PostgreSQL, and the clock on the wall of one of them is set
while flows are in progress; what is in hand was begun before. Each cell is a flow of either side, to its end. What must be measured and not
dated (rate limits, the circuit, the age of the snapshot, the ledger, remembered clients) uses a clock that cannot be set; how
long a sign-in may take, and which signing key is used, follows the database's. The gateway takes a verifier of IAM up to 330 s after
its end, and IAM says whether it came in time. A device code lives for five minutes, and so ends with such a jump of its issuer: the
device starts again. The routing endpoint takes a signature for 90 s: with clocks farther apart than that, new flows go to legacy.

${markdownTable(heads, rows)}`,
  )
})
