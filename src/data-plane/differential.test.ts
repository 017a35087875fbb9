import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from 'undici'
import { issueVerifier } from '../credentials/index.ts'
import {
  type CredentialMarks,
  type Destination,
  decide,
  flowCookie,
  matchEndpoint,
  readFacts,
  Snapshot,
  type SnapshotLine,
} from '../routing/index.ts'
import { NO_HAPROXY, PlaneBed, type PlaneSnapshot, snapshotOf, until } from './testing/plane-bed.ts'

/**
 * Requests per run; any other number by the environment, as in `HANDOVER_DIFFERENTIAL=1000000`. A seed repeats a run.
 */
const COUNT = Number(process.env['HANDOVER_DIFFERENTIAL'] ?? 6_000)
const SEED = Number(process.env['HANDOVER_DIFFERENTIAL_SEED'] ?? 20_261_130)
const CONNECTIONS = 16
const NOW = Date.now() / 1_000

const KEY = new Uint8Array(32).fill(7)
const MARKS: CredentialMarks = {
  extraIamPrefixes: ['acme-'],
  iamJwtIssuer: 'https://iam.example',
  legacyJwtIssuer: undefined,
  verifierKey: KEY,
  flowKey: KEY,
}

interface Random {
  /** A whole number below `limit`. */
  below(limit: number): number
  pick<Item>(items: readonly Item[]): Item
  /** True with the probability `share`. */
  chance(share: number): boolean
}

/** The generator of Tommy Ettinger (mulberry32): small, and the same everywhere. */
function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b_79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { below, pick: (items) => items[below(items.length)] as never, chance: (share) => next() < share }
}

interface Case {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string | undefined
}

const CLIENTS = ['moved', 'staying', 'not-replicated', 'unregistered', 'a.b~c_d-1', 'odd client', 'x'.repeat(256), '']
const GRANTS = [
  'client_credentials',
  'password',
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code',
  'device_code',
  'urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange',
  'implicit',
  'authorization%5Fcode',
]
const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
const CREDENTIALS = [
  'gliamac-1',
  'gliamrt-1',
  'gliamat-1',
  'gliamdc-1',
  'acme-1',
  '0123456789abcdef',
  'gliamac%2D1',
  'a+b',
  jwt({ iss: 'https://iam.example' }),
  jwt({ iss: 'https://other.example' }),
  ' gliamac-1',
  'GLIAMAC-1',
]
const VALUES = [
  '',
  'x',
  'a+b',
  '%20',
  '+',
  'https%3A%2F%2Fapp.example%2Fcb',
  'https://app.example/cb',
  'q=1',
  '%c3%a9',
  '%zz',
  '%00',
  'a;b',
  'é',
  "it's",
  '%7f',
  'a%0Ab',
]
const OTHER_NAMES = [
  'scope',
  'state',
  'redirect_uri',
  'response_type',
  'code_challenge',
  'nonce',
  'client_secret',
  'username',
]
const ODD_NAMES = [
  'client_id[]',
  'client%5Fid',
  '[client_id]',
  'client_id]',
  'code[a]',
  ' client_id',
  'Client_Id',
  'a-b',
  '',
  'client_assertion',
  'authenticity_token',
]
const FORM = 'application/x-www-form-urlencoded'

function parametersOf(random: Random, isToken: boolean): string {
  const pairs: string[] = []
  const add = (name: string, value: string) => pairs.push(random.chance(0.01) ? name : `${name}=${value}`)
  if (random.chance(0.9))
    add('client_id', random.chance(0.8) ? random.pick(CLIENTS.slice(0, 5)) : encodeURIComponent(random.pick(CLIENTS)))
  if (isToken && random.chance(0.95)) add('grant_type', random.pick(GRANTS.slice(0, random.chance(0.8) ? 6 : 10)))
  for (const name of ['code', 'refresh_token', 'device_code', 'subject_token']) {
    if (isToken && random.chance(0.35)) add(name, random.pick(CREDENTIALS.slice(0, random.chance(0.8) ? 6 : 12)))
  }
  for (const name of OTHER_NAMES)
    if (random.chance(0.25)) add(name, random.pick(VALUES.slice(0, random.chance(0.9) ? 8 : 16)))
  if (random.chance(0.05)) add(random.pick(ODD_NAMES), random.pick(['moved', 'staying', 'x', '']))
  if (random.chance(0.04)) add('client_id', random.pick(CLIENTS))
  if (!isToken && random.chance(0.06)) add(random.pick(['login_verifier', 'consent_verifier']), verifierOf(random))
  pairs.sort(() => random.below(3) - 1)
  const text = pairs.join(random.chance(0.02) ? random.pick([';', '&&', '& ']) : '&')
  return random.chance(0.02) ? random.pick([`&${text}`, `${text}&`, `${text}\n`, `${text}\0`]) : text
}

