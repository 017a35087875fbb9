import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { POLICY_RULE_NAMES, POLICY_RULES } from '../../../applications/index.ts'
import { ConfigError, loadSettings } from '../../../config/index.ts'
import { instancePolicy } from './policy.ts'

const scratch = mkdtempSync(join(tmpdir(), 'handover-policy-'))
after(() => rmSync(scratch, { recursive: true }))

const NEEDED = ['--issuer', 'https://platform.example', '--data-dir', scratch]

for (const section of ['iam', 'monolith'] as const) {
  const read = (...args: string[]) => {
    const settings = loadSettings(section, { args: [...NEEDED, ...args], env: {} })
    assert.notEqual(settings, 'help')
    return instancePolicy(settings as Exclude<typeof settings, 'help'>)
  }
  const faultOf = (...args: string[]) => {
    try {
      read(...args)
    } catch (error) {
      assert.ok(error instanceof ConfigError)
      return error.faults.join('\n')
    }
    return assert.fail('no fault')
  }

  describe(`the policy of handover ${section}`, () => {
    test('defaults to compatible, with ten seconds of grace', () => {
      assert.deepEqual(read(), {
        policy: { preset: 'compatible', rules: {}, exempt: [], strictFor: [] },
        reuseGraceSeconds: 10,
      })
    })

    test('has a flag for every rule, which accepts only its values', () => {
      for (const rule of POLICY_RULE_NAMES) {
        const flag = `--${rule.replaceAll('_', '-')}`
        for (const value of POLICY_RULES[rule]) assert.deepEqual(read(flag, value).policy.rules, { [rule]: value })
        assert.match(faultOf(flag, 'maybe'), new RegExp(`${rule} .*must be one of ${POLICY_RULES[rule].join(', ')}`))
      }
    })

    test('names applications to exempt, and those to be strict with', () => {
      const file = join(scratch, `${section}.yml`)
      writeFileSync(file, `${section}:\n  policy: strict\n  policy_exempt: [old-app, YXBw===require_pkce]\n`)
      const { policy } = read('--config', file, '--policy-strict-for=new-app', '--policy-strict-for', 'x=plain_pkce')
      assert.equal(policy.preset, 'strict')
      assert.deepEqual(policy.exempt, [
        { clientId: 'old-app', rule: undefined },
        { clientId: 'YXBw==', rule: 'require_pkce' },
      ])
      assert.deepEqual(policy.strictFor, [
        { clientId: 'new-app', rule: undefined },
        { clientId: 'x', rule: 'plain_pkce' },
      ])
    })

    test('refuses a misspelt rule instead of taking it for an application', () => {
      for (const text of ['app=require_pkec', '=require_pkce', 'app=toString']) {
        assert.match(faultOf('--policy-exempt', text), /policy_exempt.*must be CLIENT_ID or CLIENT_ID=RULE/)
      }
    })
  })
}
