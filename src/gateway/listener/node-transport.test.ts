import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'

const GATEWAY = join(import.meta.dirname, '..')
const PRELOAD = pathToFileURL(join(GATEWAY, 'testing', 'test-without-fast-path.ts')).href
const LIMIT_MS = 120_000

describe('without the fast path,', () => {
  for (const suite of [
    'exchange/failover',
    'headers/headers',
    'telemetry/observability',
    'exchange/routing',
    'headers/flow-affinity',
    'both-sides/query-both-sides',
    'listener/smuggling',
    'start',
  ]) {
    test(`the suite "${suite}" passes`, async () => {
      // A test runner that finds its own marker in the environment would report to a parent that does not exist.
      const { NODE_TEST_CONTEXT: _, ...env } = process.env
      const args = ['--import', PRELOAD, join(GATEWAY, `${suite}.test.ts`)]
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: LIMIT_MS })
      let output = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
      const [code] = (await once(child, 'close')) as [number | null]
      assert.equal(code, 0, output)
      assert.match(output, /pass [1-9]/)
    })
  }
})
