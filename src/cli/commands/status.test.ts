import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { GATEWAY_REPORT_PATH, SNAPSHOT_STREAM_PATH } from '../../routing/index.ts'
import type { Command } from '../io.ts'
import { run as applications } from './applications/applications.ts'
import { run as status } from './status.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const EVIL = 'Evil\u001b[2J", 9 "Shop\u202e\n! all is well'

for (const engine of testDatabases()) {
  describe(`handover status and handover applications on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    const streams = new AbortController()
    let stream: Response | undefined
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      for (const id of [1, 2]) await plane.announce(testApplication(id))
      await plane.announce(testApplication(3, { name: EVIL }))
      await plane.announce(testApplication(4, { version: 2 }), 1)
      for (const id of ['1', '3'])
        await plane.ask('POST', `/api/v4/features/${FLAG}`, { form: { ...ON, oauth_application: id } })
    })
    after(async () => {
      assert.ok(stream?.body, 'the gateway follows to the end')
      streams.abort()
      await plane.close()
      await store.close()
    })
    const ON = { value: 'true' }

    const call = async (command: Command, ...args: string[]) => {
      const out: string[] = []
      const err: string[] = []
      const code = await command(args, {
        stdout: { write: (text: string) => out.push(text) },
        stderr: { write: (text: string) => err.push(text) },
        env: { HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: join(plane.directory, 'admin-token') },
      })
      return { code, out: out.join(''), err: err.join('') }
    }
    /** The gateway `one` says how it stands, and that it holds the newest version. */
    const report = async (over: object = {}) => {
      const { version } = (await plane.ask('GET', '/api/v1/gateways')).json
      const json = {
        ...{ instance: 'one', name: 'one', version: '1', environment: 'production', snapshotVersion: version },
        ...{ isCircuitOpen: false, isBrakeOn: false, openApplications: [], applications: [] },
        ...{ legacy: { requests: 0, failures: 0 }, iam: { requests: 120, failures: 3 }, ...over },
      }
      const answer = await plane.ask('POST', GATEWAY_REPORT_PATH, { token: plane.gatewayToken, json })
      assert.equal(answer.status, 204, answer.text)
    }
    const connect = async () => {
      const headers = { authorization: `Bearer ${plane.gatewayToken}` }
      // Held, because a response without a reference ends when it is garbage collected.
      stream = await fetch(`${plane.url}${SNAPSHOT_STREAM_PATH}?instance=one&name=one`, {
        ...{ headers, signal: streams.signal },
      })
      await eventually('it is connected', async () => {
        const { json } = await plane.ask('GET', '/api/v1/gateways')
        return json.gateways.some(({ connected }: { connected: boolean }) => connected)
      })
    }
    /** The rows of the table, by id. */
    const listed = async (...args: string[]) => {
      const { code, out, err } = await call(applications, ...args)
      assert.equal(code, 0, err)
      return out
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => Number(/^\d+/.exec(line)?.[0]))
    }

    test('the status reports a missing gateway and exits with 1, except where nothing has moved', async () => {
      const { code, out } = await call(status)
      assert.equal(code, 1)
      assert.match(out, /^production, version \d+: needs attention\n! no gateway of production is connected\n/)
      assert.match(out, /^IAM +unknown: no gateway is connected$/m)
      const staging = await call(status, '--staging')
      assert.match(staging.out, /^Flag +proxy_oauth_requests_to_iam_service: off for all$/m)
      assert.match(staging.out, /^Applications +4: 0 on IAM, 4 on the monolith$/m)
    })

    test('with a gateway without problems all is well, and the exit code is 0', async () => {
      await connect()
      await report()
      const { code, out } = await call(status)
      assert.equal(code, 0, out)
      assert.match(out, /^production, version \d+: all is well$/m)
      assert.match(out, /^Brake +off$/m)
      assert.match(out, /^Flag +proxy_oauth_requests_to_iam_service: on for 1 "Application 1", 3 "Evil/m)
      assert.match(
        out,
        /^Applications +4: 2 on IAM, 2 on the monolith\n +0 failing at IAM, 0 switched on .*, 1 not arrived/m,
      )
      assert.match(out, /^IAM +reachable from 1 of 1 gateway; 3 of 120 requests failed within the last half minute$/m)
      assert.match(out, /^ {2}production {2}one \(one\) .*up to date/m)
    })

    test('each kind of problem is a sentence that names its subject, and the exit code is 1', async () => {
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'drill' } })
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { form: ON })
      await plane.announce(testApplication(2, { version: 2 }), 1)
      const failing = [{ id: 3, successes: 0, failures: 9, error: 'invalid_client' }]
      await report({ isCircuitOpen: true, isBrakeOn: true, applications: failing, openApplications: [1] })
      const { code, out } = await call(status)
      assert.equal(code, 1)
      const attention = out.split('\n').filter((line) => line.startsWith('! '))
      assert.equal(attention.length, 6, out)
      assert.equal(attention[0], '! the brake is on: drill')
      assert.match(out, /^! IAM's circuit is open at 1 of 1 connected gateways \(one\)/m)
      assert.match(out, /^! the local brake is on at 1 of 1 connected gateways \(one\)$/m)
      assert.match(out, /^! application 1 "Application 1": its own circuit is open$/m)
      assert.match(out, /^! application 3 "Evil.*" fails at IAM: 9 of 9 requests, the last with invalid_client$/m)
      assert.match(out, /^! 2 applications stay on the monolith .*: 2 "Application 2", 4 "Application 4"$/m)
      assert.match(out, /^IAM +reachable from 0 of 1 gateway/m)
      const { json } = await plane.ask('GET', '/api/v1/status')
      assert.deepEqual(json.applications, { all: 4, on_iam: 2, on_rails: 2, waiting: 2, not_arrived: 2, failing: 2 })
      assert.deepEqual(
        [json.healthy, json.failing.map(({ id }: { id: number }) => id), json.iam.state],
        [false, [1, 3], 'unreachable'],
      )
      assert.deepEqual(JSON.parse((await call(status, '--json')).out).attention, json.attention)
    })

    test('failing applications are listed first, and the options filter the list', async () => {
      assert.deepEqual(await listed(), [1, 3, 2, 4])
      assert.deepEqual(await listed('list', '--failing'), [1, 3])
      assert.deepEqual(await listed('--side', 'rails'), [2, 4])
      assert.deepEqual(await listed('--not-arrived'), [2, 4])
      assert.deepEqual(await listed('--search', 'EVIL'), [3])
      const { out } = await call(applications, '--limit', '3')
      assert.match(out, /^ID +NAME +SIDE +GATE +ARRIVED +RECENTLY AT IAM\n/)
      assert.match(out, /^1 +Application 1 +iam +on for all +yes +FAILING: circuit open at one$/m)
      assert.match(out, /^3 +Evil.* +iam +on for all +yes +FAILING: 9 of 9 failed, invalid_client$/m)
      assert.match(out, /^2 +Application 2 +rails +on for all +1 of 2 +-$/m)
      assert.match(out, /^and 1 more; use --limit N to show more/m)
      assert.equal((await call(applications, '--search', 'nothing of the kind')).out, 'no applications\n')
      const json = JSON.parse((await call(applications, '--json')).out)
      assert.deepEqual([json.applications.length, json.applications[1].name], [4, EVIL])
    })

    test('a name can neither control a terminal nor forge a line', async () => {
      for (const command of [status, applications]) {
        const { out } = await call(command)
        for (const unsafe of ['\u001b', '\u202e']) assert.ok(!out.includes(unsafe), JSON.stringify(out))
        assert.ok(!out.includes('\n! all is well'), out)
        assert.ok(!out.includes('9 "Shop'), out)
      }
    })

    test('applications from all pages are listed', async () => {
      await store.database.query(
        `insert into ${plane.schema}.applications (id, client_id, document, version, iam_version, is_removed)
          select n, 'many-' || n, jsonb_build_object('name', 'Many'), 1, 1, false from generate_series(1001, 3500) n`,
      )
      const more = await startTestControlPlane(store.database, { schema: plane.schema, directory: plane.directory })
      const io = { env: { HANDOVER_CONTROL_URL: more.url, HANDOVER_TOKEN_FILE: join(more.directory, 'admin-token') } }
      let out = ''
      const stdout = { write: (text: string) => (out += text) }
      assert.equal(await applications(['--search=many', '--json'], { ...io, stdout, stderr: stdout }), 0)
      await more.close()
      const ids = JSON.parse(out).applications.map(({ id }: { id: number }) => id)
      assert.deepEqual([ids.length, new Set(ids).size, ids.at(-1)], [2_500, 2_500, 3_500])
    })

    test('invalid usage sends no request', async () => {
      for (const args of [
        ['--side', 'legacy'],
        ['--limit', '0'],
        ['--search='],
        ['list', 'x'],
        ['--all'],
        ['--reason=x'],
      ]) {
        assert.equal((await call(applications, ...args)).code, 2, args.join(' '))
      }
      assert.equal((await call(status, 'production')).code, 2)
      assert.match((await call(status, '--help')).out, /^Usage: handover status/)
    })
  })
}
