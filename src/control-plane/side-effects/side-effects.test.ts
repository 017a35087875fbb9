import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import {
  freshSchema,
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { createLog } from '../../observability/index.ts'
import { migrate } from '../../storage/index.ts'
import { MIGRATIONS } from '../migrations.ts'
import type { SideEffectAdapter, SideEffectKind } from './adapter.ts'
import { SideEffectDispatcher } from './dispatcher.ts'
import type { FlagEvent } from './flag-event.ts'
import { SideEffectOutbox } from './outbox.ts'
import type { SideEffectSettings } from './settings.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const SECRET = 'planted-secret'

interface Received {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was sent
  readonly json: any
}
type Answer = { status?: number; json?: unknown; headers?: Record<string, string> } | 'hang' | 'close'

/** A server that stands in for Grafana, GitLab, Slack and a log of events, each below its own path. */
class Outside {
  readonly received: Received[] = []
  readonly #server: Server
  answer: (request: Received) => Answer = () => ({})
  url = ''

  constructor() {
    this.#server = createServer(async (message, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of message) chunks.push(chunk as Buffer)
      const text = Buffer.concat(chunks).toString()
      const { method = '', url: path = '', headers } = message
      const request = { method, path, headers, json: text === '' ? undefined : JSON.parse(text) }
      this.received.push(request)
      const answer = this.answer(request)
      if (answer === 'close') return void message.socket.destroy()
      if (answer === 'hang') return
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers })
      response.end(JSON.stringify(answer.json ?? {}))
    })
  }

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  at(path: string): Received[] {
    return this.received.filter((request) => request.path.startsWith(path))
  }
}

/** GitLab as its API documents it: an issue 7 that can be closed, a pipeline 9 that ends at the second poll. */
function likeGitLab(result: 'success' | 'failed' = 'success') {
  let looks = 0
  return ({ method, path }: Received): Answer => {
    if (method === 'POST' && path.endsWith('/issues')) return { status: 201, json: { iid: 7, web_url: 'https://g/7' } }
    if (path.includes('/issues?')) return { json: [] }
    if (path.endsWith('/trigger/pipeline')) {
      return { status: 201, json: { id: 9, web_url: 'https://g/9', status: 'created' } }
    }
    if (path.includes('/pipelines/9')) {
      return { json: { id: 9, web_url: 'https://g/9', status: ++looks < 2 ? 'running' : result } }
    }
    return path.endsWith('/notes') ? { status: 201 } : {}
  }
}

