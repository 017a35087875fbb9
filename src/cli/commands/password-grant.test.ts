import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import type { Command } from '../io.ts'
import { run as applications } from './applications/applications.ts'
import { run as explain } from './explain.ts'
import { run as flag } from './flag/flag.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

describe('commands when IAM may not serve the password grant', () => {
  let store: TestDatabase
  const servers: Server[] = []
  const planes: TestControlPlane[] = []
  before(async () => {
    const [engine] = testDatabases()
    assert.ok(engine)
    store = await engine.open()
  })
  after(async () => {
    for (const plane of planes) await plane.close()
    for (const server of servers) server.close()
    await store.close()
  })

  /** A control plane whose IAM can serve these grant types. */
  const start = async (grantTypes: readonly string[]) => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ grant_types: grantTypes }))
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const plane = await startTestControlPlane(store.database, { iam: { url, token: 'of-the-test' } })
    planes.push(plane)
    await plane.announce(testApplication(1, { policy: { password_grant: 'accept' } }))
    await plane.announce(testApplication(2))
    return async (command: Command, ...args: string[]) => {
      let out = ''
      const write = (text: string) => (out += text)
      const env = { HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: join(plane.directory, 'admin-token') }
      assert.equal(await command(args, { stdout: { write }, stderr: { write }, env }), 0, out)
      return out
    }
  }

  test('flag set, its dry run, explain and applications warn, and the change is made', async () => {
    const call = await start(['authorization_code'])
    assert.match(
      await call(flag, 'set', FLAG, 'true', '--dry-run'),
      /^ {2}warning: .*applications? 1 "Application 1" may/m,
    )
    const set = await call(flag, 'set', FLAG, 'true', '--oauth-application=2')
    assert.match(set, /: conditional\n/)
    assert.match(
      set,
      /^ {2}warning: IAM cannot serve the password grant.*application 2 "Application 2" uses it is unknown$/m,
    )
    assert.doesNotMatch(await call(flag, 'set', FLAG, 'false', '--oauth-application=2'), /warning/)
    assert.match(await call(explain, '--client-id=1'), /^ {2}IAM cannot serve the password grant; the application may/m)
    assert.match(await call(applications), /^IAM cannot serve the password grant: an application that uses it/m)
  })

  test('there is no warning if IAM can serve it', async () => {
    const call = await start(['authorization_code', 'password'])
    assert.doesNotMatch(await call(flag, 'set', FLAG, 'true', '--dry-run'), /warning/)
    assert.doesNotMatch(await call(flag, 'set', FLAG, 'true'), /warning/)
    assert.doesNotMatch((await call(explain, '--client-id=1')) + (await call(applications)), /password/)
  })
})
