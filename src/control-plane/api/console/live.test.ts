import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

interface LiveEvent {
  readonly id: number
  readonly event: string
  readonly data: { readonly topics?: readonly string[] }
}

interface Listening {
  readonly events: readonly LiveEvent[]
  readonly text: () => string
  readonly isEnded: () => boolean
  close(): void
}

/** Opens a stream and keeps what arrives on it. */
async function listen(plane: TestControlPlane, headers: Record<string, string> = {}): Promise<Listening> {
  const aborting = new AbortController()
  const answer = await fetch(`${plane.url}/api/v1/events?environment=dev`, {
    headers: { 'private-token': plane.adminToken, ...headers },
    signal: aborting.signal,
  })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const events: LiveEvent[] = []
  let [text, isEnded] = ['', false]
  const reading = async () => {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const bytes of answer.body ?? []) {
      const piece = decoder.decode(bytes as Uint8Array, { stream: true })
      text += piece
      rest += piece
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(rest.slice(0, end)) ?? []
        if (event !== undefined && data !== undefined) events.push({ id: Number(id), event, data: JSON.parse(data) })
        rest = rest.slice(end + 2)
      }
    }
  }
  reading()
    .catch(() => {})
    .finally(() => {
      isEnded = true
    })
  await eventually('the stream begins', async () => events.length > 0)
  return { events, text: () => text, isEnded: () => isEnded, close: () => aborting.abort() }
}

function hasTopics({ events }: Listening, ...topics: string[]): boolean {
  const heard = new Set(events.flatMap(({ data }) => data.topics ?? []))
  return topics.every((topic) => heard.has(topic))
}

