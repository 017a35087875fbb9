import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DEFAULT_CLAIMS } from '../../../authorization-server/index.ts'
import { ConfigError, loadSettings, type Settings } from '../../../config/index.ts'
import { shownClaimsOf } from './claims.ts'
import { withRecordedClaims } from './recorded-platform.ts'

function claimsOf(...args: string[]) {
  const settings = loadSettings('monolith', {
    args: ['--issuer', 'https://platform.example', '--data-dir', 'unused', ...args],
    env: {},
  })
  return shownClaimsOf('monolith', settings as Settings<'monolith'>)
}

function faultsOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

describe('the options --claim and --id-token-claim', () => {
  it('select the returned claims, the scopes they require and the claims in ID tokens', () => {
    assert.deepEqual(claimsOf('--claim', 'groups', '--claim', 'email=email', '--id-token-claim', 'email'), [
      { name: 'groups', scope: undefined, inIdToken: false },
      { name: 'email', scope: 'email', inIdToken: true },
    ])
    assert.deepEqual(claimsOf('--claim', 'https://gitlab.org/claims/groups/owner'), [
      { name: 'https://gitlab.org/claims/groups/owner', scope: undefined, inIdToken: false },
    ])
  })

  it('keep the default claims if only the claims in ID tokens are given', () => {
    assert.deepEqual(claimsOf(), DEFAULT_CLAIMS)
    const claims = claimsOf('--id-token-claim', 'groups')
    assert.deepEqual(
      claims.filter(({ inIdToken }) => inIdToken).map(({ name }) => name),
      ['groups'],
    )
    assert.equal(claims.length, DEFAULT_CLAIMS.length)
  })

  it('are configuration errors when they contradict each other', () => {
    assert.match(
      faultsOf(() => claimsOf('--claim', 'a', '--claim', 'a=email')),
      /monolith\.claim \(--claim\): a is named twice/,
    )
    assert.match(
      faultsOf(() => claimsOf('--id-token-claim', 'is_admin')),
      /--id-token-claim\): is_admin is not among the claims shown/,
    )
    assert.match(
      faultsOf(() => claimsOf('--claim', 'a b')),
      /must be NAME or NAME=SCOPE/,
    )
  })
})

describe('the recorded claims', () => {
  const user = { password: 'p', name: 'Alice Example' }
  const alice = { ...user, id: 1, username: 'alice', email: 'alice@example.test' }
  const claimsIn = (users: Parameters<typeof withRecordedClaims>[0]['users']) =>
    withRecordedClaims({ users, clients: {} }, 'http://127.0.0.1:8181').users.map(({ claims }) => claims)

  it('are added only to the users of the recording', () => {
    const [recorded, ...others] = claimsIn([
      alice,
      { ...alice, id: 3 },
      { ...alice, email: 'alice@corp.example' },
      { ...user, id: 4, username: 'mallory', email: 'mallory@example.test' },
    ])
    assert.deepEqual(recorded?.['groups'], ['lab', 'lab/sub'])
    assert.equal(recorded?.['picture'], 'http://127.0.0.1:8181/uploads/alice.png')
    assert.deepEqual(others, [undefined, undefined, undefined])
  })

  it('do not override the claims in the seed', () => {
    assert.deepEqual(claimsIn([{ ...alice, claims: {} }]), [{}])
  })
})
