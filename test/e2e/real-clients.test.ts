import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Browser } from '../support/browser.ts'
import { ROOT } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually } from '../support/wait.ts'
import type { Authentication, Client, Library, Registration, Tokens, Visit } from './clients/client.ts'
import { LIBRARIES } from './clients/libraries.ts'
import { CODE_ACROSS, describeClients, REFRESH_ACROSS, type Walked } from './clients/table.ts'
import { ALICE, approveDevice, type User, walkThroughPages } from './clients/user.ts'
import { assertIssuedBy, type Scene, type Side, WALKS } from './clients/walks.ts'
import { type System, startUp, untilReplicated } from './system.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const BOB: User = { login: 'bob', password: 'bob-password-2', answer: 'deny' }

const hex = (text: string) => createHash('sha256').update(text).digest('hex')

/** A separate application for each library and each authentication method. */
interface Subject {
  readonly id: number
  readonly library: Library
  readonly authentication: Authentication
  readonly name: string
  readonly clientId: string
  readonly secret: string
}

const PROBE = { id: 100, clientId: hex('probe'), secret: `gloas-${hex('secret of probe')}` }

const subjects: Subject[] = LIBRARIES.flatMap((library) =>
  library.authentications.map((authentication) => ({ library, authentication })),
).map(({ library, authentication }, index) => {
  const name = `${library.name}, ${authentication}`
  const isSpoiled = library.encodesDashes && authentication === 'client_secret_basic'
  const secret = `${isSpoiled ? '' : 'gloas-'}${hex(`secret of ${name}`)}`
  return { id: PROBE.id + 1 + index, library, authentication, name, clientId: hex(name), secret }
})

function seedFile(directory: string): string {
  const application = (one: Pick<Subject, 'id' | 'clientId' | 'secret'>, name: string, confidential: boolean) => ({
    id: one.id,
    name,
    uid: one.clientId,
    secret: one.secret,
    confidential,
    redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1'],
  })
  const users = [ALICE, BOB].map(({ login, password }, index) => ({
    id: index + 1,
    username: login,
    password,
    name: login,
    email: `${login}@example.test`,
  }))
  const clients = Object.fromEntries(
    subjects.map((one) => [one.name, application(one, one.name, one.authentication !== 'none')]),
  )
  const path = join(directory, 'seed.json')
  writeFileSync(path, JSON.stringify({ users, clients: { ...clients, probe: application(PROBE, 'Probe', true) } }))
  return path
}

/** The libraries that this machine cannot run, and why. */
const absent = new Map(
  LIBRARIES.map((library) => [library, library.missing()] as const).filter(([, reason]) => reason !== undefined),
)

