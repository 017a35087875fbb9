import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resourceOwnerSchema, userClaimsSchema } from './index.ts'

function faultsOf(claims: unknown): string[] {
  const read = userClaimsSchema.safeParse(claims)
  return read.success ? [] : read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
}

describe('the claims of a user document', () => {
  it('may be any of the standard claims in their types, and platform claims in any JSON', () => {
    const claims = {
      email_verified: false,
      updated_at: 1_700_000_000,
      address: { formatted: 'Somewhere 1', country: 'DE' },
      groups: [],
      picture: null,
      'https://gitlab.org/claims/groups/owner': ['a/b', 'c'],
      employee: { number: 7, roles: ['on-call'] },
    }
    assert.deepEqual(faultsOf(claims), [])
    assert.deepEqual(userClaimsSchema.parse(claims), claims)
  })

  const refused: ReadonlyArray<readonly [what: string, claims: unknown, fault: string]> = [
    ['a list in place of an object', [], ': must be an object'],
    ['an e-mail that is verified by a word', { email_verified: 'true' }, 'email_verified: must be a boolean'],
    ['groups that are one string', { groups: 'admins' }, 'groups: must be an array of strings'],
    ['groups that are numbers', { groups: [1] }, 'groups: must be an array of strings'],
    ['a subject', { sub: '1' }, 'sub: is for the authorization server alone to say'],
    ['an issuer', { iss: 'https://evil.example' }, 'iss: is for the authorization server alone to say'],
    ['a prototype', JSON.parse('{"__proto__": {"groups": ["admins"]}}'), '__proto__: is for the authorization server'],
    ['a name with a space', { 'a b': 1 }, ': the name of a claim must be 1 to 255 printable ASCII characters'],
    ['a NUL', { title: 'a\u0000b' }, 'title: must not hold a NUL character or an unpaired surrogate'],
    ['half of a pair', { title: ['\ud800'] }, 'title: must not hold a NUL character or an unpaired surrogate'],
    ['a NUL in the name of a member', { title: { '\u0000': 1 } }, 'title: must not hold a NUL character'],
    ['a number beyond all numbers', JSON.parse('{"n": 1e999}'), 'n: must not hold a number that is not finite'],
    ['a long string', { bio: 'x'.repeat(4_097) }, 'bio: must not hold a string of more than 4096 characters'],
    ['a long list', { groups: Array(1_001).fill('g') }, 'groups: must not hold a list of more than 1000 entries'],
    ['deep nesting', { a: [[[1]]] }, 'a: must not be nested more than 3 levels deep'],
    [
      'many claims',
      Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`c${n}`, 1])),
      ': holds more than 64 claims',
    ],
    ['many bytes', { a: Array(10).fill('x'.repeat(4_000)) }, ': is more than 32768 bytes of JSON'],
  ]
  for (const [what, claims, fault] of refused) {
    it(`may not be ${what}`, () => {
      const faults = faultsOf(claims)
      assert.equal(faults.length, 1, faults.join('; '))
      assert.ok(faults[0]?.startsWith(fault), faults[0])
    })
  }
})

describe('a user document', () => {
  const alice = { subject: '1', username: 'alice', name: 'Alice', email: 'alice@example.test', auth_time: 1 }

  it('names the field of a text that cannot be stored', () => {
    for (const field of ['username', 'name', 'email']) {
      for (const text of ['a\u0000', '\udfff']) {
        const read = resourceOwnerSchema.safeParse({ ...alice, [field]: text })
        assert.deepEqual(read.error?.issues[0]?.path, [field])
      }
    }
  })

  it('has no claims by default', () => {
    assert.deepEqual(resourceOwnerSchema.parse(alice).claims, {})
  })
})
