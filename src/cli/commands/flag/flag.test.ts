import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import type { Command } from '../../io.ts'
import { run as brake } from '../brake.ts'
import { run as explain } from '../explain.ts'
import { run as flag } from './flag.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

describe('commands that call the control plane', () => {
  let store: TestDatabase
  let plane: TestControlPlane
  before(async () => {
    const [engine] = testDatabases()
    assert.ok(engine)
    store = await engine.open()
    plane = await startTestControlPlane(store.database)
    await plane.announce(testApplication(1))
    await plane.announce(testApplication(2), null)
  })
  after(async () => {
    await plane.close()
    await store.close()
  })

  const call = async (command: Command, args: readonly string[], env: Record<string, string> = {}, typed?: string) => {
    const out: string[] = []
    const err: string[] = []
    const stdin = Object.assign(Readable.from([`${typed}\n`]), { isTTY: true })
    const code = await command(args, {
      stdout: { write: (text: string) => out.push(text), isTTY: typed !== undefined },
      ...(typed === undefined ? {} : { stdin }),
      stderr: { write: (text: string) => err.push(text) },
      env: { HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: join(plane.directory, 'admin-token'), ...env },
    })
    return { code, out: out.join(''), err: err.join('') }
  }
  const done = async (command: Command, ...args: string[]) => {
    const { code, out, err } = await call(command, args)
    assert.equal(code, 0, err)
    return out
  }
  /** One clear line, with the exit code. */
  const fails = async (command: Command, code: number, expected: RegExp, args: readonly string[], env = {}) => {
    const result = await call(command, args, env)
    assert.equal(result.code, code, `${args.join(' ')}: ${result.err}`)
    assert.match(result.err, expected, args.join(' '))
    assert.equal(result.err.split('\n').length, 2, result.err)
    assert.equal(result.out, '')
  }

  test('one application is switched on, shown, explained, and switched off again', async () => {
    assert.match(
      await done(flag, 'set', FLAG, 'true', '--oauth-application=client-1'),
      /in production: conditional\n {2}on for Authn::OauthApplication:1 "Application 1"\n/,
    )
    assert.match(await done(flag, 'get', FLAG), /conditional/)
    assert.match(
      await done(flag, 'list'),
      /proxy_oauth_requests_to_iam_service +conditional +on for Auth.*\nroute_unknown.* off +off for all/,
    )
    assert.match(
      await done(explain, '--client-id', 'client-1', '--path', '/oauth/token'),
      /^iam \(flag_enabled\)\n {2}client client-1 is application 1\n/,
    )
    assert.match(
      await done(flag, 'set', FLAG, 'false', '--oauth-application', '1'),
      /in production: off\n {2}off for all/,
    )
    assert.match(await done(explain, '--client-id=client-1'), /^rails \(flag_disabled\)/)
  })

  test('a percentage of applications, an opt-out, and a rollback', async () => {
    assert.match(await done(flag, 'set', FLAG, '25', '--actors', '--dev'), /25 % of applications/)
    assert.match(
      await done(flag, 'set', FLAG, '--opt-out', '--oauth-application=1', '--dev'),
      /opted out: Authn::OauthApplication:1/,
    )
    assert.doesNotMatch(await done(flag, 'restore', FLAG, '--dev'), /opted out/)
    assert.match(await done(flag, 'delete', FLAG, '--dev'), /is no longer set in dev/)
    assert.match(await done(flag, 'get', FLAG, '--environment', 'dev'), /in dev: off/)
  })

  test('a rollback of one application works for every covering gate, and reports what it did', async () => {
    for (const covering of [['true'], ['99.999', '--actors']]) {
      await done(flag, 'set', FLAG, ...covering)
      assert.match(await done(explain, '--client-id=client-1'), /^iam/)
      assert.match(
        await done(flag, 'set', FLAG, 'false', '--oauth-application=1'),
        /opted out: Authn::OauthApplication:1(?:.*\n)+ {2}application 1 "Application 1" was still covered by .*, so it is opted out/,
      )
      assert.match(await done(explain, '--client-id=client-1'), /^rails \(flag_disabled\)\n.*\n.*opted out/)
      assert.match(
        await done(flag, 'set', FLAG, 'true', '--oauth-application=1'),
        /the opt-out of application 1 "Application 1" is removed\n/,
      )
      assert.match(await done(explain, '--client-id=client-1'), /^iam/)
      await done(flag, 'set', FLAG, 'false')
    }
  })

  test('a delete that moves applications is refused in a script, confirmed at a terminal, and previewed by --dry-run', async () => {
    await plane.announce(testApplication(3))
    await done(flag, 'set', FLAG, 'true')
    await fails(flag, 1, /1 "Application 1", 3 "Application 3".* Nothing was changed; add --confirm=2, or --confirm/, [
      'delete',
      FLAG,
    ])
    await fails(flag, 1, /2 applications iam → rails.* and 5 were confirmed/, ['delete', FLAG, '--confirm=5'])
    const wrong = await call(flag, ['delete', FLAG], {}, 'yes')
    assert.deepEqual([wrong.code, /then: off for all\n.*2 applications/.test(wrong.err)], [1, true], wrong.err)
    assert.match(
      await done(flag, 'delete', FLAG, '--dry-run'),
      /now: {2}on for all\n {2}then: off for all\n {2}2 applications iam → rails: .*\n.*\nnothing was changed\n$/,
    )
    assert.match(await done(flag, 'get', FLAG), /in production: on/)
    assert.equal((await call(flag, ['delete', FLAG], {}, '2')).code, 0)
    assert.match(await done(flag, 'get', FLAG), /in production: off/)
  })

  test('without an application, a terminal asks for confirmation before several move to IAM; a script does not', async () => {
    assert.equal((await call(flag, ['set', FLAG, 'true'], {}, 'no')).code, 1)
    assert.match(await done(flag, 'get', FLAG), /in production: off/)
    assert.match(await done(flag, 'set', FLAG, 'true', '--dry-run', '--pre', '--dev'), /in dev\n(?:.*\n)+.*in pre\n/)
    assert.match((await call(flag, ['set', FLAG, 'true'], {}, '2')).out, /2 applications rails → iam: 1 /)
    assert.equal((await call(flag, ['set', FLAG, 'false', '--oauth-application=1'], {}, '')).code, 0)
    assert.equal((await call(flag, ['set', FLAG, 'false'], {}, '')).code, 0)
  })

  test('a restore applies to the previewed state, and repeating it does not undo it', async () => {
    await done(flag, 'set', FLAG, 'true')
    const version = /version (\d+)/.exec(await done(flag, 'get', FLAG))?.[1] ?? ''
    await done(flag, 'set', FLAG, 'false', '--if-version', version)
    await fails(flag, 1, /is at version \d+, not \d+/, ['set', FLAG, 'true', '--if-version', version])
    await fails(flag, 1, /rails → iam.*add --confirm=2/, ['restore', FLAG])
    assert.match(await done(flag, 'restore', FLAG, '--confirm=2'), /in production: on\n/)
    await fails(flag, 1, /is a restore already: version \d+, by administrator/, ['restore', FLAG, '--confirm'])
    const restored = /version (\d+)/.exec(await done(flag, 'get', FLAG))?.[1] ?? ''
    assert.match(await done(flag, 'restore', FLAG, '--confirm', '--if-version', restored), /in production: off\n/)
    await plane.ask('DELETE', '/api/v1/applications/3?version=1')
  })

  test('several environments are set in order', async () => {
    const out = await done(flag, 'set', FLAG, 'true', '--staging-ref', '--dev', '--pre', '--staging')
    assert.deepEqual(
      Array.from(out.matchAll(/in ([\w-]+): on/g), ([, name]) => name),
      ['dev', 'pre', 'staging', 'staging-ref'],
    )
    assert.match(out, /1 application stays on the monolith until IAM holds it/)
    assert.match(await done(flag, 'get', FLAG), /in production: off/)
  })

  test('--json prints the response of the control plane', async () => {
    const feature = JSON.parse(await done(flag, 'get', FLAG, '--json'))
    assert.deepEqual([feature.name, feature.state], [FLAG, 'off'])
    assert.equal(JSON.parse(await done(flag, 'list', '--json', '--match', 'unknown')).length, 1)
    assert.equal(JSON.parse(await done(explain, '--json', '--client-id', 'nobody')).reason, 'unknown_client')
    const byId = await done(explain, '--client-id', '1')
    assert.equal(byId, await done(explain, '--client-id', 'client-1'))
    assert.match(byId, /\n {2}application 1, /)
    assert.equal(JSON.parse(await done(brake, 'status', '--json')).on, false)
  })

  test('the brake is set, shown and released', async () => {
    assert.match(await done(brake, 'on', '--reason', 'IAM is slow'), /the brake of production is on: IAM is slow\n/)
    assert.match(await done(brake, 'status'), /is on: IAM is slow\n {2}since .*, by administrator/)
    assert.match(await done(explain, '--client-id', 'client-1'), /^rails \(brake\)\n.*IAM is slow/)
    assert.match(await done(brake, 'off'), /is off\n/)
  })

  test('explain reads headers and body', async () => {
    const basic = `Authorization: Basic ${Buffer.from('client-1:s').toString('base64')}`
    const out = await done(
      explain,
      '--path',
      '/oauth/token',
      '--header',
      basic,
      '--body',
      'grant_type=client_credentials',
    )
    assert.match(out, /^rails \(flag_disabled\)\n {2}client client-1 is application 1/)
  })

  test('--actors with a value is refused with the reason: it would have turned the flag on for all', async () => {
    const args = ['set', `--actors=Authn::OauthApplication:1`, FLAG, 'true']
    await fails(flag, 2, /--actors takes no value: .*--oauth-application=<id>/, args)
    assert.match(await done(flag, 'get', FLAG), /in production: off/)
  })

  test('invalid usage is a usage error without any request', async () => {
    const nowhere = { HANDOVER_CONTROL_URL: 'http://127.0.0.1:1' }
    const cases: ReadonlyArray<readonly [Command, RegExp, ...string[]]> = [
      [flag, /specify get, set/],
      [flag, /not "put"/, 'put', FLAG],
      [flag, /specify one flag/, 'get'],
      [flag, /specify one flag/, 'get', 'a', 'b'],
      [flag, /specify a value/, 'set', FLAG],
      [flag, /specify one flag and one value/, 'set', FLAG, 'true', 'Authn::OauthApplication:1'],
      ...['5abc', '-1', '100.0001', 'NaN', '1e1', '', ' 5'].map(
        (value) => [flag, /is not a value: .*at most three decimals/, 'set', FLAG, value, '--actors'] as const,
      ),
      [flag, /a percentage needs --actors/, 'set', FLAG, '5'],
      [flag, /--actors requires a percentage/, 'set', FLAG, 'true', '--actors'],
      [flag, /exclude each other/, 'set', FLAG, '5', '--actors', '--oauth-application=1'],
      [flag, /requires true or false/, 'set', FLAG, '5', '--oauth-application=1'],
      [flag, /separated by commas/, 'set', FLAG, 'true', '--oauth-application='],
      [flag, /needs a value/, 'set', FLAG, 'true', '--oauth-application'],
      [
        flag,
        /--oauth-application is given twice/,
        'set',
        FLAG,
        'true',
        '--oauth-application=1',
        '--oauth-application=2',
      ],
      [flag, /needs --oauth-application/, 'set', FLAG, '--opt-out'],
      [flag, /replaces the value/, 'set', FLAG, 'true', '--opt-out', '--oauth-application=1'],
      [flag, /exclude each other/, 'set', FLAG, '--opt-out', '--remove-opt-out', '--oauth-application=1'],
      [flag, /environment "prod" is unknown/, 'set', FLAG, 'true', '--environment=prod'],
      [flag, /unknown option --stagin, did you mean --staging/, 'set', FLAG, 'true', '--stagin'],
      [flag, /specify only one environment/, 'get', FLAG, '--dev', '--pre'],
      [flag, /--match is only valid with 'list'/, 'get', FLAG, '--match', 'x'],
      [flag, /must be a version number/, 'restore', FLAG, '--to-version', 'x'],
      [flag, /--if-version must be a version number/, 'delete', FLAG, '--if-version=x'],
      [flag, /--if-version requires a single environment/, 'set', FLAG, 'true', '--if-version=1', '--dev', '--pre'],
      [flag, /--confirm takes the number/, 'delete', FLAG, '--confirm=yes'],
      [flag, /--dry-run is only valid with set, restore, delete/, 'get', FLAG, '--dry-run'],
      [flag, /specify one flag/, 'delete', FLAG, '--confirm', FLAG],
      [explain, /specify a request/],
      [explain, /is not an option/, 'client-1'],
      [explain, /must look like 'NAME: VALUE'/, '--client-id', 'x', '--header', 'x'],
      [brake, /specify one of on, off, status/, 'stop'],
      [brake, /--reason is only valid with on or off/, 'status', '--reason', 'x'],
    ]
    for (const [command, expected, ...args] of cases) await fails(command, 2, expected, args, nowhere)
  })

  test('a refusal by the control plane is printed unchanged, with exit code 1', async () => {
    await fails(flag, 1, /^handover flag: application 2 "Application 2" \(client_id client-2\) has not arrived/, [
      'set',
      FLAG,
      'true',
      '--oauth-application=2',
    ])
    await fails(flag, 1, /99 is not found!/, ['set', FLAG, 'true', '--oauth-application=99'])
    await fails(flag, 1, /did you mean proxy_oauth_requests_to_iam_service/, [
      'set',
      'proxy_oauth_requests_to_iam',
      'true',
    ])
    await fails(flag, 1, /did you mean proxy_oauth_requests_to_iam_service/, ['get', 'proxy_oauth_requests_to_iam'])
    await fails(flag, 1, /never been changed/, ['restore', 'route_unknown_oauth_clients_to_iam'])
    await fails(explain, 1, /path: must be a path/, ['--path', 'oauth'])
    await fails(flag, 1, /pre: 99 is not found! \(nothing was set\)|dev: 99 is not found! \(nothing was set\)/, [
      'set',
      FLAG,
      'true',
      '--oauth-application=99',
      '--pre',
      '--dev',
    ])
  })

  test('an unreachable control plane or a missing token is reported in one line', async () => {
    await fails(flag, 1, /the control plane at http:\/\/127.0.0.1:1 does not answer: GET .*ECONNREFUSED/, ['list'], {
      HANDOVER_CONTROL_URL: 'http://127.0.0.1:1',
    })
    await fails(flag, 2, /must be an http\(s\) URL/, ['list', '--control-url', 'localhost:1'])
    await fails(flag, 2, /token file \/nowhere\/token cannot be read \(ENOENT\)/, [
      'list',
      '--token-file',
      '/nowhere/token',
    ])
    const file = join(plane.directory, 'wrong-token')
    writeFileSync(file, 'not-a-token-of-ours\n')
    await fails(flag, 1, /does not know the token in/, ['list'], { HANDOVER_TOKEN_FILE: file })
    await fails(flag, 1, /may not do this/, ['list'], { HANDOVER_TOKEN_FILE: join(plane.directory, 'gateway-token') })
  })

  test('each command has help', async () => {
    for (const [name, command] of Object.entries({ flag, explain, brake })) {
      assert.match(await done(command, '--help'), new RegExp(`^Usage: handover ${name} `))
      assert.match(await done(command, '-h'), /--token-file FILE/)
    }
  })
})
