import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { createLog } from '../../../observability/index.ts'
import type { PlanNotify } from '../../../rollouts/index.ts'
import { migrate } from '../../../storage/index.ts'
import type { ChannelName } from './channel.ts'
import { channelsOf } from './channels.ts'
import { NOTIFICATIONS_SQL, NotificationCursors } from './cursors.ts'
import type { NoticeRollout, TimelineEvent } from './notice.ts'
import { Notifier } from './notifier.ts'
import type { EmailSettings, NotificationSettings } from './settings.ts'
import { signatureOf } from './webhook.ts'

const SECRET = 'planted-secret-of-a-channel'
const ROLLOUT: NoticeRollout = {
  ...{ id: 3, name: 'wave-2', flag: 'proxy_oauth_requests_to_iam_service', environment: 'production', state: 'held' },
}

interface Received {
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was sent
  readonly json: any
}
type Answer = { readonly status?: number; readonly json?: unknown; readonly headers?: Record<string, string> } | 'close'

/** Slack and the receiver of a webhook, each below its own path. */
class Receivers {
  readonly received: Received[] = []
  readonly #server: Server
  /** Replaces the usual answer; undefined for that one. */
  answer: (request: Received) => Answer | undefined = () => undefined
  url = ''

  constructor() {
    this.#server = createServer(async (message, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of message) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks).toString()
      const request = { path: message.url ?? '', headers: message.headers, body, json: JSON.parse(body) }
      this.received.push(request)
      const answer = this.answer(request) ?? { json: { ok: true, ts: `1.${this.at(request.path).length}` } }
      if (answer === 'close') return void message.socket.destroy()
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

/** A mail server that takes every message of the user who signs in. */
class Mailbox {
  readonly mails: string[] = []
  readonly #server: SMTPServer
  rejects = 0

  constructor() {
    this.#server = new SMTPServer({
      ...{ disabledCommands: ['STARTTLS'], allowInsecureAuth: true, logger: false },
      onAuth: ({ username, password }, _session, done) =>
        username === 'handover' && password === SECRET ? done(null, { user: username }) : done(new Error('wrong')),
      onData: (stream, _session, done) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          if (this.rejects-- > 0) return done(Object.assign(new Error(`no room ${SECRET}`), { responseCode: 452 }))
          this.mails.push(Buffer.concat(chunks).toString().replaceAll('=\r\n', ''))
          done()
        })
      },
    })
  }

  async open(): Promise<EmailSettings> {
    const server = this.#server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return {
      ...{ host: '127.0.0.1', port, tls: 'none', user: { name: 'handover', password: SECRET } },
      ...{ from: 'Handover <handover@control.example>', to: ['sre@platform.example'] },
    }
  }

  close(): void {
    this.#server.close()
  }
}

const NO_ONE: PlanNotify = { responsible: undefined, slack: undefined, email: [], webhook: undefined }
const MIGRATIONS = [{ name: '0001_notifications', sql: NOTIFICATIONS_SQL }]

