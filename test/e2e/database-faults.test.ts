import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createServerDatabase } from '../support/database.ts'
import { assertPublished, markdownTable, warningsOf } from '../support/fault-document.ts'
import { type FaultProxy, openFaultProxy } from '../support/fault-proxy.ts'
import { eventually } from '../support/wait.ts'
import { SEED, type System, startParts, untilReplicated } from './system.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const server = process.env['HANDOVER_TEST_DATABASE_URL']
const skip = server === undefined ? 'needs PostgreSQL' : false
const PARTS = ['control', 'iam', 'monolith'] as const
type PartName = (typeof PARTS)[number]
/** A statement has 10 s, and the client 1 s more; the gateway gives IAM 10 s. */
const LIMIT_MS = 14_000

interface SeedClient {
  readonly id: number
  readonly uid: string
  readonly secret: string
}
const { clients } = JSON.parse(readFileSync(SEED, 'utf8')) as { clients: Record<string, SeedClient> }
const moved = clients['other'] ?? assert.fail('no client to move')
const staying = clients['conf'] ?? assert.fail('no client that stays')

let system: System
const proxies = new Map<PartName, FaultProxy>()
let remove = async () => {}
let iamToken = ''

before(async () => {
  if (server === undefined) return
  const created = await createServerDatabase(server)
  remove = created.remove
  const databases: Partial<Record<PartName, string>> = {}
  for (const part of PARTS) {
    const url = new URL(created.url)
    const proxy = await openFaultProxy({ host: '127.0.0.1', port: 0 }, { host: url.hostname, port: Number(url.port) })
    proxies.set(part, proxy)
    url.host = new URL(proxy.url).host
    databases[part] = url.href
  }
  system = await startParts(created.url, { databases })
  await untilReplicated(system, Object.keys(clients).length)
  const set = await system.handover('flag', 'set', FLAG, 'true', `--oauth-application=${moved.id}`)
  assert.equal(set.code, 0, set.stderr)
  await eventually('the flag is on', async () => {
    const { text } = await grant(system.issuer, moved)
    iamToken = (JSON.parse(text) as { access_token: string }).access_token
    return iamToken.startsWith('gliamat-')
  })
})
after(async () => {
  await system?.stop()
  for (const proxy of proxies.values()) await proxy.close()
  await remove()
})

interface Seen {
  readonly status: number
  readonly comesAgain: boolean
  readonly text: string
}

async function ask(url: string, init: RequestInit = {}): Promise<Seen> {
  const signal = AbortSignal.timeout(LIMIT_MS)
  const answer = await fetch(url, { redirect: 'manual', signal, ...init })
  const text = await answer.text()
  return {
    status: answer.status,
    comesAgain: answer.headers.has('retry-after'),
    text,
  }
}

function post(url: string, form: Record<string, string>): Promise<Seen> {
  return ask(url, { method: 'POST', body: new URLSearchParams(form) })
}

function grant(origin: string, client: SeedClient): Promise<Seen> {
  const form = { grant_type: 'client_credentials', client_id: client.uid, client_secret: client.secret, scope: 'api' }
  return post(`${origin}/oauth/token`, form)
}

/** The name of a request, the part with the store it needs, and a function that sends it. */
type Probe = readonly [name: string, needs: PartName, send: () => Promise<Seen>]

function probes(): Probe[] {
  const { issuer, iamUrl, monolithUrl, controlUrl, dataDir } = system
  const admin = { authorization: `Bearer ${readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()}` }
  const introspect = { token: iamToken, client_id: moved.uid, client_secret: moved.secret }
  const authorize = (origin: string, { uid }: SeedClient) =>
    ask(`${origin}/oauth/authorize?client_id=${uid}&response_type=code&redirect_uri=https%3A%2F%2Fx.example.test`)
  const flag = { method: 'POST', headers: admin, body: new URLSearchParams({ value: 'false', environment: 'dev' }) }
  return [
    ["gateway: a new flow of IAM's", 'iam', () => grant(issuer, moved)],
    ["gateway: introspect IAM's token", 'iam', () => post(`${issuer}/oauth/introspect`, introspect)],
    ['IAM: token', 'iam', () => grant(iamUrl, moved)],
    ['IAM: introspect', 'iam', () => post(`${iamUrl}/oauth/introspect`, introspect)],
    ['IAM: authorize', 'iam', () => authorize(iamUrl, moved)],
    ['gateway: token of legacy', 'monolith', () => grant(issuer, staying)],
    ['monolith: sign-in page', 'monolith', () => ask(`${monolithUrl}/users/sign_in`)],
    [
      'control plane: a decision',
      'control',
      () =>
        ask(`${controlUrl}/-/oauth/forward_auth`, {
          headers: {
            ...admin,
            'x-forwarded-method': 'GET',
            'x-forwarded-uri': `/oauth/authorize?client_id=${moved.uid}`,
          },
        }),
    ],
    ['control plane: read flags', 'control', () => ask(`${controlUrl}/api/v4/features`, { headers: admin })],
    ['control plane: set a flag', 'control', () => ask(`${controlUrl}/api/v4/features/${FLAG}`, flag)],
    ['control plane: audit', 'control', () => ask(`${controlUrl}/api/v1/audit`, { headers: admin })],
  ]
}

