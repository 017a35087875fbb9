import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INTERNAL_PATHS } from '../handoff/index.ts'
import { authorizeUrl, confidential, SECRET } from './testing/clients.ts'
import { startPlatform, testDatabases } from './testing/platform.ts'

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL'])) {
  test(`without its store (${name}) the service is alive but not ready, and reports no error of client or user`, async () => {
    const database = await open()
    const platform = await startPlatform(database, 'iam_faults')
    try {
      await database.close()
      const get = (url: string) => fetch(url, { redirect: 'manual' })
      assert.equal((await get(`${platform.iam.internalUrl}/healthz`)).status, 200)
      assert.equal((await get(`${platform.iam.internalUrl}/readyz`)).status, 503)

      const form = { grant_type: 'client_credentials', client_id: confidential.client_id, client_secret: SECRET }
      const token = await fetch(`${platform.iam.url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
      assert.equal(token.status, 503)
      assert.ok(token.headers.get('retry-after'))
      assert.equal(((await token.json()) as { error: string }).error, 'temporarily_unavailable')

      const page = await get(platform.iam.url + authorizeUrl(confidential))
      assert.equal(page.status, 503)
      assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
      assert.equal((await platform.internal('GET', INTERNAL_PATHS.clients)).status, 500)
      assert.ok(!platform.logLines.join('').includes(SECRET))
    } finally {
      await platform.close()
    }
  })
}
