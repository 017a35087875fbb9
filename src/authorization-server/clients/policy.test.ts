import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type ApplicationPolicy,
  applicationPolicySchema,
  POLICY_RULE_NAMES,
  POLICY_RULES,
  type Policy,
  parsePolicyTarget,
  presetPolicy,
} from '../../applications/index.ts'
import type { InstancePolicy } from './policy.ts'
import { isPasswordGrantOffered, type PolicySubject, policyFor, resolvePolicy } from './policy.ts'

const COMPATIBLE = presetPolicy('compatible')
const STRICT = presetPolicy('strict')
const ofSubject = (instance: InstancePolicy, application: PolicySubject) =>
  policyFor(resolvePolicy(instance), application)
const ofApp = (instance: InstancePolicy, policy?: ApplicationPolicy) =>
  ofSubject(instance, policy === undefined ? { client_id: 'app' } : { client_id: 'app', policy })
const only = (rule: keyof Policy | undefined) => [{ clientId: 'app', rule }]

/** The rules in which two policies differ. */
const differences = (one: Policy, other: Policy) => POLICY_RULE_NAMES.filter((rule) => one[rule] !== other[rule])

describe('the policy of a client', () => {
  it("is Doorkeeper's behaviour when nothing is configured", () => {
    assert.deepEqual(ofApp({}), COMPATIBLE)
    assert.deepEqual(resolvePolicy().general, COMPATIBLE)
    assert.equal(COMPATIBLE.require_pkce, 'none')
    assert.equal(STRICT.require_pkce, 'all')
  })

  it('follows the instance, where a single rule overrides the preset', () => {
    assert.deepEqual(ofApp({ preset: 'strict' }), STRICT)
    const instance: InstancePolicy = { preset: 'strict', rules: { require_pkce: 'public' } }
    assert.equal(ofApp(instance).require_pkce, 'public')
    assert.deepEqual(differences(ofApp(instance), STRICT), ['require_pkce'])
  })

  it("follows the application's own document where that is stricter", () => {
    assert.deepEqual(ofApp({}, { preset: 'strict' }), STRICT)
    assert.equal(ofApp({ rules: { require_pkce: 'public' } }, { require_pkce: 'all' }).require_pkce, 'all')
    assert.deepEqual(differences(ofApp({}, { preset: 'strict', password_grant: 'accept' }), STRICT), ['password_grant'])
  })

  it('ignores an application’s document that tries to drop a rule', () => {
    const lax: ApplicationPolicy = { preset: 'compatible', require_pkce: 'none', plain_pkce: 'accept' }
    assert.deepEqual(ofApp({ preset: 'strict' }, lax), STRICT)
  })

  it('follows the application’s document alone when the operator exempts the application', () => {
    const instance: InstancePolicy = { preset: 'strict', exempt: only(undefined) }
    assert.deepEqual(differences(ofApp(instance), COMPATIBLE), ['response_iss'])
    assert.equal(ofApp(instance, { require_pkce: 'public' }).require_pkce, 'public')
    assert.deepEqual(ofSubject(instance, { client_id: 'other' }), STRICT)
  })

  it('can exempt an application from one rule, including iss', () => {
    for (const rule of POLICY_RULE_NAMES) {
      const held = ofApp({ preset: 'strict', exempt: only(rule) })
      assert.deepEqual(differences(held, STRICT), [rule])
      assert.equal(held[rule], COMPATIBLE[rule])
    }
  })

  it('is the strictest one where the operator requires it, regardless of exemptions and documents', () => {
    const named = { strictFor: only(undefined), exempt: only(undefined) }
    assert.deepEqual(ofApp(named, { preset: 'compatible' }), STRICT)
    assert.deepEqual(ofSubject(named, { client_id: 'other' }), COMPATIBLE)
    for (const rule of POLICY_RULE_NAMES) {
      assert.deepEqual(differences(ofApp({ strictFor: only(rule) }), COMPATIBLE), [rule])
    }
  })

  it('never becomes laxer through the application’s document, whatever the instance configures', () => {
    const partial = fc.record(
      Object.fromEntries(POLICY_RULE_NAMES.map((rule) => [rule, fc.constantFrom(...POLICY_RULES[rule])])),
      { requiredKeys: [] },
    )
    const preset = fc.constantFrom('compatible', 'strict', undefined)
    fc.assert(
      fc.property(preset, partial, preset, partial, (instancePreset, rules, ownPreset, own) => {
        const instance = { preset: instancePreset, rules } as InstancePolicy
        const held = ofApp(instance, { ...(ownPreset && { preset: ownPreset }), ...own } as ApplicationPolicy)
        const { general } = resolvePolicy(instance)
        for (const rule of POLICY_RULE_NAMES) {
          const values: readonly string[] = POLICY_RULES[rule]
          assert.ok(values.indexOf(held[rule]) >= values.indexOf(general[rule]), rule)
        }
      }),
    )
  })
})

it('offers the password grant when at least one client may use it', () => {
  const off: InstancePolicy = { rules: { password_grant: 'refuse' } }
  assert.equal(isPasswordGrantOffered(resolvePolicy()), true)
  assert.equal(isPasswordGrantOffered(resolvePolicy(off)), false)
  assert.equal(isPasswordGrantOffered(resolvePolicy({ ...off, exempt: only('password_grant') })), true)
  assert.equal(isPasswordGrantOffered(resolvePolicy({ ...off, exempt: only(undefined) })), true)
  assert.equal(isPasswordGrantOffered(resolvePolicy({ ...off, exempt: only('require_pkce') })), false)
})

describe('an exception', () => {
  it('names an application, or one of its rules', () => {
    assert.deepEqual(parsePolicyTarget('app'), { clientId: 'app', rule: undefined })
    assert.deepEqual(parsePolicyTarget('app=require_pkce'), { clientId: 'app', rule: 'require_pkce' })
    assert.deepEqual(parsePolicyTarget('YXBw=='), { clientId: 'YXBw==', rule: undefined })
    assert.deepEqual(parsePolicyTarget('YXBw===plain_pkce'), { clientId: 'YXBw==', rule: 'plain_pkce' })
  })

  it('with an invalid rule matches no application, not even one of that name', () => {
    for (const text of ['', 'app=require_pkec', '=require_pkce', 'app=toString']) {
      assert.equal(parsePolicyTarget(text), undefined, text)
    }
  })
})

it('a document with an unknown rule or value is rejected', () => {
  assert.equal(applicationPolicySchema.safeParse({}).success, true)
  assert.equal(applicationPolicySchema.safeParse({ preset: 'strict', require_pkce: 'public' }).success, true)
  for (const document of [{ require_pkec: 'all' }, { require_pkce: 'refuse' }, { preset: 'lax' }, { plain_pkce: null }])
    assert.equal(applicationPolicySchema.safeParse(document).success, false, JSON.stringify(document))
})
