import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { run as flag } from '../flag/flag.ts'
import { run as token } from './token.ts'

let store: TestDatabase
let plane: TestControlPlane
before(async () => {
  const [engine] = testDatabases()
  assert.ok(engine)
  store = await engine.open()
  plane = await startTestControlPlane(store.database)
})
after(async () => {
  await plane.close()
  await store.close()
})

async function called(command: typeof token, file: string, ...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const io = {
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
    env: { HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: join(plane.directory, file) },
  }
  const code = await command(args, io)
  return { code, out: out.join(''), err: err.join('') }
}
const byAdministrator = (...args: string[]) => called(token, 'admin-token', ...args)

test('a token is created, used, listed and revoked from the command line', async () => {
  const created = await byAdministrator('create', '--role', 'operator', '--name', 'olga', '--environment', 'dev')
  assert.equal(created.code, 0, created.err)
  assert.match(created.out, /^hoopr-[\w-]{43}\n$/)
  writeFileSync(join(plane.directory, 'olga-token'), created.out)
  const set = ['set', 'proxy_oauth_requests_to_iam_service', 'true']
  assert.equal((await called(flag, 'olga-token', ...set, '--environment', 'dev')).code, 0)
  const refused = await called(flag, 'olga-token', ...set)
  assert.deepEqual([refused.code, refused.out], [1, ''])
  assert.match(refused.err, /may not do this: olga may not change production/)
  const listed = await byAdministrator('list')
  const line = listed.out.split('\n').find((each) => each.includes('olga'))
  assert.match(line ?? '', /^\d+ {2}olga: operator of dev; by administrator, until .*Z, /)
  const id = line?.split(' ')[0] ?? ''
  assert.deepEqual(await byAdministrator('revoke', id), { code: 0, out: `token ${id} is revoked\n`, err: '' })
  assert.match((await called(flag, 'olga-token', 'list')).err, /does not know the token/)
})

test('invalid usage is refused before any request', async () => {
  for (const args of [[], ['revoke'], ['revoke', 'olga'], ['create', '--role', 'viewer'], ['list', '--days', '3']]) {
    assert.equal((await byAdministrator(...args)).code, 2, args.join(' '))
  }
  assert.equal((await byAdministrator('create', '--role', 'king', '--name', 'x')).code, 1)
})
