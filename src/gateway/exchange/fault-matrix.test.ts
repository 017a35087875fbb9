import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { assertPublished, markdownTable, warningsOf } from '../../../test/support/fault-document.ts'
import { FAULT_MODES, type FaultMode, type FaultProxy, openFaultProxy } from '../../../test/support/fault-proxy.ts'
import { issueVerifier } from '../../credentials/index.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM, type Received, type Side, until } from '../testing/test-bed.ts'

const verifierKey = randomBytes(32)
const flowKey = randomBytes(32)

/** A kind of request, and what may happen to it. */
interface Kind {
  readonly name: string
  readonly path: () => string
  readonly options?: RequestInit
  /**
   * `new` may begin on either side; `iam` and `legacy` carry something that only this side knows, and `once` may be
   * used only once; `both` concerns both sides; `any` belongs to neither in particular.
   */
  readonly belongs: 'new' | 'iam' | 'iam once' | 'legacy' | 'legacy once' | 'both' | 'any'
}

const form = (fields: string): RequestInit => ({ method: 'POST', headers: FORM, body: fields })
const grant = (fields: string) => ({ path: () => '/oauth/token', options: form(fields) })
const KINDS: readonly Kind[] = [
  { name: 'authorize, new', path: () => '/oauth/authorize?client_id=moved', belongs: 'new' },
  {
    name: "authorize, IAM's verifier",
    path: () => `/oauth/authorize?login_verifier=${issueVerifier('login', verifierKey, Date.now() / 1_000 + 60)}`,
    belongs: 'iam',
  },
  {
    name: "authorize, legacy's consent form",
    path: () => '/oauth/authorize',
    options: form('client_id=moved&authenticity_token=x'),
    belongs: 'legacy once',
  },
  { name: 'client_credentials, new', ...grant('grant_type=client_credentials&client_id=moved'), belongs: 'new' },
  {
    name: 'authorize_device, new',
    path: () => '/oauth/authorize_device',
    options: form('client_id=moved'),
    belongs: 'new',
  },
  { name: 'code of IAM', ...grant('grant_type=authorization_code&code=gliamac-x'), belongs: 'iam once' },
  { name: 'code of legacy', ...grant('grant_type=authorization_code&code=x'), belongs: 'legacy once' },
  { name: 'refresh token of IAM', ...grant('grant_type=refresh_token&refresh_token=gliamrt-x'), belongs: 'iam once' },
  { name: 'refresh token of legacy', ...grant('grant_type=refresh_token&refresh_token=x'), belongs: 'legacy once' },
  { name: 'device code of IAM', ...grant('grant_type=device_code&device_code=gliamdc-x'), belongs: 'iam once' },
  { name: "introspect IAM's token", path: () => '/oauth/introspect', options: form('token=gliamat-x'), belongs: 'iam' },
  { name: 'introspect an unmarked token', path: () => '/oauth/introspect', options: form('token=x'), belongs: 'both' },
  { name: "revoke IAM's token", path: () => '/oauth/revoke', options: form('token=gliamrt-x'), belongs: 'iam' },
  { name: 'revoke an unmarked token', path: () => '/oauth/revoke', options: form('token=x'), belongs: 'both' },
  {
    name: "userinfo, IAM's token",
    path: () => '/oauth/userinfo',
    options: { headers: { authorization: 'Bearer gliamat-x' } },
    belongs: 'iam',
  },
  { name: 'keys', path: () => '/oauth/discovery/keys', belongs: 'any' },
  { name: 'discovery', path: () => '/.well-known/openid-configuration', belongs: 'any' },
  { name: 'any other page', path: () => '/users/sign_in', belongs: 'legacy' },
]

const FAULTS = FAULT_MODES.filter((mode) => mode !== 'open')

/** The observed result of one request under one fault. */
interface Cell {
  readonly status: number | 'cut'
  readonly error: string | undefined
  readonly retryAfter: boolean
  readonly by: string | undefined
  /** How often the request reached each side and was processed there, or may have been. */
  readonly legacy: number
  readonly iam: number
  readonly reason: unknown
  /** Reason and destination of the decision line; undefined for requests that are not OAuth requests. */
  readonly logged: string | undefined
}

