import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { scratchDirectory } from '../../../../test/support/scratch.ts'
import { ENVIRONMENTS, readDefinitions } from '../../../flags/index.ts'
import { run as flag } from './flag.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const scratch = scratchDirectory('flag-life')
after(() => scratch.remove())

async function call(env: Record<string, string>, ...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const io = {
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
    env,
  }
  const code = await flag(args, io)
  return { code, out: out.join(''), err: err.join('') }
}

describe('flag new', () => {
  const MUST = ['--type', 'wip', '--group', 'group::authentication', '--milestone', '19.6']
  const URL = ['--introduced-by-url', 'https://git.example/mr/1']
  const make = (name: string, ...more: string[]) =>
    call({}, 'new', name, '--definitions-dir', join(scratch.path, 'flags'), ...more)

  test('writes a definition that the control plane accepts, once', async () => {
    const made = await make('try_something', ...MUST, ...URL, '--description', "Tries: something 'new'")
    assert.deepEqual([made.code, made.err], [0, ''])
    const path = join(scratch.path, 'flags/wip/try_something.yml')
    const today = new Date().toISOString().slice(0, 10)
    const fields = [...readFileSync(path, 'utf8').matchAll(/^(\w+):/gm)].map(([, field]) => field)
    assert.deepEqual(fields, [
      ...['name', 'description', 'introduced_by_url', 'milestone', 'introduced_at', 'type', 'group', 'default_enabled'],
    ])
    const read = readDefinitions([{ path: 'wip/try_something.yml', text: readFileSync(path, 'utf8') }])
    assert.ok(!('faults' in read))
    const defined = read.flags.get('try_something')
    assert.equal(defined?.description, "Tries: something 'new'")
    assert.deepEqual([defined?.milestone, defined?.introduced_at, defined?.default_enabled], ['19.6', today, false])
    writeFileSync(path, 'kept')
    const again = await make('try_something', ...MUST, ...URL)
    assert.equal(again.code, 1)
    assert.match(again.err, /already exists/)
    assert.equal(readFileSync(path, 'utf8'), 'kept')
  })

  test('reports all errors together, each with its option, and writes nothing', async () => {
    const bad = await make('Bad-Name', '--type', 'gitlab_com_derisk', '--group', 'x', '--milestone', 'soon', ...URL)
    assert.equal(bad.code, 2)
    for (const said of [/name/, /--group must look like/, /--milestone must look like/]) assert.match(bad.err, said)
    const derisk = await make('no_issue', ...['--type', 'gitlab_com_derisk'], ...MUST.slice(2), ...URL)
    assert.match(derisk.err, /--rollout-issue-url must be given for type gitlab_com_derisk/)
    assert.match(
      (await make('on_too_soon', ...MUST, ...URL, '--default-enabled')).err,
      /default_enabled: must be false/,
    )
    assert.match((await make('odd_type', '--type', 'wipp', ...MUST.slice(2), ...URL)).err, /did you mean wip/)
    assert.equal(existsSync(join(scratch.path, 'flags/gitlab_com_derisk')), false)
  })

  test('a file that cannot be written is reported in one line', async () => {
    const path = join(scratch.path, 'a-file')
    writeFileSync(path, '')
    const refused = await call({}, 'new', 'try_it', '--definitions-dir', path, ...MUST, ...URL)
    assert.equal(refused.code, 1)
    assert.match(refused.err, /a-file\/wip\/try_it.yml cannot be written \(ENOTDIR\)\n$/)
  })

  test('its options are valid only with it', async () => {
    const stray = await call({}, 'get', FLAG, '--milestone', '19.1')
    assert.deepEqual([stray.code, stray.err], [2, "handover flag: --milestone is only valid with 'new'\n"])
  })
})

