import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { startPlatform } from '../../../../test/support/monolith-platform.ts'
import type { RunningMonolith } from '../../../monolith/index.ts'
import type { CommandIo } from '../../io.ts'
import { run } from './user.ts'

const TOKEN = 'admin-token-of-this-test'

for (const engine of testDatabases())
  describe(`handover user, on ${engine.kind}`, () => {
    let store: TestDatabase
    let monolith: RunningMonolith
    const directory = mkdtempSync(join(tmpdir(), 'handover-user-'))
    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    before(async () => {
      store = await engine.open()
      monolith = await startPlatform(store.database, { adminToken: TOKEN })
      file('token', `${TOKEN}\n`)
    })
    after(async () => {
      await monolith?.close()
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    })

    async function user(args: readonly string[], stdin?: CommandIo['stdin']) {
      let out = ''
      let err = ''
      const given = [...args, '--monolith-url', monolith.url, '--token-file', join(directory, 'token')]
      const code = await run(given, {
        stdout: { write: (text) => (out += text) },
        stderr: { write: (text) => (err += text) },
        ...(stdin && { stdin }),
        env: {},
      })
      return { code, out, err }
    }
    const create = (username: string, ...more: string[]) =>
      user(['create', '--username', username, '--email', `${username}@example.test`, ...more])
    const signIn = async (username: string, password: string) => {
      const form = { client_id: 'web', client_secret: 'web-secret', grant_type: 'password', username, password }
      const answer = await fetch(`${monolith.url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
      return answer.status
    }

    test('creates a user with the password in a file, in standard input, or typed twice without an echo', async () => {
      const made = await create('dora', '--password-file', file('password', 'first line \nsecond line\n'))
      assert.deepEqual([made.code, made.err], [0, ''])
      assert.match(made.out, /^\d+ {2}dora {2}dora {2}dora@example\.test {2}active\n$/)
      assert.equal(await signIn('dora', 'first line '), 200)

      const args = [
        'create',
        '--username',
        'emil',
        '--email',
        'e@example.test',
        '--name',
        'Emil',
        '--password-file',
        '-',
      ]
      const piped = await user(args, Readable.from(['emil-pass', 'word\n']))
      assert.equal(piped.code, 0, piped.err)
      assert.equal(await signIn('emil', 'emil-password'), 200)

      const terminal = Object.assign(new PassThrough(), { isTTY: true })
      terminal.write('typed-password\n')
      terminal.write('typed-password\n')
      const typed = await user(['create', '--username', 'fred', '--email', 'f@example.test'], terminal)
      assert.equal(typed.code, 0, typed.err)
      assert.doesNotMatch(typed.out + typed.err, /typed-password/)
      assert.equal(await signIn('fred', 'typed-password'), 200)
    })

    test('creates no user when the passwords differ, are missing or too short, or the name is taken', async () => {
      const terminal = Object.assign(new PassThrough(), { isTTY: true })
      terminal.write('one-password\nanother-password\n')
      const differing = await user(['create', '--username', 'gina', '--email', 'g@example.test'], terminal)
      assert.deepEqual([differing.code, differing.err.includes('the passwords differ')], [1, true])
      assert.match((await create('gina')).err, /not a terminal: specify the password with --password-file/)
      const short = await create('gina', '--password-file', file('short', 'seven77'))
      assert.deepEqual([short.code, short.err], [1, 'handover user: password: must be at least 8 characters\n'])
      const taken = await create('alice', '--password-file', file('password', 'long enough'))
      assert.deepEqual([taken.code, taken.err], [1, 'handover user: username: has been taken\n'])
      assert.match(
        (await create('gina', '--password-file', join(directory, 'absent'))).err,
        /cannot be read \(ENOENT\)/,
      )
      assert.doesNotMatch((await user(['list'])).out, /gina/)
    })

    test('blocks, unblocks and signs out a user, by name or id', async () => {
      await create('hugo', '--password-file', file('password', 'hugo-password'))
      const [{ id } = assert.fail()] = JSON.parse((await user(['list', '--json'])).out).filter(
        (one: { username: string }) => one.username === 'hugo',
      )
      assert.match((await user(['block', 'hugo'])).out, /blocked\n$/)
      assert.notEqual(await signIn('hugo', 'hugo-password'), 200)
      assert.match((await user(['unblock', String(id)])).out, /active\n$/)
      assert.equal(await signIn('hugo', 'hugo-password'), 200)
      assert.equal((await user(['sign-out', 'hugo'])).code, 0)
      const unknown = await user(['block', 'no-such-user'])
      assert.deepEqual([unknown.code, unknown.err.includes('has no user "no-such-user"')], [1, true])
      assert.equal((await user(['block', '999999'])).err, 'handover user: no such user\n')
    })

    test('never assigns the id of a deleted user again', async () => {
      const idOf = async (username: string) => {
        const made = await create(username, '--password-file', file('password', 'some-password'), '--json')
        return (JSON.parse(made.out) as { id: number }).id
      }
      const first = await idOf('ivan')
      const headers = { 'private-token': TOKEN }
      assert.equal((await fetch(`${monolith.url}/api/v4/users/${first}`, { method: 'DELETE', headers })).status, 204)
      assert.ok((await idOf('jana')) > first)
    })

    test('lists more users than fit on one page of the API', async () => {
      await store.database.query(
        `insert into monolith.users (username, name, email, password_hash)
select 'many' || n, 'Many', 'm@example.test', 'none' from generate_series(1, 230) n`,
      )
      const lines = (await user(['list'])).out.trimEnd().split('\n')
      assert.equal(lines.filter((line) => line.includes('  many')).length, 230)
    })

    test('refuses a wrong token, an unknown action and an option in the wrong place', async () => {
      const wrong = ['--monolith-url', monolith.url, '--token-file', file('other', 'wrong')]
      let err = ''
      const io = { stdout: { write: () => {} }, stderr: { write: (text: string) => (err += text) }, env: {} }
      assert.equal(await run(['list', ...wrong], io), 1)
      assert.match(err, /^handover user: the monolith at \S+ does not know the token in \S+\n$/)
      for (const [args, fault] of [
        [['delete', 'alice'], 'specify list, create, block, unblock or sign-out'],
        [['block'], 'block needs one user, by name or id'],
        [['block', 'alice', '--email', 'x'], '--email is only valid with create'],
        [['create', '--username', 'x'], 'create needs --username and --email'],
        [['create', '--password', 'x'], 'unknown option --password'],
      ] as const) {
        const refused = await user(args)
        assert.deepEqual([refused.code, refused.err], [2, `handover user: ${fault}\n`])
      }
    })
  })