let bed: Bed
let legacy: Side
let iam: Side
let proxies: { readonly legacy: FaultProxy; readonly iam: FaultProxy }
let gateway: RunningGateway

before(async () => {
  bed = await Bed.make()
  legacy = await bed.side('legacy')
  iam = await bed.side('iam')
  legacy.answer = answering('legacy')
  iam.answer = answering('iam')
  const local = { host: '127.0.0.1', port: 0 }
  const addressOf = (side: Side) => ({ host: '127.0.0.1', port: Number(new URL(side.url).port) })
  proxies = { legacy: await openFaultProxy(local, addressOf(legacy)), iam: await openFaultProxy(local, addressOf(iam)) }
})
after(async () => {
  await bed.end()
  await proxies.legacy.close()
  await proxies.iam.close()
})

/** A healthy side: each response names the side it comes from. */
function answering(name: string): Side['answer'] {
  return ({ url }: Received, response) => {
    response.setHeader('X-Side', name)
    if (url.startsWith('/oauth/authorize?') || url === '/oauth/authorize' || url === '/users/sign_in') {
      return void response.setHeader('Content-Type', 'text/html').end(`<h1>Authorization required by ${name}</h1>`)
    }
    const isKeys = url === '/oauth/discovery/keys'
    const document = isKeys
      ? { keys: [{ kid: name }] }
      : { active: name === 'iam', side: name, padding: 'x'.repeat(40) }
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(document))
  }
}

/** A gateway with no history of the fault: each cell is a first encounter. */
async function freshGateway(): Promise<void> {
  const limits = {
    connectMs: 300,
    iamHeadersMs: 400,
    legacyHeadersMs: 400,
    bodyIdleMs: 400,
    keysMs: 300,
    queryMs: 300,
  }
  gateway = await bed.gateway({
    ...{ legacyUrl: proxies.legacy.url, iamUrl: proxies.iam.url, verifierKey, flowKey, limits },
    breaker: { consecutiveFailures: 1_000_000, windowMinimum: 1_000_000 },
  })
}

async function observe(kind: Kind): Promise<Cell> {
  legacy.received.length = iam.received.length = 0
  const from = bed.lines.length
  const seen = { status: 'cut' as number | 'cut', text: '', headers: new Headers() }
  try {
    const answer = await fetch(gateway.url + kind.path(), { redirect: 'manual', ...kind.options })
    seen.headers = answer.headers
    seen.text = await answer.text()
    seen.status = answer.status
  } catch {
    seen.status = 'cut'
  }
  const isRouted = kind.name !== 'any other page'
  if (isRouted) await until(() => bed.lines.slice(from).join('').includes('iamproxy: routing decision'))
  const record = isRouted ? (await bed.records('decisions')).at(-1) : undefined
  return {
    status: seen.status,
    error: /"error":"([a-z_]+)"/.exec(seen.text)?.[1],
    retryAfter: seen.headers.has('retry-after'),
    by: seen.headers.get('x-side') ?? undefined,
    legacy: legacy.received.length,
    iam: iam.received.length,
    reason: record?.['reason'],
    logged: record && `${record['reason']}, ${record['destination']}`,
  }
}

function inWords({ status, error, retryAfter, by, reason }: Cell): string {
  const answer = status === 'cut' ? 'cut off' : `${status}${error === undefined ? '' : ` ${error}`}`
  return [
    by === undefined || status === 'cut' ? answer : `${answer} by ${by}`,
    ...(retryAfter ? ['Retry-After'] : []),
    ...(reason === 'iam_failed_over' ? ['failed over'] : []),
  ].join(', ')
}

