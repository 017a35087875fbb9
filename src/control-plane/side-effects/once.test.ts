import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { freshSchema } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import type { Definitions, FlagDefinition } from '../../flags/index.ts'
import { silentLog } from '../../observability/index.ts'
import { migrate } from '../../storage/index.ts'
import { MIGRATIONS } from '../migrations.ts'
import type { SideEffectKind } from './adapter.ts'
import { adaptersOf } from './adapters.ts'
import { SideEffectDispatcher } from './dispatcher.ts'
import type { FlagEvent } from './flag-event.ts'
import { SideEffectOutbox } from './outbox.ts'
import type { SideEffectSettings } from './settings.ts'

const FLAG = 'a_flag'
const EVENT: FlagEvent = {
  ...{ kind: 'flag', environment: 'staging', name: FLAG, action: 'set', before: null, by: 'alice', version: 12 },
  after: {
    ...{ boolean: true, actors: [], percentage_of_actors: 0, percentage_of_time: 0, feature_groups: [], opted_out: [] },
  },
  cause: { door: 'api', correlation_id: 'c-12' },
}

interface Issue {
  readonly iid: number
  readonly web_url: string
  readonly title: string
  readonly description: string
  state: string
  readonly notes: string[]
}
type Fault = 'close' | number

/** A GitLab that carries out requests, and can then fail to confirm them. */
class GitLab {
  readonly issues: Issue[] = []
  readonly notes: string[] = []
  pipelines = 0
  pipelineStatus = 'success'
  /** How the next calls of a path end: after the request was carried out (`close`, 5xx) or instead of it (4xx). */
  readonly faults = new Map<string, Fault[]>()
  #server: Server | undefined
  url = ''

