import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../config-error.ts'
import { loadSettings } from '../load.ts'

const BASE = ['--data-dir', 'unused']
const ISSUER = ['--issuer', 'https://platform.example']
const SECTIONS = ['iam', 'monolith', 'up'] as const

function settingsOf(section: (typeof SECTIONS)[number], args: readonly string[], env: Record<string, string> = {}) {
  const settings = loadSettings(section, { args: [...BASE, ...(section === 'up' ? [] : ISSUER), ...args], env })
  return settings === 'help' ? assert.fail('help') : settings
}

function faultOf(section: (typeof SECTIONS)[number], ...args: string[]): string {
  try {
    settingsOf(section, args)
  } catch (error) {
    return error instanceof ConfigError ? error.message : assert.fail(String(error))
  }
  return ''
}

for (const section of SECTIONS) {
  test(`scopes and lifetimes of ${section} default to GitLab's values`, () => {
    const settings = settingsOf(section, [])
    assert.deepEqual(settings.default_scope, ['api'])
    assert.equal(
      settings.optional_scope.join(' '),
      'read_user read_api openid profile email read_repository write_repository',
    )
    const { authorization_code_seconds, access_token_seconds, id_token_seconds, device_code_seconds } = settings
    assert.deepEqual([authorization_code_seconds, access_token_seconds, id_token_seconds], [600, 7_200, 120])
    assert.deepEqual([device_code_seconds, settings.device_poll_seconds, settings.realm], [300, 5, undefined])
  })

  test(`scopes of ${section} come from flags and variables`, () => {
    const flags = ['--default-scope', 'read', '--optional-scope', 'write', '--optional-scope', 'openid']
    const settings = settingsOf(section, flags, {
      [`HANDOVER_${section.toUpperCase()}_DYNAMIC_SCOPE`]: 'user:*,project:*',
    })
    assert.deepEqual([settings.default_scope, settings.optional_scope], [['read'], ['write', 'openid']])
    assert.deepEqual(settings.dynamic_scope, ['user:*', 'project:*'])
  })

  test(`invalid scopes and lifetimes of ${section} are refused with the name of the option and the rule`, () => {
    const refused: ReadonlyArray<readonly [args: string[], message: RegExp]> = [
      [['--default-scope', 'a b'], /default_scope.*must be the name of a scope, such as read_user/],
      [['--optional-scope', 'user:*'], /optional_scope.*must be the name of a scope/],
      [['--dynamic-scope', 'user'], /dynamic_scope.*must be NAME:\*, such as user:\*/],
      [
        ['--default-scope', 'a', '--default-scope', 'a'],
        /default_scope \(--default-scope\): must name each scope once/,
      ],
      [
        ['--default-scope', 'openid'],
        /optional_scope \(--optional-scope\): must not name openid, which is a default scope/,
      ],
      [['--access-token-seconds', '59'], /access_token_seconds.*must be a whole number from 60 to 2592000/],
      [['--authorization-code-seconds', '3601'], /authorization_code_seconds.*from 10 to 3600/],
      [['--id-token-seconds', '0'], /id_token_seconds.*from 30 to 86400/],
      [['--device-code-seconds', '1.5'], /device_code_seconds.*from 60 to 86400/],
      [['--device-poll-seconds', '31'], /device_poll_seconds.*from 1 to 30/],
      [['--realm', 'a "quoted" one'], /realm \(--realm\): must be 1 to 255 printable ASCII characters/],
    ]
    for (const [args, message] of refused) assert.match(faultOf(section, ...args), message)
  })
}
