import assert from 'node:assert/strict'
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { issueVerifier } from '../../src/credentials/index.ts'
import { type RunningGateway, startGateway } from '../../src/gateway/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../test/support/database.ts'
import { freePorts } from '../../test/support/ports.ts'
import type { Program } from '../../test/support/program.ts'
import { scratchDirectory } from '../../test/support/scratch.ts'
import { eventually, WAIT_LIMIT_MS } from '../../test/support/wait.ts'
import { recipes, untilProxying } from './proxies.ts'

const FLAG = '/api/v4/features/proxy_oauth_requests_to_iam_service'
const VERIFIER_KEY = Buffer.alloc(32, 7)
const FORM = 'application/x-www-form-urlencoded'

/** The request that a side received. */
interface Seen {
  readonly side: string
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Sent {
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

/** A side that echoes the request it received. */
async function startSide(side: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url = '', headers } = request
    const seen: Seen = { side, method, url, headers, body: Buffer.concat(chunks).toString() }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(seen))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function addressOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const [engine] = testDatabases()

describe('other proxies, with the files of this folder', () => {
  let store: TestDatabase
  let plane: TestControlPlane
  let gateway: RunningGateway
  let legacy: Server
  let iam: Server
  const scratch = scratchDirectory('proxies')

  const startPlane = (directory?: string, port = 0) =>
    startTestControlPlane(store.database, {
      listen: { host: '127.0.0.1', port },
      schema: 'control',
      credentialMarks: { verifierKey: VERIFIER_KEY },
      ...(directory === undefined ? {} : { directory }),
    })
  const restartPlane = async () => {
    plane = await startPlane(plane.directory, plane.running.address.port)
  }

  before(async () => {
    if (!engine) throw new Error('no database')
    store = await engine.open()
    plane = await startPlane()
    legacy = await startSide('legacy')
    iam = await startSide('iam')
    for (const id of [1, 2]) await plane.announce(testApplication(id))
    await plane.ask('POST', FLAG, { json: { value: 'true', oauth_application: '1' } })
    gateway = await startGateway(
      {
        listen: { host: '127.0.0.1', port: 0 },
        legacyUrl: `http://${addressOf(legacy)}`,
        iamUrl: `http://${addressOf(iam)}`,
        source: {
          kind: 'control',
          url: plane.url,
          token: plane.gatewayToken,
          environment: 'production',
          stateFile: undefined,
        },
      },
      silentLog,
    )
  })
  after(async () => {
    await gateway?.close()
    await plane?.close()
    for (const side of [legacy, iam]) {
      side?.closeAllConnections()
      side?.close()
    }
    await store?.close()
    scratch.remove()
  })

  for (const recipe of recipes) {
    describe(recipe.name, { skip: recipe.program === undefined && `${recipe.name} is not installed` }, () => {
      let proxy: Program
      let port: number

      before(async () => {
        const [free = 0, standIn = 0] = await freePorts(2)
        port = free
        proxy = await recipe.start({
          scratch: scratch.path,
          port,
          legacy: addressOf(legacy),
          iam: addressOf(iam),
          control: new URL(plane.url).host,
          gateway: new URL(gateway.url).host,
          standIn: `127.0.0.1:${standIn}`,
          token: plane.gatewayToken,
        })
        await untilProxying(port, proxy)
      })
      after(() => proxy?.stop())

      const send = (path: string, { method = 'GET', body, headers = {} }: Sent = {}): Promise<Seen> =>
        new Promise((resolve, reject) => {
          const sent = httpRequest(
            { port, host: '127.0.0.1', path, method, headers: headers as Record<string, string | string[]> },
            async (response) => {
              const chunks: Buffer[] = []
              for await (const chunk of response) chunks.push(chunk)
              const text = Buffer.concat(chunks).toString()
              if (response.statusCode === 200) resolve(JSON.parse(text))
              else reject(new Error(`${method} ${path} was answered ${response.statusCode}: ${text.slice(0, 200)}`))
            },
          )
          sent.on('error', reject).setTimeout(WAIT_LIMIT_MS, () => sent.destroy(new Error('no answer')))
          sent.end(body)
        })
      const side = async (path: string, sent: Sent = {}) => (await send(path, sent)).side
      const form = (body: string, headers: Sent['headers'] = {}): Sent => {
        return { method: 'POST', body, headers: { 'content-type': FORM, ...headers } }
      }

      test('a moved application goes to IAM, every other one to the monolith', async () => {
        const moved = '/oauth/authorize?client_id=client-1&response_type=code'
        const seen = await send(moved, { headers: { cookie: 'a=1' } })
        assert.deepEqual([seen.side, seen.method, seen.url], ['iam', 'GET', moved])
        assert.equal(await side('/oauth/authorize?client_id=client-2'), 'legacy')
        assert.equal(await side('/oauth/authorize?client_id=nobody'), 'legacy')
        assert.equal(await side('/oauth/authorize'), 'legacy')
        assert.equal(await side('/oauth/authorize?client_id=client-1&client_id=client-2'), 'legacy')
      })

      test('every spelling of an endpoint is checked with the control plane, and nothing else', async () => {
        for (const path of [
          '/oauth/authorize.json',
          '/oauth/authorize/',
          '/o/org/oauth/authorize',
          '/oauth/%61uthorize',
        ]) {
          assert.equal(await side(`${path}?client_id=client-1`), 'iam', path)
        }
        for (const path of ['/', '/users/sign_in', '/oauth/applications', '/projects/oauth']) {
          assert.equal(await side(`${path}?client_id=client-1`), 'legacy', path)
        }
      })

      test('a form is routed by its body, and arrives byte for byte', async () => {
        const text = 'grant_type=client_credentials&client_id=client-1&client_secret=a%20b+c'
        const seen = await send('/oauth/token', form(text))
        assert.deepEqual([seen.side, seen.method, seen.body], ['iam', 'POST', text])
        assert.equal(await side('/oauth/token', form('grant_type=client_credentials&client_id=client-2')), 'legacy')
        assert.equal(await side('/oauth/token', form('grant_type=refresh_token&refresh_token=gliamrt-x')), 'iam')
        assert.equal(
          await side('/oauth/token', form('grant_type=refresh_token&refresh_token=x&client_id=client-1')),
          'legacy',
        )
        const basic = `Basic ${Buffer.from('client-1:s').toString('base64')}`
        assert.equal(await side('/oauth/token', form('grant_type=client_credentials', { authorization: basic })), 'iam')
        const json = {
          method: 'POST',
          body: '{"refresh_token":"gliamrt-x"}',
          headers: { 'content-type': 'application/json' },
        }
        assert.equal(await side('/oauth/token', json), 'iam')
        assert.equal(await side('/oauth/authorize', form('client_id=client-1')), 'iam')
        assert.equal(await side('/oauth/authorize', form('client_id=client-1&authenticity_token=x')), 'legacy')
      })

      test('a long form is read completely or not at all, and other uploads are not read', async () => {
        const padding = (length: number) =>
          `client_id=client-1&grant_type=client_credentials&padding=${'x'.repeat(length)}`
        for (const length of [40_000, 300_000]) {
          const text = padding(length)
          const seen = await send('/oauth/token', form(text))
          assert.deepEqual([seen.side, seen.body.length], [length < recipe.longestForm ? 'iam' : 'legacy', text.length])
        }
        const tooLong = side('/oauth/token', form(padding(2 << 20)))
        if (recipe.longestForm < 1 << 20) assert.equal(await tooLong, 'legacy')
        else await assert.rejects(tooLong, /was answered 413/)
        const upload = await send('/uploads', { method: 'POST', body: 'x'.repeat(3 << 20) })
        assert.deepEqual([upload.side, upload.body.length], ['legacy', 3 << 20])
      })

      test('a form sent in chunks is routed like any other', async () => {
        const chunked = { 'transfer-encoding': 'chunked' }
        assert.equal(await side('/oauth/token', form('refresh_token=gliamrt-x', chunked)), 'iam')
      })

      test('a bearer token and a verifier are sufficient to route a request', async () => {
        assert.equal(await side('/oauth/userinfo', { headers: { authorization: 'Bearer gliamat-x' } }), 'iam')
        assert.equal(await side('/oauth/userinfo', { headers: { authorization: 'Bearer x' } }), 'legacy')
        const verifier = issueVerifier('login', VERIFIER_KEY, Date.now() / 1_000 + 60)
        const path = '/oauth/authorize?client_id=client-2&login_verifier='
        assert.equal(await side(path + verifier), 'iam')
        assert.equal(await side(`${path}${'a'.repeat(64)}`), 'legacy')
      })

      test("each side sees only what it may see, and neither sees the control plane's token", async () => {
        const cookie = 'session=s1; _iam_flow_a=1; other=o; _iam_flow_b=2; _ia=3'
        const hostile = {
          cookie,
          'gitlab-workhorse-api-request': 'forged',
          'gitlab-iam-auth-token': 'forged',
          gitlab_workhorse_api_request: 'forged',
          gitlab_iam_auth_token: 'forged',
          'x-forwarded-for': '203.0.113.9',
          x_forwarded_for: '203.0.113.9',
          forwarded: 'for=203.0.113.9',
          'x-real-ip': '203.0.113.9',
          'client-ip': '203.0.113.9',
          'true-client-ip': '203.0.113.9',
        }
        const onIam = await send('/oauth/authorize?client_id=client-1', { headers: hostile })
        const crumbs = (onIam.headers.cookie ?? '').split(/; */).filter((pair) => pair !== '')
        assert.deepEqual(crumbs, ['_iam_flow_a=1', '_iam_flow_b=2'])
        const onLegacy = await send('/oauth/authorize?client_id=client-2', { headers: hostile })
        assert.equal(onLegacy.headers.cookie, cookie)
        for (const seen of [onIam, onLegacy]) {
          assert.doesNotMatch(JSON.stringify(seen.headers), /forged|203\.0\.113\.9/)
          assert.equal(seen.headers.host, `127.0.0.1:${port}`)
          assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1')
          assert.ok(!JSON.stringify(seen).includes(plane.gatewayToken))
        }
      })

      test('a client cannot choose its side', async () => {
        const forged = {
          'x-handover-destination': 'iam',
          'x-handover-reason': 'flag_enabled',
          'x-forwarded-uri': '/oauth/authorize?client_id=client-1',
          'x-original-uri': '/oauth/authorize?client_id=client-1',
          'x-original-url': '/oauth/authorize?client_id=client-1',
          'x-forwarded-method': 'GET',
          'private-token': 'mine',
        }
        assert.equal(await side('/oauth/authorize?client_id=client-2', { headers: forged }), 'legacy')
        assert.equal(await side('/', { headers: forged }), 'legacy')
        assert.equal(await side('/oauth/token', form('client_id=client-2', forged)), 'legacy')
        const twice = { 'x-handover-destination': ['iam', 'iam'], 'x-forwarded-uri': ['/oauth/x', '/oauth/y'] }
        assert.equal(await side('/oauth/authorize?client_id=client-2', { headers: twice }), 'legacy')
        assert.equal(await side('/oauth/authorize?client_id=client-1', { headers: forged }), 'iam')
      })

      test('after any other answer of the control plane, the request goes to the monolith', async () => {
        let answer: { status: number; headers: Record<string, string> } | 'nothing' = 'nothing'
        const strange = createServer((request, response) => {
          if (request.url === '/readyz') response.end()
          else if (answer !== 'nothing') response.writeHead(answer.status, answer.headers).end()
        })
        await new Promise<void>((resolve) => strange.listen(0, '127.0.0.1', resolve))
        const [other = 0, standIn = 0] = await freePorts(2)
        const second = await recipe.start({
          ...{ scratch: `${scratch.path}/strange`, port: other, legacy: addressOf(legacy), iam: addressOf(iam) },
          ...{
            control: addressOf(strange),
            gateway: new URL(gateway.url).host,
            standIn: `127.0.0.1:${standIn}`,
            token: 'x',
          },
        })
        try {
          await untilProxying(other, second)
          const ask = async () => {
            const answered = await fetch(`http://127.0.0.1:${other}/oauth/authorize?client_id=client-1`, {
              headers: { 'x-handover-destination': 'iam' },
              signal: AbortSignal.timeout(WAIT_LIMIT_MS),
            })
            return [answered.status, ((await answered.json()) as Seen).side]
          }
          for (const status of [200, 204, 301, 302, 400, 401, 403, 404, 405, 418, 422, 429, 500, 501, 503]) {
            answer = {
              status,
              headers: { location: 'http://elsewhere.example.test/', 'x-handover-destination': 'nowhere' },
            }
            assert.deepEqual(await ask(), [200, 'legacy'], String(status))
          }
          answer = { status: 401, headers: { 'x-handover-destination': 'iam', 'www-authenticate': 'Basic' } }
          assert.deepEqual(await ask(), [200, 'legacy'], 'a refusal is no decision')
          answer = 'nothing'
          assert.deepEqual(await ask(), [200, 'legacy'], 'no answer')
        } finally {
          await second.stop()
          strange.closeAllConnections()
          strange.close()
        }
      })

      test('while the control plane is down everything goes to the monolith, and back when it returns', async () => {
        await plane.close()
        const forged = { 'x-handover-destination': 'iam' }
        assert.equal(await side('/oauth/authorize?client_id=client-1', { headers: forged }), 'legacy')
        assert.equal(await side('/users/sign_in'), 'legacy')
        // Caddy passes forms to a gateway, which keeps its last snapshot.
        const expected = recipe.passesForms ? 'legacy' : 'iam'
        assert.equal(await side('/oauth/token', form('grant_type=client_credentials&client_id=client-1')), expected)
        await restartPlane()
        await eventually('the moved application is on IAM again', async () => {
          return (await side('/oauth/authorize?client_id=client-1')) === 'iam'
        })
      })
    })
  }
})