for (const engine of testDatabases()) {
  describe(`notifications on ${engine.kind}`, () => {
    let store: TestDatabase
    let receivers: Receivers
    let mailbox: Mailbox
    let email: EmailSettings
    let cursors: NotificationCursors
    let notifier: Notifier | undefined
    let events: TimelineEvent[]
    let chosen: PlanNotify
    const lines: string[] = []
    const outcomes: Array<readonly [ChannelName, string]> = []
    let count = 0
    before(async () => {
      store = await engine.open()
      mailbox = new Mailbox()
      email = await mailbox.open()
    })
    after(async () => {
      mailbox.close()
      await store.close()
    })
    beforeEach(async () => {
      events = []
      chosen = NO_ONE
      lines.length = outcomes.length = mailbox.mails.length = mailbox.rejects = 0
      receivers = new Receivers()
      await receivers.open()
      const schema = `notifications_${'abcdefghijklmnop'[count++]}`
      await migrate(store.database, schema, MIGRATIONS)
      cursors = new NotificationCursors(store.database, schema)
    })
    afterEach(async () => {
      await notifier?.close()
      receivers.close()
    })

    const everywhere = (): NotificationSettings => ({
      slack: { apiUrl: `${receivers.url}/slack`, token: SECRET, channel: 'C0123ABCD' },
      webhook: { url: `${receivers.url}/hook/${SECRET}`, secret: Buffer.from(SECRET), planOrigins: [receivers.url] },
      email,
    })
    function start(settings: NotificationSettings, intervalMs = 20): Notifier {
      notifier = new Notifier({
        cursors,
        channels: channelsOf(settings),
        timeline: {
          rollout: async (id) =>
            id === ROLLOUT.id
              ? { about: { ...ROLLOUT, responsible: chosen.responsible }, receivers: chosen }
              : undefined,
          events: async (_id, after, until) => events.filter(({ number }) => number > after && number <= until),
        },
        log: createLog('control', { destination: { write: (text: string) => lines.push(text) } }),
        intervalMs,
        retryMs: [5, 20],
        onOutcome: (channel, outcome) => outcomes.push([channel, outcome]),
      })
      return notifier
    }
    const happens = async (kind: string, sentence: string, rolloutId = ROLLOUT.id) => {
      const number = events.length + 1
      events.push({ number, at: '2026-11-30T08:00:00Z', by: 'engine', kind, sentence, evidence: {} })
      await store.database.transaction(async (tx) => notifier?.note(tx, rolloutId, number))
    }
    const told = (what: string, look: () => boolean) =>
      eventually(what, async () => {
        notifier?.wake()
        return look()
      })
    const nothingLeft = () =>
      eventually('every event is sent', async () => {
        notifier?.wake()
        return (await cursors.counts()).length === 0
      })

    test('Slack, the webhook and the mail server each receive an event', async () => {
      start(everywhere())
      await happens('held', 'It holds because rails fails too')
      await nothingLeft()
      const [post] = receivers.at('/slack/chat.postMessage')
      assert.equal(post?.headers['authorization'], `Bearer ${SECRET}`)
      assert.equal(post?.json.channel, 'C0123ABCD')
      assert.equal(post?.json.text, 'Rollout wave-2 on production: It holds because rails fails too')
      const [hook] = receivers.at('/hook')
      const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = hook?.headers ?? {}
      assert.equal(signature, signatureOf(Buffer.from(SECRET), String(id), String(at), hook?.body ?? ''))
      assert.equal(hook?.json.data.events[0].sentence, 'It holds because rails fails too')
      const [mail = ''] = mailbox.mails
      assert.match(mail, /^Subject: Rollout wave-2 on production: It holds because rails fails too\r?$/m)
      assert.match(mail, /handover rollout resume 3/)
    })

    test('the plan chooses another Slack channel, further receivers and the responsible person', async () => {
      start(everywhere())
      chosen = {
        responsible: 'alice',
        slack: 'C0PLAN',
        email: ['team@platform.example'],
        webhook: `${receivers.url}/plan`,
      }
      await happens('held', 'It holds because rails fails too')
      await nothingLeft()
      const [post] = receivers.at('/slack')
      assert.equal(post?.json.channel, 'C0PLAN')
      assert.match(JSON.stringify(post?.json.blocks), /responsible: alice/)
      const [configured, planned] = [receivers.at('/hook')[0], receivers.at('/plan')[0]]
      assert.equal(planned?.headers['webhook-signature'], configured?.headers['webhook-signature'])
      assert.equal(planned?.json.data.rollout.responsible, 'alice')
      assert.match(mailbox.mails[0] ?? '', /^To: sre@platform.example, team@platform.example\r?$/m)
      assert.match(mailbox.mails[0] ?? '', /^Responsible: alice\r?$/m)
    })

    test('the webhook of a plan whose origin the operator does not allow receives nothing', async () => {
      const { webhook } = everywhere()
      start({ webhook: webhook && { ...webhook, planOrigins: ['https://hooks.example'] } })
      chosen = { ...NO_ONE, webhook: `${receivers.url}/plan` }
      await happens('held', 'It holds because rails fails too')
      await nothingLeft()
      assert.deepEqual([receivers.at('/hook').length, receivers.at('/plan').length], [1, 0])
    })

    test('the webhook of a plan receives a message although the configured one does not answer', async () => {
      receivers.answer = ({ path }) => (path.startsWith('/hook') ? 'close' : undefined)
      start({ webhook: everywhere().webhook })
      chosen = { ...NO_ONE, webhook: `${receivers.url}/plan` }
      await happens('held', 'It holds because rails fails too')
      await told('the configured webhook was tried', () => receivers.at('/hook').length > 1)
      assert.ok(receivers.at('/plan').length > 0)
      receivers.answer = () => undefined
      await nothingLeft()
      const ids = [...receivers.at('/hook'), ...receivers.at('/plan')].map(({ headers }) => headers['webhook-id'])
      assert.equal(new Set(ids).size, 1)
    })

    test('all messages about one rollout are one thread in Slack and one conversation in the mail', async () => {
      start(everywhere())
      await happens('started', 'Alice started it')
      await nothingLeft()
      await happens('completed', 'All applications are moved')
      await nothingLeft()
      const [first, second] = receivers.at('/slack')
      assert.equal(first?.json.thread_ts, undefined)
      assert.deepEqual([second?.json.thread_ts, second?.json.reply_broadcast], ['1.1', true])
      const [root = '', reply = ''] = mailbox.mails
      const id = /^Message-ID: (.*?)\r?$/m.exec(root)?.[1]
      assert.equal(/^In-Reply-To: (.*?)\r?$/m.exec(reply)?.[1], id)
    })

    test('events within the interval are reported in one message', async () => {
      start({ slack: everywhere().slack }, 3_600_000)
      await happens('started', 'Alice started it')
      await nothingLeft()
      for (let step = 1; step <= 30; step++) await happens('step', `Step ${step} began`)
      notifier?.wake()
      assert.deepEqual(await cursors.counts(), [{ channel: 'slack', waiting: 1, failing: 0, last_error: null }])
      assert.equal(receivers.at('/slack').length, 1)
    })

    test('a receiver that was away for long gets one message, and delays no other', async () => {
      receivers.answer = ({ path }) => (path.startsWith('/slack') ? { status: 503 } : undefined)
      start({ slack: everywhere().slack, webhook: everywhere().webhook })
      for (let step = 1; step <= 25; step++) await happens('step', `Step ${step} began`)
      await told('the webhook has its message', () => receivers.at('/hook').length > 0)
      await told('Slack was tried often', () => receivers.at('/slack').length >= 15)
      receivers.answer = () => undefined
      const before = receivers.at('/slack').length
      await nothingLeft()
      const posts = receivers.at('/slack').slice(before)
      assert.equal(posts.length, 1)
      assert.match(JSON.stringify(posts[0]?.json.blocks), /Step 25 began.*15 more events/)
    })

    test('a message that its receiver rejects is dropped after three attempts, and the next one is delivered', async () => {
      receivers.answer = () => ({ json: { ok: false, error: 'invalid_blocks' } })
      start({ slack: everywhere().slack })
      await happens('started', 'Alice started it')
      await told('it is dropped', () => outcomes.some(([, outcome]) => outcome === 'dropped'))
      assert.equal(receivers.at('/slack').length, 3)
      receivers.answer = () => undefined
      await happens('completed', 'All applications are moved')
      await nothingLeft()
      assert.deepEqual(outcomes.at(-1), ['slack', 'delivered'])
    })

    test('a mail server that has no room is tried again', async () => {
      mailbox.rejects = 2
      start({ email })
      await happens('held', 'It holds')
      await nothingLeft()
      assert.equal(mailbox.mails.length, 1)
      assert.deepEqual(outcomes, [
        ['email', 'failed'],
        ['email', 'failed'],
        ['email', 'delivered'],
      ])
    })

    test('no secret and no text of a receiver reaches the log or the database', async () => {
      receivers.answer = () => ({ status: 500, json: { error: SECRET } })
      mailbox.rejects = 1
      start({ ...everywhere(), email: { ...email, user: { name: 'handover', password: 'another' } } })
      await happens('held', 'It holds')
      await told('each channel failed', () => new Set(outcomes.map(([channel]) => channel)).size === 3)
      assert.doesNotMatch(lines.join(''), new RegExp(SECRET))
      const rows = await store.database.query(
        `select last_error from notifications_${'abcdefghijklmnop'[count - 1]}.notification_cursors`,
      )
      assert.doesNotMatch(JSON.stringify(rows), new RegExp(SECRET))
    })

    test('events of a deleted rollout and events that concern no receiver are skipped', async () => {
      start({ slack: everywhere().slack })
      await happens('held', 'It holds', 99)
      await happens('looked', 'The engine looked')
      await nothingLeft()
      assert.equal(receivers.received.length, 0)
    })

    test('two replicas deliver each message once', async () => {
      const one = start({ slack: everywhere().slack })
      const other = start({ slack: everywhere().slack })
      await happens('started', 'Alice started it')
      await eventually('it is told', async () => {
        one.wake()
        other.wake()
        return (await cursors.counts()).length === 0
      })
      await one.close()
      assert.equal(receivers.at('/slack').length, 1)
    })
  })
}