function verifierOf(random: Random): string {
  const key = random.chance(0.7) ? KEY : new Uint8Array(32)
  const verifier = issueVerifier(random.pick(['login', 'consent']), key, NOW + random.pick([600, -100, -10_000]))
  return random.chance(0.1) ? `${verifier}x` : verifier
}

const TOKEN_PATHS = [
  '/oauth/token/',
  '/oauth//token',
  '/oauth/token.json',
  '/oauth/t%6Fken',
  '/o/acme/oauth/token',
  '/OAuth/token',
  '/oauth%2Ftoken',
  '/oauth/token;x',
  '/oauth/token.%zz',
]
const AUTHORIZE_PATHS = TOKEN_PATHS.map((path) => path.replace(/t(oken|%6Fken)/, 'authorize'))
const OTHER_PATHS = [
  '/',
  '/oauth/authorize_devices',
  '/oauth/tokens',
  '/users/a%2Fb',
  '/-/oauth',
  '/%zz',
  '/oauth/applications',
]

function caseOf(random: Random): Case {
  const kind = random.below(10)
  const isToken = kind < 5
  const isAuthorize = kind >= 6
  const plain = isToken ? '/oauth/token' : isAuthorize ? '/oauth/authorize' : '/oauth/authorize_device'
  const path = random.chance(0.92)
    ? plain
    : random.chance(0.7)
      ? random.pick(isAuthorize ? AUTHORIZE_PATHS : TOKEN_PATHS)
      : random.pick(OTHER_PATHS)
  const hasBody = isAuthorize ? random.chance(0.05) : random.chance(0.97)
  const method = hasBody
    ? random.chance(0.97)
      ? 'POST'
      : random.pick(['PUT', 'DELETE'])
    : random.chance(0.95)
      ? 'GET'
      : 'HEAD'
  const parameters = parametersOf(random, isToken)
  const query = hasBody ? (random.chance(0.05) ? parametersOf(random, isToken) : '') : parameters
  const body = hasBody ? bodyOf(random, parameters) : undefined
  return { method, path, query: safeQuery(query), headers: headersOf(random, body, isAuthorize), body }
}

