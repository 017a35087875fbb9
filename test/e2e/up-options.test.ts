import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import { runHandover } from '../support/program.ts'
import { eventually } from '../support/wait.ts'
import { SEED, type System, startUp, untilReplicated } from './system.ts'

const seed = JSON.parse(readFileSync(SEED, 'utf8')) as {
  clients: Record<string, { id: number; uid: string; secret: string }>
}

describe('handover up with scopes and lifetimes of its own', () => {
  let system: System
  before(async () => {
    system = await startUp(
      ...['--seed', SEED, '--access-token-seconds', '90', '--device-code-seconds', '77', '--realm', 'Platform'],
      ...['--default-scope', 'read', '--optional-scope', 'openid'],
    )
    await untilReplicated(system, Object.keys(seed.clients).length)
  })
  after(() => system?.stop())

  const post = async (path: string, form: Record<string, string>) => {
    const { uid, secret } = seed.clients['conf'] ?? assert.fail()
    const body = new URLSearchParams({ client_id: uid, client_secret: secret, ...form })
    const answer = await fetch(`${system.issuer}/oauth/${path}`, { method: 'POST', body })
    return { challenge: answer.headers.get('www-authenticate'), json: (await answer.json()) as Record<string, unknown> }
  }
  const assertApplies = async () => {
    const { json } = await post('token', { grant_type: 'client_credentials' })
    assert.deepEqual([json['expires_in'], json['scope']], [90, 'read'])
    assert.equal((await post('authorize_device', {})).json['expires_in'], 77)
    assert.match((await post('token', { grant_type: 'none' })).challenge ?? '', /realm="Platform"/)
    return String(json['access_token']).startsWith(IAM_PREFIXES.access_token)
  }

  test('issues the same on both sides', async () => {
    assert.equal(await assertApplies(), false)
    const { id } = seed.clients['conf'] ?? assert.fail()
    const flag = ['flag', 'set', 'proxy_oauth_requests_to_iam_service', 'true', `--oauth-application=${id}`]
    assert.equal((await system.handover(...flag)).code, 0)
    await eventually('the application is on IAM', assertApplies)
  })

  test('lets its users be managed by the token file alone, and a new user signs in on both sides', async () => {
    const password = join(system.dataDir, 'password')
    writeFileSync(password, 'password-of-dora\n')
    const token = ['--token-file', join(system.dataDir, 'monolith-admin-token')]
    const user = ['--username', 'dora', '--email', 'dora@example.test', '--password-file', password]
    const made = await runHandover(['user', 'create', ...user, ...token])
    assert.equal(made.code, 0, made.stderr)
    for (const url of [system.monolithUrl, system.iamUrl]) {
      const { uid, secret } = seed.clients['conf'] ?? assert.fail()
      const form = { client_id: uid, client_secret: secret, username: 'dora', password: 'password-of-dora' }
      const body = new URLSearchParams({ ...form, grant_type: 'password', scope: 'openid' })
      const answer = await fetch(`${url}/oauth/token`, { method: 'POST', body })
      assert.equal(answer.status, 200, await answer.text())
    }
  })
})
