import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { DEFAULT_RULES } from '../../chatops/index.ts'
import { createLog } from '../../observability/index.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const SECRET = 'the-signing-secret'
const PATH = '/api/v1/chatops/slack'
const PRODUCTION = 'C101F3796'

/** The Slack side: accepts answers, and fails as instructed. */
class Hooks {
  readonly taken: Array<{ path: string; body: Record<string, unknown> }> = []
  statuses: number[] = []
  #server: Server | undefined
  host = ''

  async open(): Promise<void> {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      this.taken.push({ path: request.url ?? '', body: JSON.parse(Buffer.concat(chunks).toString()) })
      response.writeHead(this.statuses.shift() ?? 200).end('ok')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#server = server
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise((resolve) => this.#server?.close(resolve))
  }
}

for (const engine of testDatabases()) {
  describe(`the Slack endpoint on ${engine.kind}`, () => {
    let database: TestDatabase
    let plane: TestControlPlane
    let replica: TestControlPlane
    const hooks = new Hooks()
    const log: string[] = []
    before(async () => {
      database = await engine.open()
      await hooks.open()
      const chatops = {
        rules: {
          ...DEFAULT_RULES,
          productionChannel: PRODUCTION,
          productionCheck: { ...DEFAULT_RULES.productionCheck, waitMs: 200, pollMs: 20 },
        },
        slack: {
          signingSecret: SECRET,
          teamIds: ['T1'],
          people: [
            { slackId: 'U1', name: 'alice', mayChange: ['staging', 'production'] as const },
            { slackId: 'U2', name: 'victor', mayChange: [] },
          ],
          letsStrangersLook: false,
          responseHosts: [hooks.host],
        },
        teams: [{ group: 'group::authentication', webhook: `http://${hooks.host}/services/team-secret` }],
      }
      const to = createLog('control', { destination: { write: (line: string) => void log.push(line) } })
      plane = await startTestControlPlane(database.database, { chatops, log: to })
      const { schema, directory } = plane
      replica = await startTestControlPlane(database.database, { chatops, schema, directory })
      await plane.announce(testApplication(42))
    })
    after(async () => {
      await plane.close()
      await replica.close()
      await hooks.close()
      await database.close()
    })
    beforeEach(() => {
      hooks.taken.length = 0
      hooks.statuses = []
    })

    const form = (text: string, changes: Record<string, string> = {}) =>
      new URLSearchParams({
        ...{ token: 'old-token', team_id: 'T1', channel_id: 'C9', user_id: 'U1', user_name: 'alice' },
        ...{ command: '/chatops', text, response_url: `http://${hooks.host}/commands/answer`, ...changes },
      }).toString()
    const now = () => Math.floor(Date.now() / 1_000)
    const headersFor = (body: string, at: string | number = now(), secret = SECRET) => ({
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': String(at),
      'x-slack-signature': `v0=${createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex')}`,
    })
    let count = 0
    /** No two are the same, so that none counts as a replay. */
    const slack = (text: string, changes: Record<string, string> = {}) => {
      const body = form(text, { trigger_id: String(count++), ...changes })
      return plane.ask('POST', PATH, { body, headers: headersFor(body), token: null })
    }
    const answered = (path = '/commands/answer') =>
      eventually(`a message at ${path}`, () => hooks.taken.find((each) => each.path === path)?.body)

    test('acknowledges at once, runs the command, and answers at the response URL in blocks', async () => {
      const quick = await slack(`gitlab run feature set --actors=Authn::OauthApplication:42 ${FLAG} true —staging`)
      assert.equal(quick.status, 200)
      assert.match(quick.json.text, /^On it\. \([\w-]+\)$/)
      const body = await answered()
      assert.equal(body['response_type'], 'in_channel')
      assert.match(JSON.stringify(body['blocks']), /staging: done.*on for Authn::OauthApplication:42/)
      const { json } = await plane.ask(
        'GET',
        '/api/v1/flags/proxy_oauth_requests_to_iam_service/history?environment=staging',
      )
      assert.equal(json.entries[0].changed_by, 'alice')
      const team = await answered('/services/team-secret')
      assert.match(JSON.stringify(team), /feature set --actors=Authn::OauthApplication:42.*staging: done.*alice/)
      const correlation = /\(([\w-]+)\)/.exec(quick.json.text)?.[1] ?? 'none'
      assert.ok(log.some((line) => line.includes(correlation) && line.includes('flag changed')))
    })

    test('production changes only from its channel, where the check announces that it waits', async () => {
      await slack(`feature set ${FLAG} 1 --actors`)
      assert.match(JSON.stringify(await answered()), /channel &lt;#C101F3796&gt; only/)
      hooks.taken.length = 0
      await slack(`feature set ${FLAG} 1 --actors`, { channel_id: PRODUCTION })
      const last = await eventually('the refusal', () =>
        hooks.taken.find(({ body }) => 'blocks' in body && body['response_type'] === 'in_channel'),
      )
      assert.match(JSON.stringify(last.body), /production is not safe: 0 gateways are connected/)
      assert.match(String(hooks.taken[0]?.body['text']), /Production check initiated, this may take up to 1 seconds/)
    })

    test('a viewer reads and changes nothing; an unlisted user and another workspace get nothing', async () => {
      await slack(`feature get ${FLAG} --staging`, { user_id: 'U2' })
      assert.match(JSON.stringify(await answered()), /staging: conditional/)
      hooks.taken.length = 0
      await slack(`feature set ${FLAG} true --staging`, { user_id: 'U2' })
      assert.match(JSON.stringify(await answered()), /victor may not change staging/)
      hooks.taken.length = 0
      await slack(`feature set ${FLAG} true --dev`)
      assert.match(JSON.stringify(await answered()), /alice may not change dev/)
      for (const changes of [{ user_id: 'U3' }, { team_id: 'T2' }, { user_id: 'U1"}<!here>' }]) {
        const { json } = await slack(`feature get ${FLAG}`, changes)
        assert.match(json.text, /You are not known here/)
      }
    })

    test('where unlisted users may read, they cannot do anything else', async () => {
      const open = {
        rules: DEFAULT_RULES,
        slack: {
          ...{ signingSecret: SECRET, teamIds: [], people: [], letsStrangersLook: true },
          responseHosts: [hooks.host],
        },
        teams: [],
      }
      const { schema, directory } = plane
      const lenient = await startTestControlPlane(database.database, { chatops: open, schema, directory })
      const ask = (text: string) => {
        const body = form(text, { user_id: 'U77', team_id: 'T9', trigger_id: `stranger ${text}` })
        return lenient.ask('POST', PATH, { body, headers: headersFor(body), token: null })
      }
      await ask(`feature get ${FLAG} --staging`)
      assert.match(JSON.stringify(await answered()), /staging: conditional/)
      hooks.taken.length = 0
      await ask(`feature set ${FLAG} false --staging`)
      assert.match(JSON.stringify(await answered()), /slack:U77 may not change staging/)
      await lenient.close()
    })

    test('faults and help are answered at once', async () => {
      assert.match(
        JSON.stringify((await slack(`feature set ${FLAG} true --actors`)).json.blocks),
        /requires a percentage/,
      )
      assert.match(JSON.stringify((await slack('help')).json.blocks), /feature approve/)
      assert.equal(hooks.taken.length, 0)
    })

    test('a signature that is forged, stale, missing or over other bytes is refused with the same answer', async () => {
      const body = form(`feature set ${FLAG} false --staging`)
      const good = headersFor(body)
      const attacks: Record<string, string>[] = [
        headersFor(body, now(), 'another secret'),
        headersFor(body, now() - 301),
        // Far enough ahead to stay that way while the other cases are tried.
        headersFor(body, now() + 360),
        headersFor(`${body}&x=1`),
        { ...good, 'x-slack-signature': good['x-slack-signature'].toUpperCase() },
        { ...good, 'x-slack-signature': '' },
        { ...good, 'x-slack-request-timestamp': String(now() - 1) },
        { 'content-type': 'application/x-www-form-urlencoded' },
        { ...headersFor(body, 'NaN') },
      ]
      for (const headers of attacks) {
        const answer = await plane.ask('POST', PATH, { body, headers, token: null })
        assert.equal(answer.status, 401, JSON.stringify(headers))
        assert.equal(answer.json.detail, 'the signature is invalid')
      }
      const asJson = await plane.ask('POST', PATH, { json: { text: 'feature list' }, token: null })
      assert.equal(asJson.status, 415)
      // An administrator's token does not replace the signature.
      assert.equal((await plane.ask('POST', PATH, { body, headers: { ...attacks[7] } })).status, 401)
      assert.equal(hooks.taken.length, 0)
    })

    test('a replayed request is refused, at any replica', async () => {
      const body = form(`feature get ${FLAG} --staging`, { trigger_id: 'replay' })
      const request = { body, headers: headersFor(body), token: null }
      assert.equal((await plane.ask('POST', PATH, request)).status, 200)
      assert.equal((await plane.ask('POST', PATH, request)).status, 401)
      assert.equal((await replica.ask('POST', PATH, request)).status, 401)
      await answered()
    })

    test('nothing runs for a response URL on another host, or a form that repeats a field', async () => {
      for (const url of [
        'http://127.0.0.1:1/x',
        'http://169.254.169.254/latest',
        `https://${hooks.host}@evil.example/`,
      ]) {
        assert.match(
          (await slack(`feature set ${FLAG} false --staging`, { response_url: url })).json.text,
          /Nothing was done/,
        )
      }
      const body = `${form(`feature get ${FLAG}`)}&user_id=U1`
      const twice = await plane.ask('POST', PATH, { body, headers: headersFor(body), token: null })
      assert.equal(twice.json.text, 'That could not be read.')
      const { json } = await plane.ask('GET', '/api/v4/features?environment=staging')
      assert.equal(json[0].state, 'conditional')
    })

    test('an answer that Slack fails to accept is sent again', async () => {
      hooks.statuses = [500, 503]
      await slack(`feature get ${FLAG} --staging`)
      await eventually('three tries', () => hooks.taken.length === 3)
    })

    test('no secret is in the log', () => {
      const text = log.join('')
      assert.match(text, /signature|request rejected/)
      for (const secret of [SECRET, 'team-secret', 'old-token', '/commands/answer', 'v0=']) {
        assert.ok(!text.includes(secret), secret)
      }
    })
  })
}
