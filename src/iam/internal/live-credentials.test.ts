import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Application } from '../../applications/index.ts'
import { INTERNAL_PATHS, liveCredentialsSchema, revokedBatchSchema } from '../../handoff/index.ts'
import type { Database } from '../../storage/index.ts'
import { Browser } from '../testing/browser.ts'
import { authorizeUrl, confidential, exchange, postForm, replicateAll, SECRET, trusted } from '../testing/clients.ts'
import { type Platform, startPlatform, testDatabases } from '../testing/platform.ts'

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`the live credentials of an application, on ${name}`, () => {
    let database: Database
    let platform: Platform
    before(async () => {
      database = await open()
      platform = await startPlatform(database, 'iam_live', {})
      await replicateAll(platform)
    })
    after(async () => {
      await platform.close()
      await database.close()
    })
    beforeEach(() => fetch(`${platform.origin}/__lab/reset`, { method: 'POST' }))

    const own = { client_id: confidential.client_id, client_secret: SECRET }
    const codeOf = async () =>
      (await new Browser(platform.origin).go(authorizeUrl(confidential))).location?.searchParams.get('code') ?? ''
    const machineToken = async (application: Application) => {
      const form = { grant_type: 'client_credentials', client_id: application.client_id, client_secret: SECRET }
      return String((await postForm(platform, '/oauth/token', form)).json['access_token'])
    }
    const isActive = async (token: unknown) =>
      ((await platform.internal('POST', INTERNAL_PATHS.introspect, { token })).json as { active: boolean }).active
    const live = async (query = '') =>
      liveCredentialsSchema.parse((await platform.internal('GET', `${INTERNAL_PATHS.credentials}${query}`)).json)
    const revoke = (body: unknown) => platform.internal('POST', INTERNAL_PATHS.credentialsRevoke, body)

    test('are counted by kind with their expiry, in pages, without used ones', async () => {
      const { json: pair } = await exchange(platform, await codeOf())
      await postForm(platform, '/oauth/token', {
        ...own,
        grant_type: 'refresh_token',
        refresh_token: String(pair['refresh_token']),
      })
      await codeOf()
      await postForm(platform, '/oauth/authorize_device', { ...own, scope: 'api' })
      await machineToken(trusted)
      const { applications, next } = await live()
      assert.deepEqual(
        applications.map(({ client_id }) => client_id),
        [confidential.client_id, trusted.client_id],
      )
      const [first] = applications
      assert.deepEqual(first?.refresh_tokens, { count: 1, families: 1, without_expiry: 1 })
      assert.deepEqual([first?.access_tokens.count, first?.codes.count, first?.device_codes.count], [1, 1, 1])
      const seconds = (Date.parse(first?.access_tokens.latest_expiry ?? '') - Date.now()) / 1_000
      assert.ok(seconds > 7_000 && seconds <= 7_200, `${seconds} s`)
      assert.equal(next, null)
      const page = await live('?limit=1')
      assert.deepEqual([page.applications.length, page.next], [1, 1])
      assert.equal((await live('?limit=2&after=1')).applications[0]?.client_id, trusted.client_id)
      assert.equal((await live(`?client_id=${trusted.client_id}`)).applications.length, 1)
      await fetch(`${platform.origin}/__lab/advance?seconds=10000`, { method: 'POST' })
      const later = (await live()).applications
      assert.deepEqual(
        later.map((one) => [one.client_id, one.access_tokens.count, one.refresh_tokens.count]),
        [[confidential.client_id, 0, 1]],
      )
    })

    test('are revoked for that application only, recorded, once; a revoked refresh token is an invalid grant', async () => {
      const { json: pair } = await exchange(platform, await codeOf())
      const code = await codeOf()
      const other = await machineToken(trusted)
      const wrong = await revoke({ client_id: confidential.client_id, confirm: trusted.client_id })
      assert.equal(wrong.status, 400)
      assert.ok(await isActive(pair['access_token']))

      const request = { client_id: confidential.client_id, confirm: confidential.client_id }
      const { revoked, done } = revokedBatchSchema.parse((await revoke(request)).json)
      assert.deepEqual([revoked, done], [{ tokens: 1, codes: 1, device_codes: 0 }, true])
      assert.equal(await isActive(pair['access_token']), false)
      const form = { ...own, grant_type: 'refresh_token', refresh_token: String(pair['refresh_token']) }
      const refreshed = await postForm(platform, '/oauth/token', form)
      assert.deepEqual([refreshed.status, refreshed.json['error']], [400, 'invalid_grant'])
      assert.equal((await exchange(platform, code)).json['error'], 'invalid_grant')
      assert.ok(await isActive(other))
      const again = revokedBatchSchema.parse((await revoke(request)).json)
      assert.deepEqual([again.revoked, again.done], [{ tokens: 0, codes: 0, device_codes: 0 }, true])

      const { events } = (await platform.internal('GET', INTERNAL_PATHS.securityEvents)).json as {
        events: Array<Record<string, unknown>>
      }
      const revocations = events.filter(({ kind }) => kind === 'credentials_revoked')
      assert.deepEqual(
        revocations.map((event) => [event['client_id'], event['tokens_revoked'], event['first_used_at']]),
        [[confidential.client_id, 2, null]],
      )
    })

    test('are revoked in batches, and by kind where one is specified', async () => {
      await machineToken(confidential)
      await database.query(`insert into iam_live.tokens (access_hash, family_id, application_id, scopes, created_at, expires_in)
select sha256(convert_to(n::text, 'UTF8')), gen_random_uuid(), 1, 'api', now(), 600 from generate_series(1, 5000) n`)
      const request = { client_id: confidential.client_id, confirm: confidential.client_id }
      await codeOf()
      const codes = revokedBatchSchema.parse((await revoke({ ...request, kinds: ['codes'] })).json)
      assert.deepEqual([codes.revoked, codes.done], [{ tokens: 0, codes: 1, device_codes: 0 }, true])
      const first = revokedBatchSchema.parse((await revoke(request)).json)
      assert.deepEqual([first.revoked.tokens, first.done], [5_000, false])
      const second = revokedBatchSchema.parse((await revoke(request)).json)
      assert.deepEqual([second.revoked.tokens, second.done], [1, true])
    })

    test('reject invalid requests', async () => {
      const confirmed = { client_id: 'unknown', confirm: 'unknown' }
      assert.equal((await revoke(confirmed)).status, 404)
      assert.equal((await revoke({ ...confirmed, kinds: [] })).status, 400)
      assert.equal((await revoke({ client_id: confidential.client_id })).status, 400)
      for (const query of ['?limit=0', '?limit=101', '?after=x', '?client_id=%00']) {
        assert.equal((await platform.internal('GET', INTERNAL_PATHS.credentials + query)).status, 400, query)
      }
    })
  })