  async open(): Promise<void> {
    const server = createServer(async (message, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of message) chunks.push(chunk as Buffer)
      const text = Buffer.concat(chunks).toString()
      const { pathname, searchParams } = new URL(message.url ?? '', 'http://gitlab')
      const action = `${message.method} ${pathname.replace(/^.*?\/projects\/[^/]+/, '')}`
      const fault = this.faults.get(action)?.shift()
      const refuses = typeof fault === 'number' && fault < 500
      const answer = refuses ? {} : this.#carryOut(action, text === '' ? {} : JSON.parse(text), searchParams)
      if (fault === 'close') return void message.socket.destroy()
      response.writeHead(fault ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent
  #carryOut(action: string, json: any, query: URLSearchParams): unknown {
    const [, iid, rest] = /\/issues\/(\d+)(\/notes)?$/.exec(action) ?? []
    const issue = this.issues.find((one) => String(one.iid) === iid)
    if (action === 'POST /issues') {
      const number = this.issues.length + 1
      // GitLab strips the newline at the end.
      const { title, description } = { title: json.title, description: String(json.description).trim() }
      const made = { iid: number, web_url: `https://g/${number}`, title, description, state: 'opened', notes: [] }
      this.issues.push(made)
      return made
    }
    if (action === 'GET /issues') return this.issues.filter(({ title }) => title.includes(query.get('search') ?? ''))
    if (action === 'POST /trigger/pipeline') {
      return { id: ++this.pipelines, web_url: `https://g/p/${this.pipelines}`, status: 'created' }
    }
    if (action.startsWith('GET /pipelines/')) return { id: 1, web_url: 'https://g/p/1', status: this.pipelineStatus }
    if (rest !== undefined) (issue?.notes ?? this.notes).push(json.body)
    else if (issue !== undefined) issue.state = json.state_event === 'close' ? 'closed' : issue.state
    return {}
  }
}

function definitionsWith(rollout_issue_url: string): Definitions {
  const definition: FlagDefinition = {
    ...{ name: FLAG, introduced_by_url: 'https://g/1', rollout_issue_url, milestone: '19.1' },
    ...{ type: 'gitlab_com_derisk', group: 'group::x', default_enabled: false },
  }
  return { flags: new Map([[FLAG, definition]]), featureGroups: new Map() }
}

for (const engine of testDatabases()) {
  describe(`steps that must not run twice, on ${engine.kind}`, () => {
    let store: TestDatabase
    let gitlab: GitLab
    let dispatcher: SideEffectDispatcher | undefined
    let outbox: SideEffectOutbox
    const failed: string[] = []
    let refusals = 0
    before(async () => {
      store = await engine.open()
    })
    after(() => store.close())
    beforeEach(async () => {
      gitlab = new GitLab()
      await gitlab.open()
      const schema = freshSchema()
      await migrate(store.database, schema, MIGRATIONS)
      outbox = new SideEffectOutbox(store.database, schema)
    })
    afterEach(async () => {
      await dispatcher?.close()
      gitlab.close()
    })

    function start(url = gitlab.url, rollout = `${gitlab.url}/group/project/-/work_items/5`): void {
      const settings: SideEffectSettings = {
        gitlab: {
          ...{ url, token: 'a-token', recordProject: 'infra/log' },
          pipeline: {
            ...{ project: 'qa/e2e', ref: 'main', triggerToken: 'trigger', waitMs: 60_000, pollMs: 5 },
            ...{ environments: ['staging', 'production'], forApplications: false },
          },
        },
        qaChannels: {},
      }
      const adapters = adaptersOf(settings, definitionsWith(rollout), async (_event, url) => {
        if (refusals-- > 0) throw new Error('the database is away')
        failed.push(url)
      })
      dispatcher = new SideEffectDispatcher({ outbox, adapters, log: silentLog, onEnd: () => {}, retryMs: [10, 40] })
    }
    const owe = (...kinds: SideEffectKind[]) => store.database.transaction((tx) => outbox.add(tx, EVENT, kinds))
    const ended = (state: 'done' | 'dead') =>
      eventually(`it is ${state}`, async () => {
        dispatcher?.wake()
        return (await outbox.list(state, 1))[0]
      })

    test('tests whose start was not confirmed wait for a person, who may start them again', async () => {
      gitlab.faults.set('POST /trigger/pipeline', ['close'])
      await owe('pipeline')
      start()
      const dead = await ended('dead')
      assert.equal(dead.last_error, 'it is not known whether it was started: check, then retry or drop it')
      assert.equal(gitlab.pipelines, 1)
      await outbox.retry(dead.id)
      await ended('done')
      assert.equal(gitlab.pipelines, 2)
    })

    test('failed tests are acted upon before they are reported, however often that fails at first', async () => {
      gitlab.pipelineStatus = 'failed'
      failed.length = 0
      refusals = 2
      await owe('pipeline')
      start()
      await ended('done')
      assert.deepEqual(failed, ['https://g/p/1'])
      assert.equal(gitlab.pipelines, 1)
      assert.ok(gitlab.notes.includes(`End-to-end tests of '${FLAG}' on staging: failed https://g/p/1`))
    })

    test('tests whose start was refused temporarily are started later', async () => {
      gitlab.faults.set('POST /trigger/pipeline', [429, 408, 429])
      await owe('pipeline')
      start()
      await ended('done')
      assert.equal(gitlab.pipelines, 1)
    })

    test('tests are still pending after a refused connection', async () => {
      const { url } = gitlab
      gitlab.close()
      await owe('pipeline')
      start(url)
      await eventually('it has been tried again', async () => {
        dispatcher?.wake()
        return ((await outbox.list('waiting', 1))[0]?.attempts ?? 0) >= 3
      })
      assert.deepEqual(await outbox.list('dead', 1), [])
    })

    test('tests whose start was interrupted by a crash of the replica wait for a person', async () => {
      await owe('pipeline')
      const held = await outbox.claim(['pipeline'])
      await outbox.note(held?.id ?? 0, { may_have_run: true })
      await outbox.postpone(held?.id ?? 0, 'the claim ran out', 0)
      start()
      await ended('dead')
      assert.equal(gitlab.pipelines, 0)
    })

    test('a record whose creation was not confirmed is found, not created twice', async () => {
      for (const fault of ['close', 500, 502] as const) {
        gitlab.issues.length = 0
        gitlab.notes.length = 0
        gitlab.faults.set('POST /issues', [fault])
        await owe('record_issue')
        start()
        const done = await ended('done')
        assert.deepEqual(
          gitlab.issues.map(({ iid, state }) => [iid, state]),
          [[1, 'closed']],
          String(fault),
        )
        assert.deepEqual(gitlab.notes.length, 1, 'the rollout issue is told')
        await dispatcher?.close()
        await outbox.end(done.id, 'dead', null)
        await outbox.drop(done.id)
      }
    })

    test('another change of the same name is not mistaken for it', async () => {
      await owe('record_issue')
      start()
      await ended('done')
      await dispatcher?.close()
      const other = { ...EVENT, version: 13, cause: { door: 'api', correlation_id: 'c-13' } }
      gitlab.faults.set('POST /issues', ['close'])
      await store.database.transaction((tx) => outbox.add(tx, other, ['record_issue']))
      start()
      await eventually('both are done', async () => {
        dispatcher?.wake()
        return (await outbox.list('done', 5)).length === 2
      })
      assert.deepEqual(
        gitlab.issues.map(({ description, state }) => [/Version \| (\d+)/.exec(description)?.[1], state]),
        [
          ['12', 'closed'],
          ['13', 'closed'],
        ],
      )
    })

    test('the test result is reported on the record of the change and on the rollout issue', async () => {
      await owe('record_issue')
      start()
      await ended('done')
      await owe('pipeline')
      await eventually('both are done', async () => {
        dispatcher?.wake()
        return (await outbox.list('done', 5)).length === 2
      })
      const said = `End-to-end tests of '${FLAG}' on staging: success https://g/p/1`
      assert.deepEqual(gitlab.issues[0]?.notes, [said])
      assert.ok(gitlab.notes.includes(said))
    })

    test('an answer that the database cannot store is left to a person, and not retried forever', async () => {
      gitlab.pipelineStatus = 'running\0'
      await owe('pipeline')
      start()
      assert.equal((await ended('dead')).last_error, 'answered with status 200 and an unreadable body')
    })

    test('an invalid address is left to a person, and not retried forever', async () => {
      await owe('record_issue')
      start(gitlab.url, `${gitlab.url}/group/%E0%A4%A/-/issues/1`)
      assert.equal((await ended('dead')).last_error, 'the next step cannot be determined')
    })
  })
}
