import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { sortOf } from '../../outcomes/outcome-tables.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

for (const engine of testDatabases()) {
  describe(`the document of one application on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      await plane.announce(testApplication(1))
      await plane.announce(testApplication(2), null)
      await plane.announce(testApplication(3))
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    const read = async (id: number | string, query = '') => {
      const answer = await plane.ask('GET', `/api/v1/applications/${id}${query}`)
      assert.equal(answer.status, 200, answer.text)
      return answer.json
    }
    const setFlag = async (value: string, more: object = {}) => {
      const json = { value, oauth_application: '1', reason: 'wave one', ...more }
      const answer = await plane.ask('POST', `/api/v4/features/${FLAG}`, { json })
      assert.equal(answer.status, 201, answer.text)
    }

    test('says where it runs, why, and what to do next', async () => {
      const json = await read('client-1')
      assert.deepEqual([json.id, json.side, json.cohort], [1, 'rails', 'web/https/public/consent/pkce_optional'])
      assert.equal(json.side_sentence, 'New flows start on rails: off for this application.')
      assert.equal(json.verdict, 'No rollout has moved it, so no guard judges it.')
      assert.deepEqual(json.next_action, { verb: 'move', sentence: 'Move it to iam.', allowed: true, reason: null })
      assert.deepEqual([json.readiness, json.parity, json.taken_back_by], [null, null, null])
    })

    test('an action that cannot be done now says why not', async () => {
      const waiting = (await read(2)).next_action
      assert.deepEqual([waiting.allowed, waiting.reason], [false, 'IAM does not hold its current version yet.'])
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'test' } })
      const braked = (await read(1)).next_action
      await plane.ask('PUT', '/api/v1/brake', { json: { on: false } })
      assert.match(braked.reason, /^The brake is on/)
      const { token } = (await plane.ask('POST', '/api/v1/tokens', { json: { role: 'viewer', name: 'vera' } })).json
      const asViewer = (await plane.ask('GET', '/api/v1/applications/1', { token })).json.next_action
      assert.deepEqual([asViewer.allowed, asViewer.reason], [false, 'Your role may read, and change nothing.'])
    })

    test('its history contains what moved it and what was reported, newest first, page by page', async () => {
      await setFlag('true')
      await setFlag('true', { oauth_application: '3' })
      await plane.ask('POST', '/api/v1/problems', {
        json: { environment: 'production', oauth_application: '1', reason: 'users cannot sign in' },
      })
      await setFlag('false')
      await setFlag('true', { environment: 'dev' })
      const { history } = await read(1)
      const sentences = history.entries.map(({ kind, sentence }: { kind: string; sentence: string }) => [
        kind,
        sentence,
      ])
      assert.deepEqual(sentences, [
        ['taken_back', 'Taken back to rails: wave one'],
        [
          'report',
          'administrator reported a problem with application 1 "Application 1", because: users cannot sign in',
        ],
        ['moved', 'Moved to iam: wave one'],
        ['registration', 'administrator registered application 1 "Application 1"'],
      ])
      assert.equal(history.next, null)
      const pages: string[] = []
      for (let next: string | null = ''; next !== null; ) {
        const page = await read(1, `/history?limit=2${next === '' ? '' : `&before=${next}`}`)
        pages.push(...page.entries.map(({ kind }: { kind: string }) => kind))
        next = page.next
      }
      assert.deepEqual(pages, ['taken_back', 'report', 'moved', 'registration'])
      assert.deepEqual(
        (await read(1, '/history?environment=dev')).entries.map(({ kind }: { kind: string }) => kind),
        ['moved', 'registration'],
      )
    })

    test('lists the kinds of flow that succeeded within the last 30 days, on either side', async () => {
      assert.deepEqual((await read(3)).used_kinds, [])
      const day = Math.floor(Date.now() / 86_400_000)
      const sort = (side: 'rails' | 'iam', kind: 'password' | 'refresh' | 'device', cause: 'success' | 'server') =>
        sortOf({ side, kind, cause })
      const counts = [
        [day * 24 - 48, sort('rails', 'password', 'success'), 7],
        [day * 24 - 24, sort('iam', 'password', 'success'), 2],
        [day * 24 - 24, sort('rails', 'refresh', 'server'), 9],
        [day * 24 - 31 * 24, sort('rails', 'device', 'success'), 5],
      ] as const
      for (const count of counts) {
        await store.database.query(
          `insert into ${plane.schema}.outcome_hours (hour, application_id, sort, environment, count)
            values ($1, 3, $2, 'production', $3)`,
          count,
        )
      }
      // The hours of these days have been summed up.
      await store.database.query(
        `update ${plane.schema}.outcome_store set unsummed_hour = greatest(unsummed_hour, $1)`,
        [day * 24],
      )
      const last_on = new Date((day - 1) * 86_400_000).toISOString().slice(0, 10)
      assert.deepEqual((await read(3)).used_kinds, [{ kind: 'password', flows: 9, last_on }])
    })

    test('its flows by kind are shown next to those of the week before it was moved', async () => {
      await setFlag('true')
      const hour = Math.floor(Date.now() / 3_600_000)
      await store.database.query(
        `insert into ${plane.schema}.outcome_hours (hour, application_id, sort, environment, count)
          values ($1, 1, $2, 'production', 40), ($1, 1, $3, 'production', 2)`,
        [
          hour - 30,
          sortOf({ side: 'rails', kind: 'refresh', cause: 'success' }),
          sortOf({ side: 'rails', kind: 'refresh', cause: 'server' }),
        ],
      )
      const { json } = await plane.ask('GET', '/api/v1/traffic?oauth_application=1&range=hour')
      const none = { success: 0, failed: 0, client: 0, user: 0, ours: 0 }
      const before_flip = { ...none, success: 40, failed: 2 }
      assert.deepEqual(json.by_kind, [{ kind: 'refresh', rails: none, iam: none, before_flip }])
    })

    test('a page of its history holds as many exclusions as it may', async () => {
      const plan = {
        ...{ version: 1, name: 'again', flag: FLAG, environment: 'dev', watch: 'unattended' },
        steps: [{ applications: [3] }],
      }
      const { json } = await plane.ask('POST', '/api/v1/rollouts', { json: { plan } })
      await store.database.query(
        `insert into ${plane.schema}.rollout_events (rollout_id, number, at, by, kind, sentence)
          select $1::integer, 1000 + n, now() - n * interval '1 minute', 'rollout-engine', 'excluded',
            ($2::text[])[n % 3 + 1] from generate_series(1, 150) n`,
        [
          json.id,
          [
            'alice took application 3 out',
            'Application 3 taken back: alice reported a problem: blank page',
            'Applications 1, 3, 31 and 4 more taken back: the cohort fails',
          ],
        ],
      )
      const { entries, next } = await read(3, '/history?environment=dev&limit=200')
      assert.equal(entries.filter(({ kind }: { kind: string }) => kind === 'exclusion').length, 150)
      assert.equal(next, null)
    })

    test('a moment that is not written as `next` gives it is refused', async () => {
      for (const moment of ['2026-11-30T12:00:00.000001+02:00', '2026-11-30T12:00:00Z', 'yesterday']) {
        const answer = await plane.ask('GET', `/api/v1/applications/1/history?before=${encodeURIComponent(moment)}`)
        assert.deepEqual([answer.status, answer.json.errors?.[0]?.field], [400, 'before'], moment)
      }
    })

    test('an unknown application is answered with 404', async () => {
      for (const path of ['/api/v1/applications/99', '/api/v1/applications/99/history']) {
        const answer = await plane.ask('GET', path)
        assert.deepEqual([answer.status, answer.json.code], [404, 'unknown_application'])
      }
    })
  })
}
