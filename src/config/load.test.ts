import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError } from './config-error.ts'
import { loadSettings, optionsOf } from './load.ts'
import { type Section, sections } from './schema.ts'
import { ensureSecretFile, readKeyFile, readSecretFile } from './secret-file.ts'

const scratch = mkdtempSync(join(tmpdir(), 'handover-config-'))
after(() => rmSync(scratch, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(scratch, name)
  writeFileSync(path, content)
  return path
}

function faultsOf(section: Section, args: string[], env: Record<string, string> = {}): readonly string[] {
  try {
    loadSettings(section, { args, env })
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.faults
  }
  return []
}

const LEGACY = ['--legacy-url', 'http://127.0.0.1:3000']
const IAM = ['--iam-url', 'http://127.0.0.1:8084']

test('flags override variables, variables override the file, the file overrides defaults', () => {
  const config = file('a.yml', 'gateway:\n  legacy_url: http://file:1\n  listen: 127.0.0.1:1\n  drain_ms: 7\n')
  const env = { HANDOVER_GATEWAY_LEGACY_URL: 'http://variable:2', HANDOVER_GATEWAY_LISTEN: '127.0.0.1:2' }
  const settings = loadSettings('gateway', { args: ['--config', config, '--listen=127.0.0.1:3'], env })
  assert.notEqual(settings, 'help')
  if (settings === 'help') return
  assert.equal(settings.listen, '127.0.0.1:3')
  assert.equal(settings.legacy_url, 'http://variable:2')
  assert.equal(settings.drain_ms, 7)
  assert.equal(settings.connect_timeout_ms, 2_000)
})

test('--iamServiceURL and IAM_SERVICE_URL set --iam-url, and the flag overrides the variable', () => {
  for (const args of [['--iam-url', 'http://a'], ['--iamServiceURL=http://a'], ['--iamServiceURL', 'http://a']]) {
    const settings = loadSettings('gateway', { args: [...LEGACY, ...args], env: { IAM_SERVICE_URL: 'http://b' } })
    assert.equal(settings === 'help' ? '' : settings.iam_url, 'http://a')
  }
  const settings = loadSettings('gateway', { args: LEGACY, env: { IAM_SERVICE_URL: 'http://b' } })
  assert.equal(settings === 'help' ? '' : settings.iam_url, 'http://b')
})

test('a list is a repeated flag, a YAML list, or commas in a variable', () => {
  const config = file('list.yml', 'gateway: { legacy_url: http://a, iam_url: http://b, iam_token_prefix: [x-, y-] }')
  for (const [args, env] of [
    [[...LEGACY, ...IAM, '--iam-token-prefix', 'x-', '--iam-token-prefix=y-'], {}],
    [['--config', config], {}],
    [[...LEGACY, ...IAM], { HANDOVER_GATEWAY_IAM_TOKEN_PREFIX: 'x-,y-' }],
  ] as const) {
    const settings = loadSettings('gateway', { args, env })
    assert.deepEqual(settings === 'help' ? [] : settings.iam_token_prefix, ['x-', 'y-'])
  }
})

test('the control plane has one or several addresses, and each must be valid', () => {
  const token = file('gateway-token', 'x'.repeat(32))
  const read = (args: string[], env = {}) => {
    const settings = loadSettings('gateway', { args: [...LEGACY, '--control-token-file', token, ...args], env })
    return settings === 'help' ? undefined : settings.control_url
  }
  const both = ['http://one:8080', 'http://two:8080']
  assert.deepEqual(read(['--control-url', 'http://one:8080', '--control-url=http://two:8080']), both)
  assert.deepEqual(read([], { HANDOVER_GATEWAY_CONTROL_URL: both.join(',') }), both)
  assert.deepEqual(read(['--config', file('one.yml', 'gateway: { control_url: "http://one:8080" }')]), [both[0]])
  assert.equal(read([]), undefined)
  assert.deepEqual(faultsOf('gateway', [...LEGACY, '--control-token-file', token, '--control-url', 'one:8080']), [
    'gateway.control_url.0: must be an http or https URL',
  ])
})

test('all errors are reported together, each with its option and rule', () => {
  const config = file('faulty.yml', 'gateway: { lisen: 1, workers: 0 }\ncontrl: {}\niam: { isuer: x }\n')
  assert.deepEqual(
    faultsOf('gateway', ['--config', config, '--drain-ms', '5abc', '--legcy-url', 'http://x', 'stray']),
    [
      '--legcy-url: unknown option, did you mean --legacy-url?',
      'unexpected argument "stray"',
      'contrl: unknown key, did you mean control?',
      'iam.isuer: unknown key, did you mean issuer?',
      'gateway.legacy_url (--legacy-url): must be given',
      'gateway.workers (--workers): must be a whole number from 1 to 128',
      'gateway.drain_ms (--drain-ms): must be a whole number from 1 to 3600000',
      'gateway.lisen: unknown key, did you mean listen?',
    ],
  )
  const two = file('faulty2.yml', 'gateway: { lisen: 1, workers: 0, legacy_url: http://a }\niam: { isuer: x }\n')
  assert.deepEqual(faultsOf('gateway', ['--config', two]), [
    'iam.isuer: unknown key, did you mean issuer?',
    'gateway.workers (--workers): must be a whole number from 1 to 128',
    'gateway.lisen: unknown key, did you mean listen?',
  ])
})

test('options that require or exclude each other are reported with all other errors', () => {
  assert.deepEqual(faultsOf('iam', []), [
    'iam.issuer (--issuer): must be given',
    'iam: one of --database-url and --data-dir must be given',
  ])
  assert.deepEqual(faultsOf('gateway', ['--control-url', 'http://a', '--routing-url', 'http://b', '--workers', 'x']), [
    'gateway.legacy_url (--legacy-url): must be given',
    'gateway.workers (--workers): must be a whole number from 1 to 128',
    'gateway: --control-url and --routing-url exclude each other: decisions come from one source',
    'gateway.control_token_file (--control-token-file): must be given with --control-url',
    'gateway.routing_secret_file (--routing-secret-file): must be given with --routing-url',
  ])
  assert.deepEqual(faultsOf('monolith', ['--issuer', 'http://a', '--data-dir', 'x', '--control-url', 'http://b']), [
    'monolith.control_token_file (--control-token-file): must be given with --control-url',
  ])
})

test('unreadable or invalid files are reported with all other errors', () => {
  const at = (name: string) => join(scratch, name)
  writeFileSync(at('key'), `${Buffer.alloc(32, 1).toString('base64')}\n`)
  writeFileSync(at('short'), 'c2hvcnQ=')
  writeFileSync(at('empty'), '\n')
  const args = ['--listen', '0.0.0.0:80', '--test-controls', '--control-url', 'http://a', '--workers', 'x']
  const files = ['--verifier-key-file', at('short'), '--flow-key-file', at('key'), '--control-token-file', at('none')]
  assert.deepEqual(faultsOf('gateway', [...args, ...files]), [
    'gateway.legacy_url (--legacy-url): must be given',
    'gateway.workers (--workers): must be a whole number from 1 to 128',
    `--verifier-key-file: ${at('short')} must contain exactly 32 bytes in base64`,
    `--control-token-file: ${at('none')} cannot be read (ENOENT)`,
    'gateway.test_controls (--test-controls): only where --listen is a loopback address',
  ])
  const iam = ['--database-url', 'postgres://a', '--internal-token-file', at('empty'), '--sealing-key-file', at('new')]
  assert.deepEqual(faultsOf('iam', [...iam, '--previous-sealing-key-file', at('none')]), [
    'iam.issuer (--issuer): must be given',
    `--internal-token-file: ${at('empty')} is empty`,
    `--previous-sealing-key-file: ${at('none')} cannot be read (ENOENT)`,
  ])
})

test('IAM options without IAM, and several processes without a shared ledger, are errors', () => {
  assert.deepEqual(faultsOf('gateway', [...LEGACY, '--iam-jwt-issuer', 'x']), [
    'gateway.iam_url (--iam-url): must be given with --iam-jwt-issuer',
  ])
  assert.deepEqual(faultsOf('gateway', [...LEGACY, '--iam-url', 'http://a', '--iam-unmarked', '--workers', '2']), [
    'gateway.workers (--workers): with --iam-unmarked several processes need a shared ledger; specify it with --ledger-url',
  ])
})

const bad: Array<[string, Section, string[], string]> = [
  ['a port over 65535', 'gateway', [...LEGACY, '--listen', 'a:65536'], 'must be HOST:PORT'],
  ['a listen address without a port', 'gateway', [...LEGACY, '--listen', 'localhost'], 'must be HOST:PORT'],
  ['a URL of another scheme', 'gateway', ['--legacy-url', 'ftp://a'], 'must be an http or https URL'],
  ['a URL with a password', 'gateway', [...LEGACY, '--iam-url', 'http://u:p@a'], 'must not contain a user name'],
  ['a root with a slash at its end', 'gateway', [...LEGACY, '--relative-url-root', '/x/'], 'must begin with a slash'],
  ['an unknown environment', 'gateway', [...LEGACY, '--environment', 'prod'], 'must be one of dev, pre'],
  ['a value for nothing', 'gateway', [...LEGACY, '--iam-url'], 'needs a value'],
  ['an option given twice', 'gateway', [...LEGACY, ...LEGACY], 'given twice'],
  ['a switch that is neither', 'gateway', [...LEGACY, '--test-controls=maybe'], 'must be true or false'],
  [
    'a database of another kind',
    'iam',
    ['--issuer', 'http://a', '--database-url', 'mysql://a'],
    'must begin with postgres',
  ],
  ['a missing file', 'up', ['--config', '/nonexistent/x.yml'], 'cannot be read (ENOENT)'],
  ['a port base too high', 'up', ['--port-base', '65530'], 'must be a whole number from 1 to 65529'],
]
for (const [what, section, args, rule] of bad) {
  test(`${what} is an error that names the rule`, () => {
    const faults = faultsOf(section, args)
    assert.equal(faults.length, 1, faults.join('\n'))
    assert.match(faults[0] ?? '', new RegExp(rule.replace(/[()]/g, '\\$&')))
  })
}

test('a file that is not YAML is an error that does not show its content', () => {
  const faults = faultsOf('up', ['--config', file('b.yml', 'up: [unclosed secret-word')])
  assert.equal(faults.length, 1)
  assert.doesNotMatch(faults[0] ?? '', /secret-word/)
})

test('an error never shows the value', () => {
  const faults = faultsOf('iam', ['--issuer', 'http://a', '--database-url', 'secret-word'])
  assert.doesNotMatch(faults.join(), /secret-word/)
})

test('a request for help takes precedence over validation', () => {
  assert.equal(loadSettings('gateway', { args: ['--help'], env: {} }), 'help')
})

test('every option has a description, and a variable unless it is structured', () => {
  for (const section of Object.keys(sections) as Section[]) {
    for (const option of optionsOf(section)) {
      assert.ok(option.description.length > 10, `${section}.${option.key}`)
      if (option.isFileOnly) assert.deepEqual([...option.flags, ...option.variables], [])
      else assert.match(option.variables[0] ?? '', /^HANDOVER_[A-Z_]+$/)
    }
  }
})

test('structured settings are validated by place, with a suggestion for a mistyped key', () => {
  const config = file(
    'chatops.yml',
    `control:
  data_dir: /tmp/x
  chatops:
    production_chanel: C1
    production_check: { wait_second: 5 }
    slack: { people: [{ slack_id: u1, name: a, role: boss }] }
    freezes: [{ from: 2026-12-20T00:00:00Z, until: 2026-12-19T00:00:00Z, why: holidays }]
    alarms: { prometheus_url: 'http://prometheus:9090', alertmanager_url: 'http://a', token_file: /t }
`,
  )
  assert.deepEqual(faultsOf('control', ['--config', config]).toSorted(), [
    'control.chatops.alarms.token_file: may only be sent to an https URL or to a loopback address',
    'control.chatops.alarms: must name prometheus_url or alertmanager_url, and not both',
    'control.chatops.freezes.0: must end after it begins',
    'control.chatops.production_chanel: unknown key, did you mean production_channel?',
    'control.chatops.production_check.wait_second: unknown key, did you mean wait_seconds?',
    'control.chatops.slack.people.0.role: must be viewer or operator',
    "control.chatops.slack.people.0.slack_id: must be one of Slack's ids, such as C0123ABCD",
    'control.chatops.slack.signing_secret_file: must be given',
  ])
  assert.match(faultsOf('control', ['--chatops', 'x'])[0] ?? '', /unknown option/)
})

test('structured settings have default values inside', () => {
  const config = file('small.yml', 'control:\n  data_dir: /tmp/x\n  chatops: { two_person: [production] }\n')
  const settings = loadSettings('control', { args: ['--config', config], env: {} })
  assert.notEqual(settings, 'help')
  const chatops = settings === 'help' ? undefined : settings.chatops
  assert.equal(chatops?.production_check.wait_seconds, 300)
  assert.deepEqual(chatops?.two_person, ['production'])
})

test('a secret file is created once, readable only by its owner, and read back', () => {
  const path = join(scratch, 'deep', 'secret')
  ensureSecretFile('--x', path)
  const secret = readSecretFile('--x', path)
  ensureSecretFile('--x', path)
  assert.equal(readSecretFile('--x', path), secret)
  assert.equal(readKeyFile('--x', path).length, 32)
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a key of the wrong length is refused without being shown', () => {
  const path = file('short', Buffer.alloc(31, 65).toString('base64'))
  assert.throws(
    () => readKeyFile('--x', path),
    (error: Error) => error instanceof ConfigError && !error.message.includes('QUFB'),
  )
})

test('paths are configured once per endpoint and must be plain', () => {
  const good = ['--iam-path', 'authorize=/oauth2/auth', '--iam-path=token=/oauth2/token', '--iam-page', '/interaction']
  assert.deepEqual(faultsOf('gateway', [...LEGACY, ...IAM, ...good]), [])
  const settings = loadSettings('gateway', { args: [...LEGACY, ...IAM, ...good], env: {} })
  assert.notEqual(settings, 'help')
  if (settings === 'help') return
  assert.deepEqual(settings.iam_path, ['authorize=/oauth2/auth', 'token=/oauth2/token'])
  const bad = [
    'oauth=/x',
    'token',
    'token=',
    'token=/',
    'token=x',
    'token=/a/../b',
    'token=/a?b',
    'token=/a%2fb',
    'token=//a',
  ]
  for (const pair of bad) {
    const [fault = '', ...more] = faultsOf('gateway', [...LEGACY, ...IAM, '--iam-path', pair])
    assert.match(fault, /^gateway\.iam_path.* must be ENDPOINT=PATH/, pair)
    assert.deepEqual(more, [])
  }
  const twice = faultsOf('gateway', [...LEGACY, ...IAM, '--legacy-path', 'token=/a', '--legacy-path', 'token=/b'])
  assert.match(twice.join(), /legacy_path.* must name each endpoint once/)
  assert.match(faultsOf('gateway', [...LEGACY, ...IAM, '--iam-page', '/']).join(), /iam_page/)
  assert.match(faultsOf('gateway', [...LEGACY, '--iam-path', 'token=/a']).join(), /iam_url/)
})
