import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import type { SigningKeysDocument } from '../../../handoff/index.ts'
import { type RunningIam, startIam } from '../../../iam/index.ts'
import { createLog } from '../../../observability/index.ts'
import { run } from './keys.ts'

const TOKEN = 'internal-token-of-this-test'
const LOCAL = { host: '127.0.0.1', port: 0 }
const logged: string[] = []
let store: TestDatabase
let iam: RunningIam
let directory: string

before(async () => {
  const [engine] = testDatabases()
  assert.ok(engine)
  store = await engine.open()
  directory = mkdtempSync(join(tmpdir(), 'handover-keys-'))
  writeFileSync(join(directory, 'token'), `${TOKEN}\n`)
  const settings = { listen: LOCAL, internalListen: LOCAL, issuer: 'https://issuer.test', database: store.database }
  const log = createLog('iam', { destination: { write: (line) => void logged.push(line) } })
  iam = await startIam({ ...settings, internalToken: TOKEN, verifierKey: Buffer.alloc(32) }, log)
})
after(async () => {
  await iam.close()
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

async function keys(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await run([...args, '--iam-url', iam.internalUrl, '--token-file', join(directory, 'token')], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
  })
  return { code, out, err }
}

async function listed(...args: string[]): Promise<SigningKeysDocument['keys']> {
  const { code, out, err } = await keys(...args, '--json')
  assert.equal(code, 0, err)
  return (JSON.parse(out) as SigningKeysDocument).keys
}

const published = async () =>
  ((await (await fetch(`${iam.url}/oauth/discovery/keys`)).json()) as SigningKeysDocument).keys.map(({ kid }) => kid)

test('one key signs and the next is published; rotate respects its lead time; a stolen key is removed at once', async () => {
  const [first, second] = await listed('list')
  assert.deepEqual([first?.state, second?.state, second?.signs_from], ['current', 'next', null])
  assert.deepEqual(await published(), [first?.kid, second?.kid])

  const [, planned] = await listed('rotate')
  const days = (Date.parse(planned?.signs_from ?? '') - Date.parse(planned?.published_at ?? '')) / 86_400_000
  assert.ok(Math.abs(days - 2) < 0.01, `${days} days`)

  const refused = await keys('retire', first?.kid ?? '')
  assert.deepEqual([refused.code, refused.out], [1, ''])
  assert.match(refused.err, /the key signs: .*rotate/)

  const kept = await listed('retire', first?.kid ?? '', '--now')
  assert.equal(kept.find(({ state }) => state === 'current')?.kid, second?.kid)
  assert.ok(!(await published()).includes(first?.kid ?? ''))
  const table = await keys('list')
  assert.match(table.out, new RegExp(`^current  RS256  ${second?.kid}  published `))

  const lines = logged.map((line) => JSON.parse(line)).filter(({ event }) => event === 'signing_key')
  assert.deepEqual(
    lines.slice(0, 5).map(({ change, level }) => `${change} ${level}`),
    ['made info', 'made info', 'scheduled info', 'withdrawn warn', 'scheduled info'],
  )
  assert.doesNotMatch(JSON.stringify(lines), /private|"[dnpq]":/)
})

test('invalid usage exits with 2, and a refusal by IAM with 1', async () => {
  for (const args of [[], ['retire'], ['list', '--now'], ['rotate', 'kid'], ['turn']]) {
    assert.equal((await keys(...args)).code, 2, args.join(' '))
  }
  const unknown = await keys('retire', 'no-such-key', '--now')
  assert.deepEqual([unknown.code, unknown.err.includes('no such key')], [1, true])
  writeFileSync(join(directory, 'token'), 'wrong')
  const stranger = await keys('list')
  assert.equal(stranger.code, 1)
  assert.match(stranger.err, /^handover keys: IAM at http:\/\/127\.0\.0\.1:\d+ does not know the token in \S+\n$/)
})