/** The result a client sees: the status, and whether it has Retry-After. */
const cellOf = ({ status, comesAgain }: Seen) => (comesAgain ? `${status}, Retry-After` : String(status))

const FAULTS = [
  ['stopped', 'refuses'],
  ['hangs', 'hangs before the head'],
] as const
/** The gateway's new flows depend on IAM and on the monolith, so these two do not fail at the same time. */
const TOGETHER: ReadonlyArray<readonly PartName[]> = [['control', 'iam'], ['monolith']]

/** Records what clients see while the databases of some parts fail, and that all is as before afterwards. */
async function underFault(all: readonly Probe[], parts: readonly PartName[], mode: FaultProxy['mode']) {
  const own = all.filter(([, needs]) => parts.includes(needs))
  const well = (await Promise.all(own.map(([, , send]) => send()))).map(cellOf)
  const linesBefore = system.programs.map(({ stdout }) => stdout.entries().length)
  for (const part of parts) await proxies.get(part)?.set(mode)
  const seen = await Promise.all(own.map(([, , send]) => send()))
  for (const part of parts) await proxies.get(part)?.set('open')
  for (const [at, [what, , send]] of own.entries()) {
    await eventually(`${what}: as before`, async () => cellOf(await send()) === well[at])
  }
  const logged = system.programs.flatMap(({ stdout }, at) => stdout.entries().slice(linesBefore[at]))
  return own.map(([what], at) => ({ what, well: well[at] ?? '', seen: seen[at] as Seen, logged: warningsOf(logged) }))
}

/** Results other than 503 with `Retry-After`, and why they are right. */
const OTHERWISE: Record<string, string> = {
  // New flows fail over.
  "gateway: a new flow of IAM's": '200',
  // A decision is made from memory.
  'control plane: a decision': '204',
  // A page that does not need the store yet.
  'monolith: sign-in page': '200',
  // Rails answers like this, and the gateway forwards legacy's answers.
  'gateway: token of legacy': '500',
}

test('parts with a database that stops, hangs and comes back answer in time and recover on their own', {
  skip,
}, async () => {
  const all = probes()
  const rows: string[][] = []
  for (const [what, needs] of all) rows.push([what, needs])
  for (const [name, mode] of FAULTS) {
    for (const parts of TOGETHER) {
      for (const { what, seen, logged } of await underFault(all, parts, mode)) {
        const cell = cellOf(seen)
        assert.equal(cell, OTHERWISE[what] ?? '503, Retry-After', `${what}, ${name}: ${seen.text.slice(0, 200)}`)
        rows.find(([row]) => row === what)?.push(cell)
        // The part itself reports it, and for IAM the gateway too, except for pages and decisions that need no store.
        assert.notEqual(logged, 'nothing', what)
      }
    }
  }
  assertPublished(
    'A database fails',
    `By \`test/e2e/database-faults.test.ts\`: every part a process of its own, its PostgreSQL behind a proxy that closes (all connections cut, new
ones refused) or stands still (connections are taken, nothing is answered). Every answer comes within ${LIMIT_MS / 1_000} s: at once where the
database is stopped; where it hangs, after the 10 s of the gateway for IAM, or the 11 s of a statement. Once the database is back, every request is
answered as before, without a restart. The monolith answers 500, as Rails does, and the gateway passes on what is legacy's. A new flow of
IAM's goes to legacy; what IAM alone knows gets 503. The control plane decides from memory, and a token that was good a moment ago
stays good: its bearer waits half a second for the store at most. Each part logs the failure with its cause.

${markdownTable(['Request', 'whose database', ...FAULTS.map(([name]) => name)], rows)}`,
  )
})