/** What must hold in every cell, whatever the fault. */
function assertLawful(kind: Kind, side: 'legacy' | 'iam', fault: FaultMode, cell: Cell): void {
  const where = `${kind.name}, ${side} ${fault}: ${JSON.stringify(cell)}`
  const isOwn = kind.belongs.startsWith(side)
  if (kind.belongs.startsWith('iam')) assert.equal(cell.legacy, 0, `sent to the wrong side: ${where}`)
  if (kind.belongs.startsWith('legacy')) assert.equal(cell.iam, 0, `sent to the wrong side: ${where}`)
  if (kind.belongs.endsWith('once')) assert.ok(cell.legacy + cell.iam <= 1, `sent twice: ${where}`)
  if (fault === 'is slow') return
  const isPassedOn = fault === 'answers 429'
  if (side === 'iam' && !isPassedOn) {
    const isCut = cell.status === 'cut' && fault.endsWith('within the body')
    const isShown = isPageForBrowser(kind, fault)
    if (kind.belongs === 'new') assert.ok(isCut || isShown || cell.by === 'legacy', `not taken over: ${where}`)
    else if (isOwn) assert.ok(isCut || isShown || isComeAgain(cell), `a false answer: ${where}`)
    else assert.ok(cell.status === 200, `not its concern: ${where}`)
  }
  if (side === 'legacy' && isOwn && cell.status !== 'cut') {
    assert.notEqual(cell.error, 'invalid_grant', `a false refusal: ${where}`)
    if (fault.startsWith('closes') || fault === 'refuses') assert.ok(cell.retryAfter, `no advice: ${where}`)
  }
  if (side === 'legacy' && (kind.belongs.startsWith('iam') || kind.belongs === 'new')) {
    assert.equal(cell.by, 'iam', `not its concern: ${where}`)
  }
}

const isComeAgain = (cell: Cell) => cell.status === 503 && cell.retryAfter
/** On endpoints for browsers a page is a response; nothing distinguishes a proxy's page from IAM's own. */
const isPageForBrowser = (kind: Kind, fault: FaultMode) =>
  fault === 'answers the wrong type' && /^\/oauth\/authorize(\?|$)/.test(kind.path())

describe('each fault of each side, for each kind of request', () => {
  for (const side of ['iam', 'legacy'] as const) {
    test(`${side} fails in every way: no request is sent twice or to the wrong side, and no false response is given`, async () => {
      const rows: string[][] = []
      const logged = KINDS.map(() => new Set<string>())
      for (const fault of FAULTS) {
        await freshGateway()
        await proxies[side].set(fault)
        const from = bed.lines.length
        const cells: string[] = []
        for (const [index, kind] of KINDS.entries()) {
          const cell = await observe(kind)
          assertLawful(kind, side, fault, cell)
          cells.push(inWords(cell))
          if (cell.logged !== undefined) logged[index]?.add(cell.logged)
        }
        const records = bed.lines.slice(from).flatMap((text) => text.split('\n').filter(Boolean))
        await proxies[side].set('open')
        await gateway.close()
        rows.push([fault, ...cells, warningsOf(records.map((line) => JSON.parse(line) as Record<string, unknown>))])
      }
      const decisions = logged.map((seen) => (seen.size === 0 ? 'not logged' : [...seen].sort().join(' or ')))
      rows.push(['*decision line: reason, destination*', ...decisions, ''])
      const title = side === 'iam' ? 'IAM' : 'Legacy'
      const heads = [title, ...KINDS.map(({ name }) => name), 'logged in addition to the decision lines']
      assertPublished(`${title} fails`, markdownTable(heads, rows))
    })
  }

  test('the published introduction explains the tables', () => assertPublished('', HEAD))
})

const HEAD = `# Fault matrix

Written by \`src/gateway/exchange/fault-matrix.test.ts\` and the tests named below from what they saw: here a real gateway between two real servers, each behind a proxy that
fails as the row says. Each cell is a first encounter (the circuit is held closed) of a request for an application that has been
moved. "Retry-After" means that the answer carries that header; "by" is whose answer the client got; "failed over" is a new flow that legacy took over.
Time limits are short in the test; the defaults are in [configuration.md](configuration.md).

What holds in every cell, and fails the test otherwise: a code, refresh token or device code is sent once at most and to its own
side only; a new flow is answered by legacy whenever IAM has not begun an answer; what only IAM knows is never answered falsely, but by
503 and \`Retry-After\`, or by a connection that breaks off where the answer had begun; IAM's faults do not touch what belongs to legacy.
An answer of 429 is IAM's own word and is passed on. A page where a user looks is passed on; where programs are answered it is a failure.
`
