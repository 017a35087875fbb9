import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConfigError, loadSettings } from '../../config/index.ts'
import { gatewaySettings } from './gateway.ts'
import { joined } from './gateway-workers.ts'

const BASE = ['--legacy-url', 'http://127.0.0.1:1', '--iam-url', 'http://127.0.0.1:2']

function settingsOf(...args: string[]) {
  const settings = loadSettings('gateway', { args: [...BASE, ...args], env: {} })
  assert.notEqual(settings, 'help')
  return settings === 'help' ? assert.fail() : settings
}

describe('a gateway in front of an IAM without marks', () => {
  test('refuses several processes without a shared ledger', () => {
    assert.throws(
      () => settingsOf('--iam-unmarked', '--workers', '2'),
      (error) => error instanceof ConfigError && /--workers.*--ledger-url/.test(error.message),
    )
    gatewaySettings(settingsOf('--iam-unmarked', '--workers', '2', '--ledger-url', 'redis://127.0.0.1:6379/1'))
    gatewaySettings(settingsOf('--iam-unmarked'))
  })

  test('reports an invalid ledger URL without the password in it', () => {
    assert.throws(
      () => settingsOf('--ledger-url', 'http://user:s3cret@127.0.0.1'),
      (error) => error instanceof ConfigError && /redis:\/\//.test(error.message) && !error.message.includes('s3cret'),
    )
  })
})

test('the key of flow marks is the same for all gateways with the same secret, and only for those', () => {
  const keyOf = (seed?: string) =>
    Buffer.from(gatewaySettings(settingsOf(), undefined, seed).flowKey ?? []).toString('hex')
  assert.equal(keyOf('a'), keyOf('a'))
  assert.notEqual(keyOf('a'), keyOf('b'))
  assert.notEqual(keyOf(), keyOf())
})

test('the last good snapshot is in one file, whatever the number of processes', () => {
  const fileOf = (worker?: string) => {
    const secrets = ['--control-url', 'http://127.0.0.1:3', '--control-token-file', import.meta.filename]
    const { source } = gatewaySettings(settingsOf(...secrets, '--data-dir', '/d'), worker)
    return source.kind === 'control' ? source.stateFile : undefined
  }
  assert.deepEqual([fileOf(), fileOf('0'), fileOf('7')], Array(3).fill('/d/snapshot.ndjson'))
})

describe('the admin port of several processes', () => {
  const answerOf = (status: number, json: unknown) =>
    ({ status, json, text: JSON.stringify(json), headers: {} }) as never
  const ready = answerOf(200, { status: 'ready' })
  const draining = answerOf(503, { status: 'draining' })

  test('is healthy and ready while one of them is', () => {
    for (const path of ['/healthz', '/readyz']) {
      assert.equal(joined({ path }, [ready]).status, 200)
      assert.equal(joined({ path }, [draining, undefined, ready]).status, 200)
      assert.equal(joined({ path }, [draining, draining]).status, 503)
      assert.equal(joined({ path }, []).status, 503)
    }
  })

  test('reports that the brake was set only when every running process has responded', () => {
    assert.equal(joined({ path: '/brake' }, [ready, ready]).status, 200)
    assert.equal(joined({ path: '/brake' }, [ready, undefined]).status, 503)
    assert.equal(joined({ path: '/brake' }, [ready, draining]).status, 503)
  })
})