describe('third-party clients, through the gateway', () => {
  const scratch = scratchDirectory('clients')
  let system: System
  /** What each client takes from one side to the other. */
  const taken = new Map<Subject, { readonly tokens: Tokens; readonly late: Promise<Tokens> }>()
  const walked: Walked[] = []
  const connected = new Map<Subject, Client>()
  let flip: PromiseWithResolvers<void>

  before(async () => {
    system = await startUp('--no-demo', '--test-controls', '--seed', seedFile(scratch.path))
    await untilReplicated(system, subjects.length + 1)
  })
  after(async () => {
    await Promise.all([...connected.values()].map((client) => client.close?.()))
    await system?.stop()
    scratch.remove()
  })

  async function setFlag(value: boolean): Promise<void> {
    const ids = [PROBE, ...subjects].map(({ id }) => id).join(',')
    const set = await system.handover('flag', 'set', FLAG, String(value), `--oauth-application=${ids}`)
    assert.equal(set.code, 0, `${set.stdout}${set.stderr}`)
    await eventually(`the gateway follows the flag to ${value}`, async () => {
      const form = { grant_type: 'client_credentials', client_id: PROBE.clientId, client_secret: PROBE.secret }
      const answer = await fetch(`${system.issuer}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
      const { access_token } = (await answer.json()) as { access_token: string }
      return access_token.startsWith('gliamat-') === value
    })
  }

  async function isActive(token: string): Promise<boolean> {
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(`${system.issuer}/oauth/userinfo`, { headers, signal: AbortSignal.timeout(10_000) })
    await answer.body?.cancel()
    return answer.status === 200
  }

  function sceneOn(side: Side, subject: Subject): Scene {
    const browsers = { alice: new Browser(), bob: new Browser() }
    const agree: Visit = (address, redirectUri) => walkThroughPages(browsers.alice, address, redirectUri, ALICE)
    return {
      side,
      subject: '1',
      isPublic: subject.authentication === 'none',
      agree,
      refuse: (address, redirectUri) => walkThroughPages(browsers.bob, address, redirectUri, BOB),
      async forge(address, redirectUri) {
        const callback = await agree(address, redirectUri)
        callback.searchParams.set('code', `${callback.searchParams.get('code')?.slice(0, 8)}${hex('nobody')}`)
        return callback
      },
      async approveDevice(userCode) {
        assert.equal((await approveDevice(browsers.alice, system.issuer, userCode)).status, 200)
        // The client has just polled; this keeps its next poll from being too soon.
        await fetch(`${system.issuer}/__lab/advance?seconds=6`, { method: 'POST' })
      },
      isActive,
    }
  }

  async function connect(subject: Subject): Promise<Client> {
    const { clientId, secret, authentication } = subject
    const redirectUri = 'http://127.0.0.1/callback'
    const registration: Registration = { issuer: system.issuer, clientId, secret, authentication, redirectUri }
    const client = await subject.library.connect(registration)
    connected.set(subject, client)
    return client
  }

  /**
   * Signs in for tokens to take along, and holds a second sign-in before its code exchange until the flag has flipped.
   */
  async function pack(subject: Subject, client: Client, scene: Scene): Promise<void> {
    const tokens = await client.code(scene.agree, { pkce: true })
    await assertIssuedBy(scene.side, tokens, scene)
    const flipped = flip.promise
    const stands = Promise.withResolvers<void>()
    const late = client.code(
      async (address, redirectUri) => {
        const callback = await scene.agree(address, redirectUri).finally(stands.resolve)
        await flipped
        return callback
      },
      { pkce: true },
    )
    late.catch(() => {})
    await stands.promise
    taken.set(subject, { tokens, late })
  }

  /** Flows started on one side continue there after the flag has flipped. */
  async function unpack(subject: Subject, client: Client, side: Side): Promise<void> {
    const packed = taken.get(subject)
    assert.ok(packed, 'the side before was walked')
    await assertIssuedBy(side, packed.tokens, { isActive })
    await assertIssuedBy(side, await packed.late, { isActive })
    noteWalked(subject, CODE_ACROSS, side)
    if (!client.refresh) return
    await assertIssuedBy(side, await client.refresh(packed.tokens), { isActive })
    noteWalked(subject, REFRESH_ACROSS, side)
  }

  function eachSubject(body: (subject: Subject) => Promise<void>): void {
    for (const subject of subjects) {
      const reason = absent.get(subject.library)
      if (reason !== undefined) assert.ok(!process.env['CI'], `CI must have it: ${reason}`)
      test(subject.name, { skip: reason ?? false }, () => body(subject))
    }
  }

  function clientOf(subject: Subject): Client {
    const client = connected.get(subject)
    assert.ok(client)
    return client
  }

  function noteWalked({ library, authentication }: Subject, capability: string, side: Side): void {
    walked.push({ library: library.name, authentication, capability, side })
  }

  /**
   * Libraries that form-encode Basic credentials fail with a secret that contains a dash, on Doorkeeper and so here.
   */
  function eachEncoder(side: Side): void {
    for (const library of LIBRARIES.filter((one) => one.encodesDashes)) {
      test(`${library.name} cannot send a secret with a dash by Basic, and gets invalid_client`, async () => {
        const dashed = subjects.find((one) => one.library === library && one.authentication === 'client_secret_post')
        assert.ok(dashed)
        const client = await library.connect({
          issuer: system.issuer,
          redirectUri: 'http://127.0.0.1/callback',
          ...dashed,
          authentication: 'client_secret_basic',
        })
        const clientCredentials = WALKS.find((one) => one.capability === 'client credentials')
        const isPublic = true // Tested as a client that gets no token.
        await clientCredentials?.walk(client, { ...sceneOn(side, dashed), isPublic })
      })
    }
  }

  async function walkAll(subject: Subject, client: Client, scene: Scene): Promise<void> {
    for (const { capability, walk } of WALKS) {
      try {
        const going = walk(client, scene)
        await going
        if (going) noteWalked(subject, capability, scene.side)
      } catch (error) {
        throw new Error(`${capability} on ${scene.side}: ${String(error)}`, { cause: error })
      }
    }
  }

  describe('on legacy, with the flag off', () => {
    before(() => {
      flip = Promise.withResolvers<void>()
    })
    eachSubject(async (subject) => {
      const client = await connect(subject)
      const scene = sceneOn('legacy', subject)
      await walkAll(subject, client, scene)
      await pack(subject, client, scene)
    })
    eachEncoder('legacy')
  })

  describe('on IAM, with the flag on, along with tokens from legacy', () => {
    before(async () => {
      await setFlag(true)
      flip.resolve()
      flip = Promise.withResolvers<void>()
    })
    eachSubject(async (subject) => {
      const client = clientOf(subject)
      await unpack(subject, client, 'legacy')
      const scene = sceneOn('iam', subject)
      await walkAll(subject, client, scene)
      await pack(subject, client, scene)
    })
    eachEncoder('iam')
  })

  describe('back on legacy, with the flag off again, along with tokens from IAM', () => {
    before(async () => {
      await setFlag(false)
      flip.resolve()
    })
    eachSubject(async (subject) => {
      const client = clientOf(subject)
      await unpack(subject, client, 'iam')
      const tokens = await client.code(sceneOn('legacy', subject).agree, { pkce: true })
      await assertIssuedBy('legacy', tokens, { isActive })
    })
  })

  test('docs/clients.md matches the observations', (context) => {
    const document = describeClients(walked)
    console.log(document)
    if (absent.size > 0) return context.skip(`without ${[...absent.keys()].map(({ name }) => name).join(', ')}`)
    const path = join(ROOT, 'docs', 'clients.md')
    if (process.env['UPDATE_DOCS']) writeFileSync(path, document)
    assert.equal(readFileSync(path, 'utf8'), document, 'UPDATE_DOCS=1 npm test -- real-clients writes it')
  })
})