for (const engine of testDatabases()) {
  describe(`side effects of changes on ${engine.kind}`, () => {
    let store: TestDatabase
    let outside: Outside
    before(async () => {
      store = await engine.open()
    })
    after(() => store.close())
    beforeEach(async () => {
      outside = new Outside()
      await outside.open()
    })
    afterEach(() => outside.close())

    describe('the configured side effects', () => {
      let plane: TestControlPlane
      const lines: string[] = []
      beforeEach(async () => {
        lines.length = 0
        const gitlab = `${outside.url}/gitlab`
        const sideEffects: SideEffectSettings = {
          grafana: { url: `${outside.url}/grafana`, token: SECRET },
          events: { url: `${outside.url}/events`, token: undefined },
          gitlab: {
            ...{ url: gitlab, token: SECRET, recordProject: 'infra/feature-flag-log' },
            pipeline: {
              ...{ project: 'qa/e2e', ref: 'main', triggerToken: SECRET },
              ...{ waitMs: 60_000, pollMs: 10, forApplications: false, environments: ['staging', 'production'] },
            },
          },
          qaChannels: { staging: `${outside.url}/slack/${SECRET}` },
          environmentNames: { staging: 'gstg' },
        }
        outside.answer = likeGitLab()
        const log = createLog('control', { destination: { write: (text: string) => lines.push(text) } })
        plane = await startTestControlPlane(store.database, { sideEffects, log })
        await plane.announce(testApplication(42))
      })
      afterEach(() => plane.close())
      const set = async (json: Record<string, unknown>) =>
        assert.equal((await plane.ask('POST', `/api/v4/features/${FLAG}`, { json })).status, 201)
      const settled = () =>
        eventually('all effects are done', async () => {
          const { json } = await plane.ask('GET', '/api/v1/side-effects?state=waiting')
          return json.side_effects.length === 0
        })

      test('a percentage on staging is annotated, recorded, announced and tested, and the result sent', async () => {
        await set({ value: '25', key: 'percentage_of_actors', environment: 'staging' })
        await settled()
        const [mark] = outside.at('/grafana/api/annotations')
        assert.equal(mark?.headers['authorization'], `Bearer ${SECRET}`)
        assert.deepEqual(mark?.json, {
          tags: ['staging', 'feature-flag', FLAG],
          text: `administrator set feature flag ${FLAG} to 25 % of applications`,
        })
        const [event] = outside.at('/events')
        assert.deepEqual([event?.json.environment, event?.json.after.percentage_of_actors], ['staging', 25])
        const issues = '/gitlab/api/v4/projects/infra%2Ffeature-flag-log/issues'
        const [made, closed] = ['POST', 'PUT'].map((method) => outside.at(issues).find((one) => one.method === method))
        assert.equal(made?.json.title, `Feature flag '${FLAG}' has been set to '25' of actors on staging`)
        assert.match(made?.json.description, /\| Value \| 25 % of applications \|/)
        assert.match(made?.json.labels, /^host::staging,change,/)
        assert.match(made?.json.description, /\| Changed by \| administrator \|/)
        assert.deepEqual([closed?.path, closed?.method, closed?.json], [`${issues}/7`, 'PUT', { state_event: 'close' }])
        const [trigger] = outside.at('/gitlab/api/v4/projects/qa%2Fe2e/trigger/pipeline')
        const { feature_toggled, feature_value } = trigger?.json.variables ?? {}
        assert.deepEqual([feature_toggled, feature_value], [FLAG, '25'])
        assert.equal(outside.at('/gitlab/api/v4/projects/qa%2Fe2e/pipelines/9').length, 2)
        const told = outside.at('/slack/').map(({ json }) => json.text)
        assert.deepEqual(told.sort(), [
          `End-to-end tests of '${FLAG}' on gstg: success https://g/9`,
          `Feature flag ${FLAG} has been set to 25 % of applications on **gstg**\nby administrator`,
          `This pipeline was triggered due to toggling of ${FLAG} feature flag: https://g/9`,
        ])
      })

      test('testers receive the two sentences that they look for, with the names that they use', async () => {
        await set({ value: 'true', environment: 'staging' })
        await settled()
        const told = outside.at('/slack/').map(({ json }) => json.text.split('\n')[0])
        assert.ok(told.includes(`Feature flag ${FLAG} has been set to true on **gstg**`), told.join('\n'))
        assert.ok(
          told.some((text) => text.startsWith(`This pipeline was triggered due to toggling of ${FLAG} feature flag`)),
        )
      })

      const stateOf = async (environment: string) => {
        const { json } = await plane.ask('GET', `/api/v4/features?environment=${environment}`)
        return json.find(({ name }: { name: string }) => name === FLAG)?.state
      }

      test('failed tests on staging switch the flag off there, in the name of the tests', async () => {
        outside.answer = likeGitLab('failed')
        await set({ value: 'true', environment: 'staging' })
        await settled()
        assert.equal(await stateOf('staging'), 'off')
        const { json } = await plane.ask('GET', `/api/v1/flags/${FLAG}/history?environment=staging`)
        const [last] = json.entries
        assert.equal(last.changed_by, 'end-to-end tests')
        assert.match(last.cause.reason, /the end-to-end tests failed: https:\/\/g\/9/)
      })

      test('failed tests on production switch nothing off: rollouts and people decide there', async () => {
        outside.answer = likeGitLab('failed')
        await set({ value: 'true', environment: 'production' })
        await settled()
        assert.equal(await stateOf('production'), 'on')
      })

      test('no test runs for one application, for a rollback, or where none is configured', async () => {
        await set({ value: 'true', oauth_application: '42', environment: 'staging' })
        await set({ value: 'false', environment: 'staging' })
        await set({ value: 'true', environment: 'dev' })
        await settled()
        assert.deepEqual(outside.at('/gitlab/api/v4/projects/qa%2Fe2e'), [])
        const titles = outside.at('/gitlab/api/v4/projects/infra').map(({ json }) => json.title)
        assert.ok(
          titles.includes(`Feature flag '${FLAG}' has been set to 'true' of Authn::OauthApplication:42 on staging`),
        )
        assert.equal(outside.at('/slack/').length, 2, 'dev has no channel')
      })

      test('a brake and a deletion are reported too', async () => {
        await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'IAM is <slow>' } })
        await set({ value: 'true' })
        await plane.ask('DELETE', `/api/v4/features/${FLAG}?confirm=true`)
        await settled()
        const texts = outside.at('/grafana').map(({ json }) => json.text)
        assert.ok(texts.includes('administrator set the brake to on'))
        assert.ok(texts.includes(`administrator set feature flag ${FLAG} to deleted`))
        const brake = outside.at('/gitlab').find(({ json }) => /brake/.test(json?.title ?? ''))
        assert.match(brake?.json.description, /\| Reason \| IAM is \\<slow\\> \|/)
      })

      test('servers that hang, refuse or close never fail or delay a change, and no secret leaks', async () => {
        const faults: Answer[] = ['hang', 'close', { status: 401 }, { status: 500, json: { error: SECRET } }]
        let count = 0
        outside.answer = () => faults[count++ % faults.length] as Answer
        for (const value of ['true', 'false', 'true']) await set({ value })
        await eventually('one is given up', async () => {
          const { json } = await plane.ask('GET', '/api/v1/side-effects?state=dead')
          return json.side_effects.length > 0
        })
        const all = await plane.ask('GET', '/api/v1/side-effects')
        assert.match(all.text, /answered with status 401/)
        assert.doesNotMatch(
          all.text + lines.join(''),
          new RegExp(`${SECRET}|127\\.0\\.0\\.1:${new URL(outside.url).port}`),
        )
        const rows = await store.database.query(`select * from ${plane.schema}.effects`)
        assert.doesNotMatch(JSON.stringify(rows), new RegExp(SECRET))
        assert.match((await plane.ask('GET', '/metrics')).text, /handover_side_effects\{state="dead"\} [1-9]/)
      })

      test('an effect that was given up is resumed on demand from its last step, or dropped', async () => {
        const good = outside.answer
        let refuses = true
        outside.answer = (request) => (refuses && request.method === 'PUT' ? { status: 403 } : good(request))
        await set({ value: 'true' })
        const dead = await eventually('the record is given up', async () => {
          const { json } = await plane.ask('GET', '/api/v1/side-effects?state=dead')
          return json.side_effects[0] as { id: number; kind: string } | undefined
        })
        assert.equal(dead.kind, 'record_issue')
        refuses = false
        assert.equal((await plane.ask('POST', `/api/v1/side-effects/${dead.id}/retry`, { json: {} })).status, 200)
        await settled()
        const issues = outside.at('/gitlab/api/v4/projects/infra')
        assert.equal(issues.filter(({ method }) => method === 'POST').length, 1, 'the issue is not made twice')
        assert.equal((await plane.ask('DELETE', `/api/v1/side-effects/${dead.id}`)).status, 404, 'it is done by now')
      })

      test('the record of a change is available as text, whatever is configured', async () => {
        await set({ value: 'true', oauth_application: '42' })
        const { json } = await plane.ask('GET', `/api/v1/flags/${FLAG}/record`)
        assert.equal(
          json.title,
          `Feature flag '${FLAG}' has been set to 'true' of Authn::OauthApplication:42 on production`,
        )
        assert.equal((await plane.ask('GET', `/api/v1/flags/${FLAG}/record?environment=dev`)).status, 404)
      })
    })

    describe('the dispatcher', () => {
      const event: FlagEvent = {
        ...{ kind: 'flag', environment: 'staging', name: FLAG, action: 'set', before: null, after: null },
        ...{ by: 'somebody', version: 1 },
      }
      /** Two steps, one call each. */
      const adapter = (): SideEffectAdapter => ({
        kind: 'event',
        concerns: () => true,
        next: (_event, progress, id) => {
          const step = Number(progress['step'] ?? 0)
          if (step === 2) return { kind: 'done' }
          const onAnswer = () => ({ progress: { step: step + 1 } })
          return { kind: 'call', method: 'POST', url: `${outside.url}/${id}/${step}`, json: {}, onAnswer }
        },
      })
      async function make(dispatchers = 1) {
        const schema = freshSchema()
        await migrate(store.database, schema, MIGRATIONS)
        const outbox = new SideEffectOutbox(store.database, schema)
        const ended: Array<[SideEffectKind, string]> = []
        const owe = (count: number) =>
          store.database.transaction(async (tx) => {
            for (let at = 0; at < count; at++) await outbox.add(tx, event, ['event'])
          })
        const start = () =>
          new SideEffectDispatcher({
            ...{ outbox, adapters: [adapter()], retryMs: [20, 100] as const },
            log: createLog('control', { level: 'silent' }),
            onEnd: (kind, state) => ended.push([kind, state]),
          })
        const open = Array.from({ length: dispatchers }, start)
        return { outbox, owe, ended, open, close: () => Promise.all(open.map((dispatcher) => dispatcher.close())) }
      }
      const none = async (outbox: SideEffectOutbox) => (await outbox.counts()).waiting === 0

      test('two replicas share the work, and no step runs twice', async () => {
        const { outbox, owe, ended, open, close } = await make(2)
        await owe(40)
        for (const dispatcher of open) dispatcher.wake()
        await eventually('all are done', () => none(outbox))
        await eventually('all are counted', () => ended.length === 40)
        await close()
        const paths = outside.received.map(({ path }) => path)
        assert.deepEqual([paths.length, new Set(paths).size], [80, 80])
      })

      test('a server that fails temporarily is retried until it answers, no sooner than it requests', async () => {
        const failures: Answer[] = [{ status: 500 }, { status: 503 }, 'close', { status: 429 }, { status: 408 }]
        outside.answer = () => failures.shift() ?? {}
        const { outbox, owe, ended, close } = await make()
        await owe(1)
        await eventually('it is done', () => none(outbox))
        await close()
        assert.deepEqual(ended, [['event', 'done']])
        assert.equal(outside.received.length, 7)
      })

      test('an effect that keeps failing is given up in the end', async () => {
        outside.answer = () => ({ status: 500 })
        const { outbox, owe, ended, close } = await make()
        await owe(1)
        await eventually('it is given up', () => ended.length === 1)
        await close()
        assert.deepEqual(ended, [['event', 'dead']])
        const [effect] = await outbox.list('dead', 10)
        assert.deepEqual([effect?.attempts, effect?.last_error], [12, 'answered with status 500'])
      })

      test('a step that another replica left unfinished is taken over when its claim expires', async () => {
        const { outbox, owe, close } = await make(0)
        await owe(1)
        assert.equal((await outbox.claim(['event']))?.attempts, 0)
        assert.equal(await outbox.claim(['event']), undefined, 'it is claimed')
        const [row] = await outbox.list('waiting', 1)
        await outbox.advance(row?.id ?? 0, { step: 1 }, 0)
        assert.deepEqual((await outbox.claim(['event']))?.progress, { step: 1 })
        await close()
      })

      test('a change that is rolled back has no side effects', async () => {
        const { outbox, close } = await make()
        const undone = store.database.transaction(async (tx) => {
          await outbox.add(tx, event, ['event'])
          throw new Error('undone')
        })
        await assert.rejects(undone, /undone/)
        assert.deepEqual(await outbox.list(undefined, 10), [])
        await close()
      })
    })
  })
}