for (const engine of testDatabases()) {
  describe(`the stream of changes on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    let replica: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      replica = await startTestControlPlane(store.database, { schema: plane.schema, directory: plane.directory })
      await plane.announce(testApplication(1))
    })
    after(async () => {
      await replica.close()
      await plane.close()
      await store.close()
    })

    const setFlag = (value: string) =>
      plane.ask('POST', `/api/v4/features/${FLAG}`, { json: { value, environment: 'dev' } })
    const plan = {
      ...{ version: 1, name: 'wave-1', flag: FLAG, environment: 'dev' },
      ...{ steps: [{ applications: [1] }], watch: 'unattended' },
    }

    test('names what changed on any replica, in order of increasing ids', async () => {
      const [here, there] = [await listen(plane), await listen(replica)]
      await setFlag('true')
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, environment: 'dev', reason: 'test' } })
      const { json } = await plane.ask('POST', '/api/v1/rollouts', { json: { plan } })
      assert.ok(json.id, JSON.stringify(json))
      await plane.ask('POST', '/api/v1/tokens', { json: { role: 'viewer', name: 'vera' } })
      await plane.ask('POST', '/api/v1/problems', {
        json: { environment: 'dev', oauth_application: '1', reason: 'users cannot sign in' },
      })
      for (const stream of [here, there]) {
        await eventually('every change arrives', async () =>
          hasTopics(stream, 'flags', 'brake', 'rollouts', `rollouts/${json.id}`, 'tokens', 'problems', 'activity'),
        )
        const ids = stream.events.map(({ id }) => id)
        assert.deepEqual(
          ids,
          [...ids].sort((a, b) => a - b),
        )
        stream.close()
      }
    })

    test('a change in another environment is not announced', async () => {
      const stream = await listen(plane)
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, environment: 'staging', reason: 'test' } })
      await plane.announce(testApplication(1, { version: 2 }))
      await eventually('the later change arrives', async () => hasTopics(stream, 'applications'))
      assert.ok(!hasTopics(stream, 'brake'))
      stream.close()
    })

    test('a gateway that connects is announced', async () => {
      const stream = await listen(plane)
      const gateway = new AbortController()
      const following = await fetch(`${plane.url}/api/v1/snapshot/stream?environment=dev&instance=edge-1`, {
        headers: { 'private-token': plane.gatewayToken },
        signal: gateway.signal,
      })
      await eventually('the gateway is announced', async () => hasTopics(stream, 'gateways'))
      gateway.abort()
      await following.body?.cancel().catch(() => {})
      stream.close()
    })

    test('at most four messages a second are sent, and a comment at least every 2 s', async () => {
      const stream = await listen(plane)
      const before = stream.events.length
      const from = performance.now()
      const flips = Array.from({ length: 40 }, (_, count) => setFlag(String(count % 2 === 0)))
      await Promise.all(flips)
      await eventually('a comment arrives', async () => /^:$/m.test(stream.text()))
      const most = (performance.now() - from) / 250 + 2
      const changes = stream.events.slice(before).filter(({ data }) => data.topics?.includes('flags'))
      assert.ok(changes.length >= 1 && changes.length <= most, `${changes.length} of at most ${most}`)
      stream.close()
    })

    test('a stream resumes at any replica, and one that cannot resume receives `reset`', async () => {
      const stream = await listen(plane)
      const keptAlive = await listen(replica)
      stream.close()
      await setFlag('true')
      await setFlag('false')
      await eventually('the replica knows', async () => hasTopics(keptAlive, 'flags'))
      const lastEventId = String(stream.events.at(-1)?.id)
      const resumed = await listen(replica, { 'last-event-id': lastEventId })
      assert.equal(resumed.events[0]?.event, 'changed')
      assert.ok(hasTopics(resumed, 'flags'))
      for (const unknown of ['1', 'abc', String(Date.now() + 3_600_000)]) {
        const late = await listen(plane, { 'last-event-id': unknown })
        assert.equal(late.events[0]?.event, 'reset', unknown)
        late.close()
      }
      for (const each of [keptAlive, resumed]) each.close()
    })

    test('the end of a session or of a token ends the stream and says so', async () => {
      const made = (await plane.ask('POST', '/api/v1/tokens', { json: { role: 'viewer', name: 'victor' } })).json
      const link = new URL((await plane.ask('POST', '/api/v1/sign-in-links', { token: made.token })).json.url)
      const signedIn = await fetch(plane.url + link.pathname, {
        method: 'POST',
        body: link.searchParams,
        redirect: 'manual',
      })
      const [cookie = ''] = signedIn.headers.getSetCookie()
      const bySession = await listen(plane, { 'private-token': '', cookie: cookie.split(';')[0] ?? '' })
      const byToken = await listen(plane, { 'private-token': made.token })
      const other = await listen(plane)
      assert.equal((await plane.ask('DELETE', `/api/v1/tokens/${made.id}`)).status, 204)
      for (const stream of [bySession, byToken]) {
        await eventually('the stream ends', async () => stream.isEnded())
        assert.equal(stream.events.at(-1)?.event, 'session_ended')
      }
      assert.equal(other.isEnded(), false)
      other.close()
    })

    test('a token may have 20 open streams, and a further one is refused until one of them ends', async () => {
      const { token } = (await plane.ask('POST', '/api/v1/tokens', { json: { role: 'viewer', name: 'valerie' } })).json
      const headers = { 'private-token': token }
      const streams = await Promise.all(Array.from({ length: 20 }, () => listen(plane, headers)))
      const aborting = new AbortController()
      const open = () => fetch(`${plane.url}/api/v1/events`, { headers, signal: aborting.signal })
      const refused = await open()
      assert.equal(refused.status, 429)
      assert.equal(refused.headers.get('retry-after'), '5')
      const { code, detail } = (await refused.json()) as { readonly code: string; readonly detail: string }
      assert.equal(code, 'too_many_streams')
      assert.equal(detail, 'a token may have at most 20 open event streams; try again in 5 s')
      const other = await listen(plane)
      streams[0]?.close()
      await eventually('a stream can be opened again', async () => (await open()).status === 200)
      aborting.abort()
      for (const stream of [...streams, other]) stream.close()
    })

    test('only people may listen', async () => {
      for (const [token, status] of [
        [plane.gatewayToken, 403],
        [plane.replicationToken, 403],
        [null, 401],
      ] as const) {
        assert.equal((await plane.ask('GET', '/api/v1/events', { token })).status, status)
      }
    })

    test('a control plane that stops ends its streams with a hint to reconnect', async () => {
      const stopping = await startTestControlPlane(store.database, { schema: plane.schema, directory: plane.directory })
      const stream = await listen(stopping)
      await stopping.close()
      await eventually('the stream ends', async () => stream.isEnded())
      assert.match(stream.text(), /retry: \d+\n\n$/)
    })
  })
}
