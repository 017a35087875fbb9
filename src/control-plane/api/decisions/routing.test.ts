import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SignJWT } from 'jose'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { issueVerifier } from '../../../credentials/index.ts'
import { createLog } from '../../../observability/index.ts'

const FLAG = '/api/v4/features/proxy_oauth_requests_to_iam_service'
const UNKNOWN = '/api/v4/features/route_unknown_oauth_clients_to_iam'
const PATHS = ['/-/oauth/iam_routing', '/api/v4/internal/workhorse/oauth_routing']
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const VERIFIER_KEY = Buffer.alloc(32, 7)

for (const engine of testDatabases()) {
  describe(`routing decisions on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    let open: TestControlPlane
    const lines: string[] = []
    before(async () => {
      store = await engine.open()
      const log = createLog('control', { destination: { write: (line) => void lines.push(line) } })
      plane = await startTestControlPlane(store.database, { log, credentialMarks: { verifierKey: VERIFIER_KEY } })
      open = await startTestControlPlane(store.database, { forwardAuthOpen: true, relativeUrlRoot: '/gitlab' })
      for (const each of [plane, open]) {
        await each.announce(testApplication(1))
        await each.announce(testApplication(2))
        await each.announce(testApplication(3), null)
        const on = await each.ask('POST', FLAG, { json: { value: 'true', oauth_application: '1' } })
        assert.equal(on.status, 201, on.text)
      }
    })
    beforeEach(() => lines.splice(0))
    after(async () => {
      await plane.close()
      await open.close()
      await store.close()
    })

    const sign = (claims: Record<string, unknown>, secret: Uint8Array = plane.routingSecret, alg = 'HS256') =>
      new SignJWT(claims).setProtectedHeader({ alg }).sign(secret)
    const now = () => Math.floor(Date.now() / 1_000)
    const signed = async (claims: Record<string, unknown> = { iss: 'gitlab-workhorse', iat: now() }) => ({
      'gitlab-workhorse-api-request': await sign(claims),
    })
    const route = async (query: string, body?: string, headers: Record<string, string> = FORM) => {
      const path = `${PATHS[0]}${query}`
      const all = { ...(await signed()), ...(body === undefined ? {} : headers) }
      return plane.ask('POST', path, { token: null, headers: all, ...(body === undefined ? {} : { body }) })
    }

    test('both paths answer a signed request with 200, the vendor type and a destination', async () => {
      for (const path of PATHS) {
        const answer = await plane.ask('POST', `${path}?client_id=client-1`, { token: null, headers: await signed() })
        assert.equal(answer.status, 200, answer.text)
        assert.equal(answer.headers.get('content-type'), 'application/vnd.gitlab-workhorse+json')
        assert.equal(answer.text, '{"destination":"iam"}')
      }
    })

    test('client_id is read from query or form; anything but one known client goes to rails', async () => {
      assert.equal((await route('?client_id=client-1')).json.destination, 'iam')
      assert.equal((await route('', 'client_id=client-1')).json.destination, 'iam')
      assert.equal((await route('?client_id=client-1', 'client_id=client-1')).json.destination, 'iam')
      const cases: ReadonlyArray<readonly [string, string?, Record<string, string>?]> = [
        [''],
        ['?client_id='],
        ['?client_id=client-2'],
        ['?client_id=client-3'],
        ['?client_id=nobody'],
        [`?client_id=${'x'.repeat(256)}`],
        [`?client_id=${'%C3%A4'.repeat(128)}`],
        ['?client_id=client-1&client_id=client-1'],
        ['?client_id=client-1', 'client_id=client-2'],
        ['?client_id[]=client-1'],
        ['?client_id=client-1%00'],
        ['?client_id=%ff'],
        ['', '{"client_id":["client-1"]}', { 'content-type': 'application/json' }],
        ['', 'client_id=client-1', { 'content-type': 'application/octet-stream' }],
      ]
      for (const [query, body, headers] of cases) {
        const answer = await route(query, body, headers)
        assert.equal(answer.status, 200, query)
        assert.deepEqual(answer.json, { destination: 'rails' }, `${query} ${body ?? ''}`)
      }
    })

    test('an answer continues the trace of its request, also when the body arrives late', async () => {
      const said: string[] = []
      const log = createLog('control', { destination: { write: (line) => void said.push(line) } })
      const tracing = {
        mode: 'continue',
        samplePercent: 100,
        endpoint: undefined,
        service: 'handover-control',
      } as const
      const traced = await startTestControlPlane(store.database, { log, tracing })
      const trace = '0af7651916cd43dd8448eb211c80319c'
      const headers = {
        'gitlab-workhorse-api-request': await sign({ iss: 'gitlab-workhorse', iat: now() }, traced.routingSecret),
        traceparent: `00-${trace}-b7ad6b7169203331-01`,
      }
      await traced.ask('POST', PATHS[0] ?? '', { token: null, headers })
      const late = httpRequest(`${traced.url}${PATHS[0]}`, { method: 'POST', headers: { ...headers, ...FORM } })
      const answered = once(late, 'response')
      late.flushHeaders()
      await sleep(50)
      late.end('client_id=client-1')
      const [answer] = (await answered) as [IncomingMessage]
      await once(answer.resume(), 'end')
      await traced.close()
      const routed = said.map((line) => JSON.parse(line) as Record<string, unknown>)
      const traces = routed.filter((entry) => entry['msg'] === 'oauth routing').map((entry) => entry['trace_id'])
      assert.deepEqual(traces, [trace, trace])
    })

    test('unauthenticated callers cannot flood the log, and suppressed lines are counted', async () => {
      const said: string[] = []
      const log = createLog('control', { destination: { write: (line) => void said.push(line) } })
      const bounded = await startTestControlPlane(store.database, { log, logSampling: { count: 3, seconds: 60 } })
      await bounded.announce(testApplication(1))
      const headers = {
        'gitlab-workhorse-api-request': await sign({ iss: 'gitlab-workhorse', iat: now() }, bounded.routingSecret),
      }
      const ask = async (client: string, isSigned = true) =>
        bounded.ask('POST', `${PATHS[0]}?client_id=${client}`, { token: null, ...(isSigned ? { headers } : {}) })
      for (let count = 0; count < 10; count++) {
        await ask(`stranger-${count}`)
        await ask('client-1', false)
        await ask('client-1')
      }
      await bounded.close()
      const entries = said.map((line) => JSON.parse(line) as Record<string, unknown>)
      const routed = entries.filter((entry) => entry['msg'] === 'oauth routing')
      const of = (fits: (entry: Record<string, unknown>) => boolean) => routed.filter(fits).length
      assert.deepEqual(
        {
          strangers: of((entry) => entry['reason'] === 'unknown_client'),
          unsigned: of((entry) => entry['status'] === 403),
          known: of((entry) => entry['client_id'] === 'client-1'),
        },
        { strangers: 3, unsigned: 3, known: 10 },
      )
      const told = entries.find((entry) => entry['msg'] === 'oauth routing lines omitted from the log')
      assert.deepEqual(told?.['left_out'], { unknown_client: 7, unsigned: 7 })
    })

    test('a caller without a valid signature gets 403', async () => {
      const sound = { iss: 'gitlab-workhorse', iat: now() }
      const tokens = {
        'another secret': await sign(sound, Buffer.alloc(32, 1)),
        'another issuer': await sign({ ...sound, iss: 'someone' }),
        'no issuer': await sign({ iat: now() }),
        'no time': await sign({ iss: 'gitlab-workhorse' }),
        'too old': await sign({ ...sound, iat: now() - 95 }),
        'too far ahead': await sign({ ...sound, iat: now() + 95 }),
        'another algorithm': await sign(sound, Buffer.concat([plane.routingSecret, plane.routingSecret]), 'HS512'),
        'no signature': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(sound)).toString('base64url')}.`,
        'no token': 'x',
        empty: '',
        long: 'x'.repeat(8_000),
      }
      for (const [what, token] of Object.entries(tokens)) {
        const headers = { 'gitlab-workhorse-api-request': token }
        const answer = await plane.ask('POST', `${PATHS[0]}?client_id=client-1`, { headers })
        assert.equal(answer.status, 403, what)
        assert.deepEqual(answer.json, { message: '403 Forbidden' })
      }
      for (const iat of [now() - 80, now() + 80]) {
        const headers = await signed({ iss: 'gitlab-workhorse', iat })
        assert.equal((await plane.ask('POST', `${PATHS[0]}?client_id=client-1`, { headers })).status, 200)
      }
    })

    test('each answer leaves one line in the log, with controller and status', async () => {
      await route('?client_id=client-1')
      const entries = lines.map((line) => JSON.parse(line)).filter((entry) => entry.controller !== undefined)
      assert.equal(entries.length, 1)
      const { controller, status, client_id, application_id, destination, reason, flag_version } = entries[0]
      assert.deepEqual(
        { controller, status, client_id, application_id, destination, reason },
        {
          controller: 'Oauth::IamRoutingController',
          status: 200,
          client_id: 'client-1',
          application_id: 1,
          destination: 'iam',
          reason: 'flag_enabled',
        },
      )
      assert.ok(flag_version > 1)
    })

    test('a secret that was sent as a client id appears in the log only as a fingerprint', async () => {
      const planted = 'f3c1'.repeat(16)
      await route(`?client_id=${planted}`)
      const entry = JSON.parse(lines.at(-1) ?? '{}') as { client_id?: string }
      assert.match(entry.client_id ?? '', /^sha256:[0-9a-f]{8}$/)
      assert.ok(!lines.join('').includes(planted))
    })

    test('an unknown client goes to IAM only if the flag for unknown clients is on', async () => {
      await plane.ask('POST', UNKNOWN, { json: { value: 'true' } })
      assert.equal((await route('?client_id=nobody')).json.destination, 'iam')
      assert.equal((await route('')).json.destination, 'rails')
      await plane.ask('POST', UNKNOWN, { json: { value: 'false' } })
      assert.equal((await route('?client_id=nobody')).json.destination, 'rails')
    })

    test('while the brake is on, the routing endpoint sends everyone to rails', async () => {
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true } })
      assert.equal((await route('?client_id=client-1')).json.destination, 'rails')
      await plane.ask('PUT', '/api/v1/brake', { json: { on: false } })
      assert.equal((await route('?client_id=client-1')).json.destination, 'iam')
    })

    const forward = async (
      headers: Record<string, string>,
      options: { method?: string; body?: string; token?: string | null } = {},
    ) => {
      const { method = 'GET', body, token = plane.gatewayToken } = options
      const answer = await plane.ask(method, '/-/oauth/forward_auth', {
        token,
        headers,
        ...(body === undefined ? {} : { body }),
      })
      return [answer.status, answer.headers.get('x-handover-destination'), answer.headers.get('x-handover-reason')]
    }

    test('forward_auth answers 204 with destination and reason, for the headers of each kind of proxy', async () => {
      const uri = '/oauth/authorize?client_id=client-1&response_type=code'
      const iam = [204, 'iam', 'flag_enabled']
      assert.deepEqual(await forward({ 'x-forwarded-uri': uri, 'x-forwarded-method': 'GET' }), iam)
      assert.deepEqual(await forward({ 'x-original-uri': uri }), iam)
      assert.deepEqual(await forward({ 'x-forwarded-uri': '/oauth/authorize?client_id=client-2' }), [
        204,
        'rails',
        'flag_disabled',
      ])
      assert.deepEqual(await forward({ 'x-forwarded-uri': '/projects' }), [204, 'rails', 'not_routed'])
      const envoy = await plane.ask('GET', `/-/oauth/forward_auth${uri}`, { token: plane.gatewayToken })
      assert.equal(envoy.headers.get('x-handover-destination'), 'iam')
      assert.deepEqual([envoy.status, envoy.text], [200, ''], 'Envoy takes another status for a no')
    })

    test('forward_auth reads the form, the credentials and the verifier of the original request', async () => {
      const token = { 'x-forwarded-uri': '/oauth/token', 'x-forwarded-method': 'POST', ...FORM }
      const post = (body: string) => forward(token, { method: 'POST', body })
      assert.deepEqual(await post('grant_type=client_credentials&client_id=client-1'), [204, 'iam', 'flag_enabled'])
      assert.deepEqual(await post('grant_type=refresh_token&refresh_token=gliamrt-x&client_id=client-2'), [
        204,
        'iam',
        'credential_issuer',
      ])
      assert.deepEqual(await post('grant_type=refresh_token&refresh_token=x&client_id=client-1'), [
        204,
        'rails',
        'credential_unknown',
      ])
      assert.deepEqual(await post('client_id=client-1&client_id=client-2'), [204, 'rails', 'ambiguous_client'])
      const basic = `Basic ${Buffer.from('client-1:s').toString('base64')}`
      const answer = await forward(
        { ...token, authorization: basic },
        { method: 'POST', body: 'grant_type=client_credentials' },
      )
      assert.deepEqual(answer, [204, 'iam', 'flag_enabled'])
      const verifier = issueVerifier('login', VERIFIER_KEY, now() + 60)
      const flow = (value: string) =>
        forward({ 'x-forwarded-uri': `/oauth/authorize?client_id=client-2&login_verifier=${value}` })
      assert.deepEqual(await flow(verifier), [204, 'iam', 'flow_verifier'])
      assert.deepEqual(await flow('a'.repeat(64)), [204, 'rails', 'flag_disabled'])
    })

    test("the original request's bearer token is kept apart from the control plane's own", async () => {
      const userinfo = { 'x-forwarded-uri': '/oauth/userinfo' }
      assert.deepEqual(await forward({ ...userinfo, authorization: 'Bearer gliamat-x' }), [
        204,
        'iam',
        'credential_issuer',
      ])
      assert.deepEqual(await forward({ ...userinfo, authorization: 'Bearer x' }), [204, 'rails', 'credential_unknown'])
      const ours = await forward({ ...userinfo, authorization: `Bearer ${plane.gatewayToken}` }, { token: null })
      assert.deepEqual(ours, [204, 'rails', 'client_id_missing'])
      assert.equal((await forward({ ...userinfo, authorization: 'Bearer gliamat-x' }, { token: null }))[0], 401)
      assert.equal((await forward(userinfo, { token: 'wrong' }))[0], 401)
    })

    test('forward_auth blocks an address that tries many tokens, and accepts a valid token all the same', async () => {
      const tries: number[] = []
      const headers = { 'x-forwarded-uri': '/oauth/authorize?client_id=client-1' }
      for (let n = 0; n < 22; n++) {
        tries.push((await plane.ask('GET', '/-/oauth/forward_auth', { token: `wrong-${n}`, headers })).status)
      }
      assert.deepEqual([tries[0], tries.at(-1)], [401, 429])
      assert.equal(
        (await plane.ask('GET', '/-/oauth/forward_auth', { token: plane.gatewayToken, headers })).status,
        204,
      )
    })

    test('forward_auth requires the original address', async () => {
      for (const headers of [{}, { 'x-forwarded-uri': 'oauth' }, { 'x-forwarded-uri': '' }] as Record<
        string,
        string
      >[]) {
        assert.equal((await forward(headers))[0], 400)
      }
    })

    test('a repeated header is not interpreted', async () => {
      const answer = await new Promise<string | undefined>((resolve, reject) => {
        const headers = {
          'private-token': plane.gatewayToken,
          'x-forwarded-uri': ['/oauth/authorize?client_id=client-1', '/oauth/authorize?client_id=client-1'],
        }
        httpRequest(`${plane.url}/-/oauth/forward_auth`, { headers }, (response) => {
          response.resume()
          resolve(String(response.headers['x-handover-destination']))
        })
          .on('error', reject)
          .end()
      })
      assert.equal(answer, 'rails')
    })

    test('where the network protects it, forward_auth needs no token; a relative URL root is removed', async () => {
      const ask = (uri: string) =>
        open.ask('GET', '/-/oauth/forward_auth', { token: null, headers: { 'x-forwarded-uri': uri } })
      const inside = await ask('/gitlab/oauth/authorize?client_id=client-1')
      assert.deepEqual([inside.status, inside.headers.get('x-handover-destination')], [204, 'iam'])
      const outside = await ask('/oauth/authorize?client_id=client-1')
      assert.equal(outside.headers.get('x-handover-reason'), 'not_routed')
    })

    const explain = async (json: Record<string, unknown>) => (await plane.ask('POST', '/api/v1/explain', { json })).json

    test('an explanation gives the destination, the reason and their basis', async () => {
      const on = await explain({ client_id: 'client-1', path: '/oauth/authorize' })
      assert.deepEqual(
        [on.destination, on.reason, on.flag.gate, on.application.arrived],
        ['iam', 'flag_enabled', 'actor', true],
      )
      assert.match(on.because.join('\n'), /client client-1 is application 1\n.*on for this application/)
      const waiting = await explain({ client_id: 'client-3' })
      assert.deepEqual([waiting.destination, waiting.application.arrived], ['rails', false])
      const refresh = await explain({
        method: 'POST',
        path: '/oauth/token',
        body: 'grant_type=refresh_token&refresh_token=gliamrt-x',
      })
      assert.deepEqual([refresh.destination, refresh.reason, refresh.endpoint], ['iam', 'credential_issuer', 'token'])
      const basic = { authorization: `Basic ${Buffer.from('client-2:s').toString('base64')}` }
      const token = await explain({
        method: 'POST',
        path: '/oauth/token',
        headers: basic,
        body: '{"grant_type":"password"}',
      })
      assert.deepEqual([token.client_id, token.reason, token.starts_flow], ['client-2', 'flag_disabled', true])
      const other = await explain({ path: '/projects' })
      assert.deepEqual([other.reason, other.endpoint], ['not_routed', null])
      const device = await explain({ client_id: 'client-1', path: '/oauth/device' })
      assert.deepEqual([device.destination, device.reason], ['rails', 'not_routed'])
      assert.match(device.because[0], /device page/)
      const nobody = await explain({ client_id: 'nobody' })
      assert.deepEqual([nobody.reason, nobody.application, nobody.flag], ['unknown_client', null, null])
    })

    test('an explanation contains the decision table, with the row that won and why those before it did not', async () => {
      const { table } = await explain({ client_id: 'client-2' })
      const winner = table.findIndex(({ outcome }: { outcome: string }) => outcome === 'wins')
      assert.deepEqual([table[winner].reason, table[winner].destination], ['flag_disabled', 'rails'])
      assert.deepEqual(table[0], {
        ...{ when: 'the brake is on and the request starts a new flow', reason: 'brake', destination: 'rails' },
        ...{ outcome: 'does_not_apply', because: 'the brake is off' },
      })
      assert.equal(table[winner + 1].outcome, 'not_reached')
      assert.deepEqual((await explain({ path: '/projects' })).table, [])
    })

    test('a decision is tried under another state, and nothing changes', async () => {
      const tried = async (assume: object) => (await explain({ client_id: 'client-1', assume })).assumed
      const braked = await tried({ brake: true })
      assert.deepEqual([braked.destination, braked.reason, braked.table[0].outcome], ['rails', 'brake', 'wins'])
      const outside = await explain({ client_id: 'client-2', assume: { percentage_of_actors: 0 } })
      assert.deepEqual([outside.reason, outside.assumed.reason], ['flag_disabled', 'flag_disabled'])
      const within = await explain({ client_id: 'client-2', assume: { everyone: true } })
      assert.notEqual(within.assumed.reason, 'flag_disabled')
      assert.equal((await explain({ client_id: 'client-2' })).assumed, null)
      assert.equal((await explain({ client_id: 'client-1', assume: { percentage_of_actors: 101 } })).status, 400)
    })

    test('many clients are explained at once, by client_id or id', async () => {
      const ask = (json: object) => plane.ask('POST', '/api/v1/explain/clients', { json })
      const { json } = await ask({ clients: ['client-1', '2', 'client-3', 'nobody'] })
      assert.deepEqual(
        json.clients.map(({ named, application, destination, reason }: Record<string, { id: number } | string>) => [
          named,
          (application as { id: number } | null)?.id ?? null,
          destination,
          reason,
        ]),
        [
          ['client-1', 1, 'iam', 'flag_enabled'],
          ['2', 2, 'rails', 'flag_disabled'],
          ['client-3', 3, 'rails', 'flag_disabled'],
          ['nobody', null, 'rails', 'unknown_client'],
        ],
      )
      assert.match(json.clients[2].because.join(), /off for this application/)
      const braked = await ask({ clients: ['client-1'], assume: { brake: true } })
      assert.deepEqual(braked.json.clients[0].assumed, { destination: 'rails', reason: 'brake' })
      assert.equal((await ask({ clients: [] })).json.errors[0].field, 'clients')
    })

    test('an explanation shows an application that waits for IAM, and its bucket', async () => {
      await plane.ask('POST', FLAG, { json: { value: '40', key: 'percentage_of_actors', environment: 'dev' } })
      const waiting = await explain({ client_id: 'client-3', environment: 'dev' })
      assert.deepEqual([waiting.destination, waiting.flag.on, waiting.flag.bucket], ['rails', true, 35_172])
      assert.match(
        waiting.because.join('\n'),
        /on for 40 % of applications, and its bucket is 35.172 %\nbut IAM holds nothing of it/,
      )
      const outside = await explain({ client_id: 'client-1', environment: 'dev' })
      assert.match(outside.because.join('\n'), /for 40 % of applications only, and its bucket is 90.536 %/)
    })

    test('an invalid request is refused with the field named', async () => {
      const cases: ReadonlyArray<readonly [Record<string, unknown>, string]> = [
        [{ path: 'oauth' }, 'path'],
        [{ path: '/a b' }, 'path'],
        [{ method: 'G T' }, 'method'],
        [{ headers: { 'a b': 'x' } }, 'headers.a b'],
        [{ headers: [] }, 'headers'],
        [{ body: { a: 1 } }, 'body'],
        [{ client_id: '' }, 'client_id'],
        [{ environment: 'prod' }, 'environment'],
        [{ clientid: 'x' }, 'clientid'],
      ]
      for (const [json, field] of cases) {
        const answer = await plane.ask('POST', '/api/v1/explain', { json })
        assert.deepEqual([answer.status, answer.json.errors?.[0]?.field], [400, field], answer.text)
      }
    })

    const evaluate = (json: unknown, key = 'proxy_oauth_requests_to_iam_service') =>
      plane.ask('POST', `/ofrep/v1/evaluate/flags/${key}`, { json, token: plane.gatewayToken })

    test('OFREP evaluates one flag, by client_id, id or actor', async () => {
      for (const targetingKey of ['client-1', '1', 'Authn::OauthApplication:1']) {
        const { status, json } = await evaluate({ context: { targetingKey } })
        assert.equal(status, 200)
        const { metadata, ...rest } = json
        assert.deepEqual(rest, {
          key: 'proxy_oauth_requests_to_iam_service',
          value: true,
          variant: 'on',
          reason: 'TARGETING_MATCH',
        })
        assert.equal(metadata.application_id, 1)
      }
      const off = await evaluate({ context: { targetingKey: 'client-2' } })
      assert.deepEqual([off.json.value, off.json.reason], [false, 'DEFAULT'])
      const waiting = await evaluate({ context: { targetingKey: 'client-3', environment: 'dev' } })
      assert.deepEqual([waiting.json.value, waiting.json.reason], [false, 'DISABLED'])
      const unknown = await evaluate({ context: { targetingKey: 'nobody' } })
      assert.deepEqual([unknown.status, unknown.json.value], [200, false])
    })

    test('OFREP answers its own error codes', async () => {
      const cases: ReadonlyArray<readonly [unknown, number, string, string?]> = [
        [{ context: { targetingKey: 'client-1' } }, 404, 'FLAG_NOT_FOUND', 'nothing'],
        [{ context: {} }, 400, 'TARGETING_KEY_MISSING'],
        [{}, 400, 'TARGETING_KEY_MISSING'],
        [{ context: { targetingKey: '' } }, 400, 'TARGETING_KEY_MISSING'],
        [{ context: 'x' }, 400, 'INVALID_CONTEXT'],
        [{ context: { targetingKey: 5 } }, 400, 'INVALID_CONTEXT'],
        [{ context: { targetingKey: 'x'.repeat(256) } }, 400, 'INVALID_CONTEXT'],
        [{ context: { targetingKey: 'client-1', environment: 'prod' } }, 400, 'INVALID_CONTEXT'],
        [['context'], 400, 'PARSE_ERROR'],
      ]
      for (const [json, status, errorCode, key] of cases) {
        const answer = await evaluate(json, key)
        assert.deepEqual([answer.status, answer.json.errorCode], [status, errorCode], JSON.stringify(json))
        assert.ok(answer.json.key)
      }
      const broken = await plane.ask('POST', '/ofrep/v1/evaluate/flags', {
        body: '{',
        headers: { 'content-type': 'application/json' },
      })
      assert.deepEqual([broken.status, broken.json.errorCode], [400, 'PARSE_ERROR'])
    })

    test('OFREP evaluates all flags, and answers 304 while no visible value has changed', async () => {
      const ask = (tag?: string) =>
        plane.ask('POST', '/ofrep/v1/evaluate/flags', {
          json: { context: { targetingKey: 'client-2', environment: 'pre' } },
          headers: tag === undefined ? {} : { 'if-none-match': tag },
        })
      const first = await ask()
      assert.equal(first.json.flags.length, 2)
      const tag = first.headers.get('etag') ?? ''
      assert.equal((await ask(tag)).status, 304)
      assert.equal((await ask(`"other", W/${tag}`)).status, 304)
      await plane.ask('POST', FLAG, { json: { value: 'true', oauth_application: '2', environment: 'pre' } })
      const second = await ask(tag)
      assert.equal(second.status, 200)
      assert.equal(second.json.flags[0].value, true)
    })
  })
}