/** A request line has no blanks and no controls. */
function safeQuery(query: string): string {
  return query.replace(/[\s\0#]/g, '').replace(/[^\x21-\x7e]/g, '')
}

function bodyOf(random: Random, parameters: string): string {
  if (random.chance(0.03)) return JSON.stringify(Object.fromEntries(new URLSearchParams(parameters)))
  return random.chance(0.01) ? `${parameters}&padding=${'x'.repeat(random.pick([8_000, 20_000]))}` : parameters
}

function headersOf(random: Random, body: string | undefined, isAuthorize: boolean): Array<readonly [string, string]> {
  const headers: Array<readonly [string, string]> = []
  if (body !== undefined && random.chance(0.98)) {
    const type = body.startsWith('{') ? 'application/json' : FORM
    headers.push([
      'content-type',
      random.chance(0.95)
        ? type
        : random.pick([
            `${FORM}; charset=UTF-8`,
            `${FORM.toUpperCase()}`,
            'text/plain',
            'multipart/form-data',
            `${FORM}, text/plain`,
          ]),
    ])
  }
  if (random.chance(isAuthorize ? 0.02 : 0.2)) headers.push(['authorization', authorizationOf(random)])
  if (random.chance(0.01)) headers.push(['authorization', authorizationOf(random)])
  if (isAuthorize && random.chance(0.2)) headers.push(['cookie', cookieOf(random)])
  if (random.chance(0.02))
    headers.push(
      random.pick([
        ['origin', 'https://spa.example'],
        ['connection', 'x-named, keep-alive'],
        ['content-encoding', 'identity'],
        ['forwarded', 'for=1.2.3.4'],
      ]),
    )
  return headers
}

function authorizationOf(random: Random): string {
  const client = random.pick(CLIENTS)
  const text = Buffer.from(
    random.pick([`${client}:secret`, `${client}:`, client, `${client}:\u00e9`, 'moved:a:b', ' moved:x']),
  ).toString('base64')
  return random.pick([
    `Basic ${text}`,
    `Basic ${text}`,
    `Basic ${text}`,
    `basic ${text}`,
    `Basic  ${text}`,
    `Basic ${text.replace(/=+$/, '')}`,
    `Basic ${text}!`,
    'Bearer gliamat-1',
    'Basic',
  ])
}

function cookieOf(random: Random): string {
  const flow = [
    random.pick(['moved', 'staying']),
    random.pick(['', 'https://app.example/cb']),
    random.pick(['', 'x']),
  ].join('\n')
  const key = random.chance(0.8) ? KEY : new Uint8Array(32)
  const { name, value } = flowCookie(random.pick(['legacy', 'iam']), flow, key, NOW, undefined)
  return random.pick([`${name}=${value}`, `_session=1; ${name}=${value}`, '_session=1', '_iam_session=1; _session=2'])
}

/** What `decide` says; undefined if the gateway refuses the request. */
function expected(one: Case, snapshot: Snapshot): Destination | undefined {
  const match = matchEndpoint(one.path, '')
  if (match === undefined) return 'legacy'
  const valuesOf = (name: string) => one.headers.filter(([given]) => given === name).map(([, value]) => value)
  const [authorization, ...others] = valuesOf('authorization')
  const facts = readFacts(
    {
      ...{ endpoint: match.endpoint, method: one.method, query: one.query, authorization },
      contentType: valuesOf('content-type')[0],
      otherAuthorization: others.at(-1),
      cookie: match.endpoint === 'authorize' ? valuesOf('cookie')[0] : undefined,
      hasRepeatedHeader: others.length > 0,
      body: one.body === undefined ? undefined : Buffer.from(one.body),
    },
    MARKS,
    NOW,
  )
  if (facts.exceedsLimits) return undefined
  const { brake, unknownClientsToIam } = snapshot
  const lookUp = (clientId: string) => snapshot.lookUp(clientId)
  return decide(facts, { hasIam: true, brake, iamAvailable: true, lookUp, unknownClientsToIam }).destination
}

const ROWS: ReadonlyArray<[number, string, 0 | 1]> = [
  [1, 'moved', 1],
  [2, 'staying', 1],
  [3, 'not-replicated', 0],
  [4, 'a.b~c_d-1', 1],
  [5, 'odd client', 1],
]
const SNAPSHOTS: readonly PlaneSnapshot[] = [
  { rows: ROWS, actors: [1, 3, 5] },
  { rows: ROWS, actors: [1, 3], brake: true },
  { rows: ROWS, actors: [], percentage: 50, optedOut: [2] },
  { rows: ROWS, actors: [2], boolean: true, optedOut: [1], unknownToIam: true },
]

function snapshotFrom(lines: readonly SnapshotLine[]): Snapshot {
  let snapshot: Snapshot | undefined
  for (const line of lines) {
    if (line.type === 'begin') snapshot = new Snapshot(line)
    else if (line.type === 'applications') snapshot?.add(line.rows)
  }
  return snapshot ?? assert.fail('no snapshot')
}

async function sideOf(pool: Pool, one: Case): Promise<unknown> {
  const { headers, body } = await pool.request({
    method: one.method as 'GET',
    path: one.query === '' ? one.path : `${one.path}?${one.query}`,
    headers: one.headers.flat(),
    body: one.body === undefined ? null : Buffer.from(one.body),
  })
  await body.dump()
  return headers['x-side']
}

test(`${COUNT} random requests go where decide() sends them`, { skip: NO_HAPROXY }, async (t) => {
  const bed = await PlaneBed.make()
  try {
    const { extraIamPrefixes, iamJwtIssuer, verifierKey, flowKey } = MARKS
    const { legacy, iam, plane } = await bed.whole(
      { extraIamPrefixes, iamJwtIssuer, verifierKey, flowKey },
      SNAPSHOTS[0],
    )
    let byHaproxy = 0
    let fallbacks = 0
    for (const [side, name] of [
      [legacy, 'legacy'],
      [iam, 'iam'],
    ] as const) {
      side.answer = ({ headers }, response) => {
        if (/^[0-9a-f]{8}-[0-9a-f]{4}-/.test(String(headers['x-request-id']))) byHaproxy++
        side.received.length = 0
        response.setHeader('X-Side', name).end()
      }
    }
    const pool = new Pool(plane.url, { connections: CONNECTIONS })
    const random = randomFrom(SEED)
    for (const [index, what] of SNAPSHOTS.entries()) {
      const version = 100 + index
      await bed.snapshot({ ...what, version })
      await until(() => plane.gateway.routing.snapshot?.version === version)
      await plane.settled()
      const snapshot = snapshotFrom(snapshotOf(what))
      let left = Math.ceil(COUNT / SNAPSHOTS.length)
      const sender = async () => {
        while (left-- > 0) {
          const one = caseOf(random)
          const side = expected(one, snapshot)
          let seen = await sideOf(pool, one)
          // On a busy machine IAM may be late, and then a new flow rightly falls back to legacy.
          for (let again = 0; again < 5 && side === 'iam' && seen === 'legacy'; again++) {
            fallbacks++
            await new Promise((resolve) => setTimeout(resolve, 2_000))
            seen = await sideOf(pool, one)
          }
          assert.equal(seen, side, `seed ${SEED}, snapshot ${index}: ${JSON.stringify(one)}`)
        }
      }
      await Promise.all(Array.from({ length: CONNECTIONS }, sender))
    }
    await pool.close()
    t.diagnostic(
      `seed ${SEED}: HAProxy decided ${byHaproxy} of ${COUNT}, the gateway the others; ${fallbacks} fell back`,
    )
    assert.ok(byHaproxy > COUNT * 0.3, `HAProxy decided only ${byHaproxy}`)
  } finally {
    await bed.end()
  }
})
