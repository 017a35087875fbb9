import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import type { Command } from '../io.ts'
import { run as audit } from './audit.ts'
import { run as brake } from './brake.ts'
import { run as flag } from './flag/flag.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const ISSUE = 'https://gitlab.example/production/-/issues/1'

describe('handover audit, and the reasons of other commands', () => {
  let store: TestDatabase
  let plane: TestControlPlane
  before(async () => {
    const [engine] = testDatabases()
    assert.ok(engine)
    store = await engine.open()
    plane = await startTestControlPlane(store.database, { reasonsRequired: ['production'] })
  })
  after(async () => {
    await plane.close()
    await store.close()
  })

  const call = async (command: Command, args: readonly string[]) => {
    const out: string[] = []
    const err: string[] = []
    const code = await command(args, {
      stdout: { write: (text: string) => out.push(text) },
      stderr: { write: (text: string) => err.push(text) },
      env: { HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: join(plane.directory, 'admin-token') },
    })
    return { code, out: out.join(''), err: err.join('') }
  }
  const done = async (command: Command, ...args: string[]) => {
    const { code, out, err } = await call(command, args)
    assert.equal(code, 0, err)
    return out
  }

  test('a change of production without a reason is refused with the name of the option, and accepted with one', async () => {
    const refused = await call(flag, ['set', FLAG, 'true'])
    assert.equal(refused.code, 1)
    assert.match(refused.err, /reason: must be given .*; change_issue_url: must be given/)
    await done(flag, 'set', FLAG, 'true', '--reason', 'für alle', '--change-issue', ISSUE)
    assert.match(
      await done(audit, 'list', '--limit=1'),
      /^\d+ {2}\S+Z {2}flag\.set {2}production proxy_oauth\w+\n {4}by administrator via cli from 127\.0\.0\.1\n {4}für alle {2}https:/,
    )
    await done(flag, 'delete', FLAG, '--reason=over')
    await done(brake, 'on', '--reason', 'IAM is slow')
    assert.equal((await call(brake, ['off', '--reason', 'over'])).code, 1)
    await done(brake, 'off', '--reason', 'over', '--change-issue', ISSUE)
  })

  test('entries are listed by filter and page', async () => {
    assert.equal((await done(audit, 'list', '--subject', 'brake', '--production')).match(/ {2}brake\.o/g)?.length, 2)
    assert.equal(await done(audit, 'list', '--dev'), 'no entries\n')
    assert.match(await done(audit, 'list', '--limit', '1'), /more with --before \d+\n$/)
    assert.equal(JSON.parse(await done(audit, 'list', '--action', 'flag.delete', '--json')).entries.length, 1)
  })

  test('a state is restored by the number of its entry', async () => {
    const { entries } = JSON.parse(await done(audit, 'list', '--action', 'flag.set', '--json'))
    const args = ['restore', String(entries[0].number), '--to=after', '--reason', 'back', '--change-issue', ISSUE]
    assert.match(await done(audit, ...args), /in production is restored to its state after entry \d+\n/)
    assert.match(await done(audit, ...args), /in production already has its state after entry \d+\n/)
  })

  test('a restore first shows the resulting state, and needs confirmation if it moves several applications', async () => {
    for (const id of [1, 2]) await plane.announce(testApplication(id))
    const { entries } = JSON.parse(await done(audit, 'list', '--action', 'flag.set', '--json'))
    const number = String(entries[0].number)
    const shown = await done(audit, 'restore', number, '--dry-run')
    assert.match(shown, /now: {2}on for all\n {2}then: off for all\n {2}2 applications iam → rails: .*\nnothing was/)
    const refused = await call(audit, ['restore', number])
    assert.deepEqual([refused.code, refused.out], [1, ''])
    assert.match(refused.err, /to 'off for all' and was not confirmed: 2 applications iam → rails.*add --confirm=2/)
    assert.match(
      await done(audit, 'restore', number, '--confirm=2'),
      /is restored to its state before entry \d+\n {2}before: on for all\n {2}now: off/,
    )
    const last = JSON.parse(await done(audit, 'list', '--subject', 'brake', '--json')).entries[0]
    assert.match(
      await done(audit, 'restore', String(last.number), '--dry-run'),
      /brake in production\n {2}now: {2}off.*\n {2}then: on/,
    )
  })

  test('the whole log is exported, and its last entry verifies', async () => {
    const lines = (await done(audit, 'export')).trimEnd().split('\n')
    const last = JSON.parse(lines.at(-1) ?? '')
    assert.equal(last.number, lines.length)
    assert.match(await done(audit, 'export', '--format', 'csv'), /^number,at,/)
    assert.equal(
      await done(audit, 'verify', '--number', String(last.number), '--hash', last.hash),
      `entries up to ${last.number} are valid, the last with hash ${last.hash}\n`,
    )
  })

  test('an invalid log exits with 1', async () => {
    const missing = await call(audit, ['verify', '--number', '9999', '--hash', 'a'.repeat(64)])
    assert.equal(missing.code, 1)
    assert.match(missing.out, /^entry \d+ is missing\nentries up to \d+ are valid/)
  })

  test('invalid usage is refused in one line', async () => {
    for (const [args, expected] of [
      [[], /specify one of list, verify, export, restore/],
      [['list', '--reason', 'x'], /--reason is not valid with 'list'/],
      [['verify', '--number', '1'], /--number and --hash must be used together/],
      [['restore', 'x'], /specify one entry by its number/],
      [['restore', '1', '--to', 'then'], /--to must be before or after/],
      [['export', 'all'], /'export' takes no arguments/],
    ] as const) {
      const { code, err, out } = await call(audit, args)
      assert.deepEqual([code, out], [2, ''])
      assert.match(err, expected)
      assert.equal(err.split('\n').length, 2)
    }
    assert.match(
      (await call(flag, ['list', '--reason=x'])).err,
      /--reason is only valid with commands that make a change/,
    )
    assert.match((await call(flag, ['delete', FLAG, '--reason', 'a\nb'])).err, /--reason must be one line/)
    assert.match((await call(audit, ['list', '--since', 'soon'])).err, /since: must be a date/)
  })
})
