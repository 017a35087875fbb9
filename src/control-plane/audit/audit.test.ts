import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Registry } from 'prom-client'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { createLog } from '../../observability/index.ts'
import { openStore } from '../state/store.ts'
import { appendEntry, chainHead } from './audit-log.ts'
import { AuditWatch } from './audit-watch.ts'
import { canonicalHash } from './canonical.ts'
import { SYSTEM_CONTEXT } from './change-context.ts'
import { NO_HASH, type SealedEntry } from './entry.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const PATH = `/api/v4/features/${FLAG}`
const ISSUE = 'https://gitlab.example/production/-/issues/1'

for (const engine of testDatabases()) {
  describe(`the audit log on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database, { reasonsRequired: ['production'] })
      for (const id of [1, 2]) await plane.announce(testApplication(id))
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    const entries = async (query = ''): Promise<SealedEntry[]> => {
      const answer = await plane.ask('GET', `/api/v1/audit${query}`)
      assert.equal(answer.status, 200, answer.text)
      // The sentence is for people, and no part of what is hashed.
      return answer.json.entries.map(({ sentence: _sentence, ...entry }: SealedEntry & { sentence: string }) => entry)
    }
    const newest = async (): Promise<SealedEntry> => {
      const [entry] = await entries('?limit=1')
      assert.ok(entry)
      return entry
    }
    const set = async (json: Record<string, unknown>, headers: Record<string, string> = {}) => {
      const answer = await plane.ask('POST', PATH, { json: { environment: 'dev', ...json }, headers })
      assert.equal(answer.status, 201, answer.text)
      return answer.json
    }
    /** Does what only the database's owner can do: changes the log with the trigger disabled. */
    const tamper = async (work: () => Promise<unknown>) => {
      const trigger = 'trigger audit_log_is_append_only'
      await store.database.query(`alter table ${plane.schema}.audit_log disable ${trigger}`)
      await work()
      await store.database.query(`alter table ${plane.schema}.audit_log enable ${trigger}`)
    }
    const verification = async (query = '') => (await plane.ask('GET', `/api/v1/audit/verification${query}`)).json

    test('a change of a flag is recorded with who, from where, what and why', async () => {
      await set(
        { value: 'true', oauth_application: '1', reason: 'first application', change_issue_url: ISSUE },
        { 'x-request-id': 'request-1' },
      )
      const { number, at, hash, previous_hash, ...entry } = await newest()
      assert.deepEqual(entry, {
        by: 'administrator',
        role: 'administrator',
        door: 'api',
        from: '127.0.0.1',
        action: 'flag.set',
        environment: 'dev',
        subject: FLAG,
        reason: 'first application',
        change_issue_url: ISSUE,
        before: null,
        after: {
          boolean: false,
          actors: ['Authn::OauthApplication:1'],
          percentage_of_actors: 0,
          percentage_of_time: 0,
          feature_groups: [],
          opted_out: [],
        },
        details: null,
        correlation_id: 'request-1',
      })
      assert.ok(number > 0)
      assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
      assert.equal(hash, canonicalHash({ ...entry, number, at, previous_hash }))
    })

    test('a change without effect and a refused change are not recorded', async () => {
      const { number } = await newest()
      await set({ value: 'true', oauth_application: '1' })
      assert.equal((await plane.ask('POST', PATH, { json: { value: 'perhaps' } })).status, 400)
      assert.equal(
        (await plane.ask('POST', PATH, { json: { value: 'true', environment: 'dev', if_version: 0 } })).status,
        409,
      )
      assert.equal((await newest()).number, number)
    })

    test('deleting, restoring, the brake and manual application changes are recorded; replication is not', async () => {
      const first = (await newest()).number
      assert.equal((await plane.ask('DELETE', `${PATH}?environment=dev&reason=over`)).status, 204)
      await plane.ask('POST', `/api/v1/flags/${FLAG}/restore`, { json: { environment: 'dev' } })
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'IAM is slow', environment: 'dev' } })
      await plane.ask('PUT', '/api/v1/brake', { json: { on: false, environment: 'dev' } })
      await plane.announce(testApplication(3, { secret_digest: 'ab'.repeat(64) }))
      await plane.ask('DELETE', '/api/v1/applications/3?version=2')
      const json = { application: testApplication(4), iam_version: 1 }
      await plane.ask('PUT', '/api/v1/applications/4', { json, token: plane.replicationToken })
      const written = (await entries()).filter(({ number }) => number > first).reverse()
      assert.deepEqual(
        written.map(({ action, subject, reason }) => [action, subject, reason]),
        [
          ['flag.delete', FLAG, 'over'],
          ['flag.restore', FLAG, null],
          ['brake.on', 'brake', 'IAM is slow'],
          ['brake.off', 'brake', null],
          ['application.put', 'Authn::OauthApplication:3', null],
          ['application.remove', 'Authn::OauthApplication:3', null],
        ],
      )
      const text = JSON.stringify(written)
      assert.ok(!text.includes('abab'), text)
      assert.match(text, /"has_secret":true/)
    })

    test('each entry holds the hash of the previous one, and the whole log is valid', async () => {
      const all = (await entries()).reverse()
      let previous = NO_HASH
      for (const [index, { hash, ...entry }] of all.entries()) {
        assert.deepEqual([entry.number, entry.previous_hash], [index + 1, previous])
        assert.equal(hash, canonicalHash(entry))
        previous = hash
      }
      const head = { number: all.length, hash: previous }
      assert.deepEqual(await verification(), { valid: true, sound: all.length, head, broken: null })
      assert.equal((await verification(`?number=${head.number}&hash=${head.hash}`)).valid, true)
    })

    test('concurrent writes of replicas form one chain', async () => {
      const other = await startTestControlPlane(store.database, { schema: plane.schema, directory: plane.directory })
      try {
        await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            (index % 2 === 0 ? plane : other).ask('POST', '/api/v4/features/replicas_at_once', {
              json: { value: String(index + 1), key: 'percentage_of_actors', force: true, environment: 'pre' },
            }),
          ),
        )
        const changes = await entries('?subject=replicas_at_once')
        assert.equal(changes.length, 20)
        assert.equal((await verification()).valid, true)
        const [one] = changes
        assert.deepEqual(await entries(`?correlation_id=${one?.correlation_id}`), [one])
      } finally {
        await other.close()
      }
    })

    test('neither a program nor a statement can change or remove an entry', async () => {
      for (const statement of [
        `update ${plane.schema}.audit_log set hash = 'x'`,
        `delete from ${plane.schema}.audit_log`,
        `truncate ${plane.schema}.audit_log`,
      ]) {
        await assert.rejects(store.database.query(statement), /the audit log is append-only/, statement)
      }
    })

    test('a failed write leaves neither change nor entry', async () => {
      const control = openStore(store.database, plane.schema)
      const head = await chainHead(control)
      const failing = control.write(async (tx) => {
        await tx.record({
          context: SYSTEM_CONTEXT,
          action: 'sign_in',
          environment: null,
          subject: 'x',
          before: null,
          after: null,
        })
        throw new Error('after the entry')
      })
      await assert.rejects(failing, /after the entry/)
      assert.deepEqual(await chainHead(control), head)
    })

    test('an altered, removed or inserted entry is found, and the first one is named', async () => {
      const table = `${plane.schema}.audit_log`
      const [row] = await store.database.query<{ entry: object }>(`select entry from ${table} where number = 3`)
      assert.ok(row)
      const put = (entry: object) =>
        store.database.query(`update ${table} set entry = $1 where number = 3`, [JSON.stringify(entry)])
      await tamper(() => put({ ...row.entry, by: 'somebody else' }))
      const altered = await verification()
      assert.deepEqual([altered.valid, altered.sound, altered.broken], [false, 2, { number: 3, why: 'altered' }])
      // With a hash recomputed to match, the next entry no longer follows.
      const forged = { ...row.entry, by: 'somebody else' }
      await tamper(() =>
        store.database.query(`update ${table} set hash = $1 where number = 3`, [canonicalHash(forged)]),
      )
      assert.deepEqual((await verification()).broken, { number: 4, why: 'unlinked' })
      await tamper(() =>
        store.database.query(`update ${table} set entry = $1, hash = $2 where number = 3`, [
          JSON.stringify(row.entry),
          canonicalHash(row.entry),
        ]),
      )
      assert.equal((await verification()).valid, true)
    })

    test('a truncated or rewritten log differs from an entry noted elsewhere', async () => {
      const control = openStore(store.database, plane.schema)
      const { number, hash } = await chainHead(control)
      const cut = await verification(`?number=${number + 1}&hash=${hash}`)
      assert.deepEqual(cut.broken, { number: number + 1, why: 'missing' })
      const anew = await verification(`?number=${number}&hash=${'a'.repeat(64)}`)
      assert.deepEqual(anew.broken, { number, why: 'not_as_remembered' })
      const half = await plane.ask('GET', `/api/v1/audit/verification?number=${number}`)
      assert.deepEqual([half.status, half.json.errors], [400, [{ field: 'hash', rule: 'is required as well' }]])
    })

    test('a truncated log is invalid, even if no one noted its end and new entries follow', async () => {
      const table = `${plane.schema}.audit_log`
      const [last] = await store.database.query<{ number: number; entry: object; hash: string }>(
        `select number, entry, hash from ${table} order by number desc limit 1`,
      )
      assert.ok(last)
      await tamper(() => store.database.query(`delete from ${table} where number = $1`, [last.number]))
      assert.deepEqual((await verification('')).broken, { number: last.number, why: 'missing' })
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'later', environment: 'dev' } })
      assert.deepEqual((await verification('')).broken, { number: last.number, why: 'missing' })
      await store.database.query(`insert into ${table} (number, entry, hash) values ($1, $2, $3)`, [
        ...[last.number, JSON.stringify(last.entry), last.hash],
      ])
      assert.equal((await verification('')).valid, true)
    })
    test('the control plane verifies the log itself, and detects an end truncated since the last check', async () => {
      const lines: string[] = []
      const log = createLog('control', { level: 'info', destination: { write: (line) => void lines.push(line) } })
      const registry = new Registry()
      const control = openStore(store.database, plane.schema)
      const watch = new AuditWatch(control, log, registry)
      const broken = async () => /^handover_control_audit_log_broken (\d)$/m.exec(await registry.metrics())?.[1]
      try {
        await watch.verify()
        assert.equal(await broken(), '0')
        const table = `${plane.schema}.audit_log`
        const [last] = await store.database.query<{ number: number; entry: object; hash: string }>(
          `select number, entry, hash from ${table} order by number desc limit 1`,
        )
        assert.ok(last)
        await tamper(() => store.database.query(`delete from ${table} where number = $1`, [last.number]))
        for (let look = 0; look < 2; look++) {
          await watch.verify()
          assert.equal(await broken(), '1')
        }
        const { level, msg, number, why } = JSON.parse(lines.at(-1) ?? '')
        assert.deepEqual([level, msg, number, why], ['error', 'the audit log is broken', last.number, 'missing'])
        await store.database.query(`insert into ${table} (number, entry, hash) values ($1, $2, $3)`, [
          ...[last.number, JSON.stringify(last.entry), last.hash],
        ])
        await watch.verify()
        assert.equal(await broken(), '0')
      } finally {
        watch.close()
      }
    })

    test('entries are found by environment, subject, person, action and time, page by page', async () => {
      assert.ok((await entries('?environment=pre')).every(({ environment }) => environment === 'pre'))
      assert.ok((await entries('?action=brake.on')).every(({ action }) => action === 'brake.on'))
      assert.equal((await entries('?by=nobody')).length, 0)
      assert.equal((await entries('?since=2100-01-01')).length, 0)
      assert.equal((await entries('?until=2000-01-01T00:00:00%2B02:00')).length, 0)
      const all = await entries()
      const [, second] = all
      assert.ok(second)
      assert.deepEqual(
        (await entries(`?until=${second.at.replace(/\d{3}Z/, 'Z')}`)).filter(({ number }) => number > second.number),
        [],
      )
      const pages: number[] = []
      for (let next: number | null = all.length + 1; next !== null; ) {
        const { json } = await plane.ask('GET', `/api/v1/audit?limit=7&before=${next}`)
        pages.push(...json.entries.map(({ number }: SealedEntry) => number))
        next = json.next_before
      }
      assert.deepEqual(
        pages,
        all.map(({ number }) => number),
      )
      for (const [query, field] of [
        ['?since=yesterday', 'since'],
        ['?limit=0', 'limit'],
        ['?environment=prod', 'environment'],
        ['?whom=me', 'whom'],
      ]) {
        const answer = await plane.ask('GET', `/api/v1/audit${query}`)
        assert.deepEqual([answer.status, answer.json.errors[0].field], [400, field])
      }
    })

    test('production changes towards IAM require a reason and name what is missing; a rollback does not', async () => {
      const rule = 'must be given for a change towards IAM in this environment'
      const ask = (json: object, headers = {}) => plane.ask('POST', PATH, { json, headers })
      const bare = await ask({ value: 'true' })
      assert.deepEqual(
        [bare.status, bare.json.message],
        [400, `400 Bad request - reason: ${rule}; change_issue_url: ${rule}`],
      )
      const half = await ask({ value: 'true', reason: 'all of them' })
      assert.equal(half.json.message, `400 Bad request - change_issue_url: ${rule}`)
      const form = { value: 'true', reason: 'all of them', change_issue_url: ISSUE }
      assert.equal((await plane.ask('POST', PATH, { form })).status, 201)
      assert.equal((await ask({ value: 'false' })).status, 201)
      const headers = { 'x-change-reason': Buffer.from('für alle').toString('latin1'), 'x-change-issue': ISSUE }
      assert.equal((await ask({ value: 'true' }, headers)).status, 201)
      assert.equal((await newest()).reason, 'für alle')
      assert.equal((await plane.ask('DELETE', `${PATH}?confirm=true`)).status, 204)
      const restore = await plane.ask('POST', `/api/v1/flags/${FLAG}/restore`, { json: {} })
      assert.deepEqual(
        [restore.status, restore.json.errors],
        [
          400,
          [
            { field: 'reason', rule },
            { field: 'change_issue_url', rule },
          ],
        ],
      )
      assert.equal((await plane.ask('PUT', '/api/v1/brake', { json: { on: true } })).status, 200)
      const release = await plane.ask('PUT', '/api/v1/brake', { json: { on: false, reason: 'IAM is back' } })
      assert.deepEqual([release.status, release.json.errors], [400, [{ field: 'change_issue_url', rule }]])
      const off = { on: false, reason: 'IAM is back', change_issue_url: ISSUE }
      assert.equal((await plane.ask('PUT', '/api/v1/brake', { json: off })).status, 200)
    })

    test('a reason that contains a credential, and an invalid link, are refused with the field named', async () => {
      const { number } = await newest()
      const cases = [
        [{ reason: `token ${plane.adminToken}` }, 'reason: must not hold a credential'],
        [{ reason: 'x'.repeat(501) }, 'reason: must be at most 500 characters'],
        [{ change_issue_url: 'javascript:alert(1)' }, 'change_issue_url: must be an http or https URL'],
        [{ change_issue_url: 'https://me:secret@gitlab.example/1' }, 'change_issue_url: must hold no user name'],
        [
          { change_issue_url: `${ISSUE}?private_token=glpat-abcdefghijkl` },
          'change_issue_url: must not hold a credential',
        ],
      ] as const
      for (const [said, message] of cases) {
        const answer = await plane.ask('POST', PATH, {
          json: { value: '7', key: 'percentage_of_actors', environment: 'dev', ...said },
        })
        assert.deepEqual([answer.status, answer.json.message], [400, `400 Bad request - ${message}`])
      }
      assert.equal((await newest()).number, number)
    })

    test('a flag is restored to the state before or after any entry, and the restore is recorded', async () => {
      const environment = 'staging'
      await set({ value: '10', key: 'percentage_of_actors', environment })
      const ten = (await newest()).number
      await set({ value: '20', key: 'percentage_of_actors', environment })
      await set({ value: 'false', environment })
      const restore = (number: number, json: object) => plane.ask('POST', `/api/v1/audit/${number}/restore`, { json })
      const twenty = await restore(ten + 1, { to: 'after', reason: 'it was not the flag' })
      assert.deepEqual([twenty.status, twenty.json.state.percentage_of_actors], [200, 20])
      const { action, details, reason, after: now } = await newest()
      assert.deepEqual(
        [action, details, reason, (now as { percentage_of_actors: number }).percentage_of_actors],
        ['flag.restore', { restores: { number: ten + 1, to: 'after' } }, 'it was not the flag', 20],
      )
      assert.equal((await restore(ten + 1, { to: 'after' })).json.outcome, 'unchanged')
      assert.equal((await restore(ten, {})).json.state, null)
      const shown = await plane.ask('GET', '/api/v4/features?environment=staging')
      assert.deepEqual(shown.json, [])
      assert.equal((await restore(ten, { if_version: 1 })).status, 409)
    })

    test('a brake can be restored too; an entry that cannot be restored says why', async () => {
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'fire', environment: 'pre' } })
      const { number } = await newest()
      const back = await plane.ask('POST', `/api/v1/audit/${number}/restore`, { json: {} })
      assert.deepEqual([back.status, back.json.state], [200, { on: false, reason: '' }])
      assert.equal((await plane.ask('GET', '/api/v1/brake?environment=pre')).json.on, false)
      const [application] = await entries('?action=application.put')
      assert.ok(application)
      const refused = await plane.ask('POST', `/api/v1/audit/${application.number}/restore`, { json: {} })
      assert.deepEqual([refused.status, refused.json.code], [409, 'change_refused'])
      assert.match(refused.json.detail, /is of application\.put: only flags and brakes/)
      assert.equal((await plane.ask('POST', '/api/v1/audit/999999/restore', { json: {} })).status, 404)
    })

    test('an altered entry cannot be restored', async () => {
      const [entry] = await entries('?action=flag.set')
      assert.ok(entry)
      const table = `${plane.schema}.audit_log`
      const flip = (by: string) =>
        tamper(() =>
          store.database.query(
            `update ${table} set entry = jsonb_set(entry, '{by}', to_jsonb($1::text)) where number = $2`,
            [by, entry.number],
          ),
        )
      await flip('somebody else')
      const answer = await plane.ask('POST', `/api/v1/audit/${entry.number}/restore`, { json: {} })
      assert.equal(answer.status, 409)
      assert.match(answer.json.detail, /not as it was written/)
      await flip(entry.by)
      assert.equal((await verification()).valid, true)
    })

    test('the JSONL export is the whole chain, the CSV export a table without formulas', async () => {
      await set({ value: 'true', oauth_application: '2', reason: '=HYPERLINK("https://evil.example")' })
      const jsonl = await plane.ask('GET', '/api/v1/audit/export')
      assert.match(jsonl.headers.get('content-type') ?? '', /^application\/x-ndjson/)
      const lines = jsonl.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as SealedEntry)
      assert.deepEqual(lines, (await entries('?limit=1000')).reverse())
      const csv = await plane.ask('GET', '/api/v1/audit/export?format=csv&environment=dev')
      assert.match(csv.headers.get('content-disposition') ?? '', /filename="handover-audit\.csv"/)
      const [head, ...rows] = csv.text.trimEnd().split('\r\n')
      assert.match(head ?? '', /^number,at,by,role,door,from,action,environment,subject,reason,/)
      assert.match(rows.at(-1) ?? '', /,"'=HYPERLINK\(""https:\/\/evil\.example""\)",/)
      assert.ok(rows.every((row) => row.includes(',dev,')))
    })

    test('an export of more than one page is complete', async () => {
      const control = openStore(store.database, plane.schema)
      await control.write(async (tx) => {
        for (let index = 0; index < 1_200; index++) {
          const event = {
            action: 'sign_in',
            environment: null,
            subject: `person ${index}`,
            before: null,
            after: null,
          } as const
          await appendEntry(tx, plane.schema, { context: SYSTEM_CONTEXT, ...event })
        }
        return { change: undefined, result: undefined }
      })
      const { number } = await chainHead(control)
      const { text } = await plane.ask('GET', '/api/v1/audit/export')
      assert.equal(text.split('\n').length - 1, number)
      assert.deepEqual([(await verification()).valid, (await verification()).sound], [true, number])
    })

    test('an operator restores only in its environments, and a refusal is recorded', async () => {
      const json = { role: 'operator', name: 'olga', environments: ['dev'] }
      const { token, id } = (await plane.ask('POST', '/api/v1/tokens', { json })).json
      const [created] = await entries('?limit=1')
      assert.deepEqual([created?.action, created?.subject, created?.details], ['token.create', 'olga', { id }])
      assert.ok(!JSON.stringify(created).includes(token))
      const restore = async (environment: string) => {
        const [entry] = await entries(`?environment=${environment}&action=flag.set`)
        assert.ok(entry)
        return plane.ask('POST', `/api/v1/audit/${entry.number}/restore`, { json: { to: 'after' }, token })
      }
      assert.equal((await restore('dev')).status, 200)
      const refused = await restore('staging')
      assert.deepEqual([refused.status, refused.json.detail], [403, 'olga may not change staging'])
      assert.equal((await plane.ask('POST', `${PATH}?environment=pre`, { json: { value: 'true' }, token })).status, 403)
      assert.equal((await plane.ask('POST', '/api/v1/tokens', { json, token })).status, 403)
      const found = await eventually('the refusals are written down', async () => {
        const those = await entries('?action=access.refused&by=olga')
        return those.length === 3 && those
      })
      assert.deepEqual(found.map(({ subject, environment, role }) => [subject, environment, role]).sort(), [
        ['POST /api/v1/audit/:number/restore', null, 'operator'],
        ['POST /api/v1/tokens', null, 'operator'],
        ['POST /api/v4/features/:name', 'pre', 'operator'],
      ])
    })

    test('repeated refusals do not fill the log', async () => {
      const { schema, directory } = plane
      const busy = await startTestControlPlane(store.database, { schema, directory })
      for (let asked = 0; asked < 100; asked += 20) {
        const token = busy.replicationToken
        const refused = Array.from({ length: 20 }, () => busy.ask('GET', '/api/v1/audit', { token }))
        for (const { status } of await Promise.all(refused)) assert.equal(status, 403)
      }
      // Pending entries are written by the time it has stopped.
      await busy.close()
      const written = (await entries('?action=access.refused&by=replication&limit=1000')).length
      assert.ok(written >= 60 && written < 100, `${written} of 100`)
      assert.equal((await verification()).valid, true)
    })

    test('only people can read it', async () => {
      for (const path of ['/api/v1/audit', '/api/v1/audit/verification', '/api/v1/audit/export']) {
        assert.equal((await plane.ask('GET', path, { token: null })).status, 401)
        assert.equal((await plane.ask('GET', path, { token: plane.gatewayToken })).status, 403)
      }
    })
  })
}