describe('the cleanup of a flag', () => {
  let store: TestDatabase
  let plane: TestControlPlane
  const tree = join(scratch.path, 'tree')
  before(async () => {
    store = await (testDatabases()[0] ?? assert.fail('no store')).open()
    plane = await startTestControlPlane(store.database)
    for (const id of [1, 2]) await plane.announce(testApplication(id))
    mkdirSync(join(tree, 'src'), { recursive: true })
    mkdirSync(join(tree, 'node_modules/x'), { recursive: true })
    writeFileSync(join(tree, 'src/a.rb'), `one\n  Feature.enabled?(:${FLAG}) # über\n${FLAG}_longer\n`)
    writeFileSync(join(tree, 'src/b.bin'), `${FLAG}\0`)
    writeFileSync(join(tree, 'node_modules/x/c.js'), FLAG)
    writeFileSync(join(tree, 'dashboard.json'), `{"expr":"x{flag=\\"${FLAG}\\"}"}`)
  })
  after(async () => {
    await plane.close()
    await store.close()
  })
  const run = (...args: string[]) =>
    call({ HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: join(plane.directory, 'admin-token') }, ...args)
  const set = async (json: Record<string, unknown>) =>
    assert.equal((await plane.ask('POST', `/api/v4/features/${FLAG}`, { json })).status, 201)
  const stateIn = async (environment: string) => {
    const { json } = await plane.ask('GET', `/api/v4/features?environment=${environment}`)
    return (json as Array<{ name: string; state: string }>).find(({ name }) => name === FLAG)?.state
  }
  const DELETE = ['cleanup', FLAG, '--delete', '--confirm', FLAG]

  test('every line that names the flag is listed, with its state in each environment', async () => {
    await set({ value: 'true', oauth_application: '1', environment: 'staging' })
    const { code, out } = await run('cleanup', FLAG, '--path', tree)
    assert.equal(code, 0)
    assert.match(out, new RegExp(`^${tree}/dashboard.json:1: `, 'm'))
    assert.match(out, new RegExp(`^${tree}/src/a.rb:2: Feature.enabled\\?\\(:${FLAG}\\) # über$`, 'm'))
    assert.match(out, /^2 references$/m)
    assert.match(out, /^staging +conditional +it is on for some applications and off for others$/m)
    assert.match(out, /^production +not set$/m)
    assert.match(out, /1\. settle the flag in staging first/)
    const nowhere = await run('cleanup', FLAG, '--path', join(tree, 'gone'))
    assert.deepEqual([nowhere.code, /no such file or directory/.test(nowhere.err)], [2, true])
  })

  test('nothing is deleted while an application depends on the flag in any environment', async () => {
    const clean = ['--path', join(tree, 'src/b.bin')]
    for (const [gates, why] of [
      [{ value: '50', key: 'percentage_of_actors' }, /staging: it is on for some/],
      [{ value: 'true' }, /staging: it sends all applications to IAM/],
      [{ value: 'opt_out', oauth_application: '2' }, /staging: 1 application is opted out/],
    ] as const) {
      await set({ value: 'false', environment: 'staging' })
      await set({ ...gates, environment: 'staging' })
      const refused = await run(...DELETE, ...clean)
      assert.equal(refused.code, 1, refused.out)
      assert.match(refused.err, why)
      assert.notEqual(await stateIn('staging'), undefined)
    }
    await plane.ask('DELETE', `/api/v4/features/${FLAG}?environment=staging`)
  })

  test('a flag that is on for all in one environment and off for all in another is not settled', async () => {
    const other = 'a_flag_of_another_kind'
    const put = (environment: string, value: string) =>
      plane.ask('POST', `/api/v4/features/${other}`, { json: { value, environment, force: true } })
    assert.equal((await put('production', 'true')).status, 201)
    assert.equal((await put('staging', 'true')).status, 201)
    await put('staging', 'false')
    const away = ['cleanup', other, '--delete', '--confirm', other, '--path', join(tree, 'src/b.bin')]
    const refused = await run(...away)
    assert.equal(refused.code, 1, refused.out)
    assert.match(refused.err, /production: it is on for all, but off for all in staging/)
    await put('staging', 'true')
    const done = await run(...away)
    assert.deepEqual([done.code, done.out], [0, 'deleted in staging\ndeleted in production\n'])
  })

  test('an unknown name gets a suggestion', async () => {
    const unknown = await run('cleanup', 'proxy_oauth_requests_to_iam_servise', '--path', tree)
    assert.equal(unknown.code, 1)
    assert.match(
      unknown.err,
      /no definition, setting or reference of .*, did you mean proxy_oauth_requests_to_iam_service\?/,
    )
  })

  test('an unreadable file is an error, because it may contain a reference', async () => {
    for (const path of ['/dev/null', '/proc/self/mem'].filter((one) => existsSync(one))) {
      const refused = await run('cleanup', FLAG, '--path', path)
      assert.equal(refused.code, 2, refused.out)
      assert.match(refused.err, new RegExp(`${path} cannot be read \\(E[A-Z]+\\)`))
    }
  })

  test('an environment cannot be specified, because the flag is deleted in all of them', async () => {
    for (const option of [['--staging'], ['--environment', 'staging']]) {
      const refused = await run(...DELETE, '--path', join(tree, 'src/b.bin'), ...option)
      assert.equal(refused.code, 2, refused.out)
      assert.match(refused.err, new RegExp(`${option[0]} is not valid with 'cleanup'`))
    }
    const stray = await run('cleanup', FLAG, '--despite-references', '--path', tree)
    assert.deepEqual([stray.code, stray.err], [2, 'handover flag: --despite-references is only valid with --delete\n'])
  })

  test('links to files and large text files are searched, and a circular link is reported in one line', async () => {
    const odd = join(scratch.path, 'odd')
    mkdirSync(odd)
    writeFileSync(join(odd, 'large.json'), `${'a'.repeat(5 << 20)}\n${FLAG}\x1b[2J\r\n`)
    symlinkSync(join(tree, 'src/a.rb'), join(odd, 'link.rb'))
    symlinkSync('gone', join(odd, 'dangling'))
    const { code, out } = await run('cleanup', FLAG, '--path', odd, '--path', odd)
    assert.equal(code, 0)
    assert.match(out, new RegExp(`^${odd}/large.json:2: ${FLAG} \\[2J\n${odd}/link.rb:2: .*\n2 references\n`))
    symlinkSync('loop', join(scratch.path, 'loop'))
    const loop = await run('cleanup', FLAG, '--path', join(scratch.path, 'loop'))
    assert.equal(loop.code, 2)
    assert.match(loop.err, /loop cannot be read \(ELOOP\)\n$/)
  })

  test('the flag is deleted in all environments only if confirmed and without references', async () => {
    for (const environment of ['dev', 'production']) await set({ value: 'false', environment })
    await set({ value: '1', key: 'percentage_of_actors', environment: 'dev' })
    await set({ value: 'false', environment: 'dev' })
    for (const args of [
      ['cleanup', FLAG, '--delete'],
      ['cleanup', FLAG, '--delete', '--confirm', 'another'],
      ['cleanup', FLAG, '--confirm', FLAG],
    ]) {
      assert.equal((await run(...args, '--path', tree)).code, 2)
    }
    const referred = await run(...DELETE, '--path', tree)
    assert.equal(referred.code, 1)
    assert.match(referred.err, /dashboard.json:1 and 1 more\), so nothing was deleted/)
    assert.equal(await stateIn('dev'), 'off')
    const done = await run(...DELETE, '--path', tree, '--despite-references')
    assert.deepEqual([done.code, done.err], [0, ''])
    assert.match(done.out, /^deleted in dev$/m)
    for (const environment of ENVIRONMENTS) assert.equal(await stateIn(environment), undefined, environment)
    const again = await run(...DELETE, '--path', tree, '--despite-references')
    assert.deepEqual([again.code, again.out], [0, `${FLAG} is not set in any environment; nothing was deleted\n`])
  })

  test('a stale flag is marked in the list, in the API and in the metrics', async () => {
    assert.match((await plane.ask('GET', '/metrics')).text, new RegExp(`handover_flag_stale\\{flag="${FLAG}"\\} 0`))
    assert.doesNotMatch((await run('list')).out, /stale/)
    await store.database.query(`update ${plane.schema}.flag_history set changed_at = now() - interval '3 months'`)
    assert.match((await run('list')).out, /stale: type gitlab_com_derisk should have ended by \d{4}-/)
    const { json } = await plane.ask('GET', '/api/v1/stale-flags')
    assert.deepEqual(
      (json as { flags: Array<{ name: string; status: string }> }).flags.map(({ name, status }) => [name, status]),
      [[FLAG, 'stale']],
    )
    assert.match((await plane.ask('GET', '/metrics')).text, new RegExp(`handover_flag_stale\\{flag="${FLAG}"\\} 1`))
  })
})
