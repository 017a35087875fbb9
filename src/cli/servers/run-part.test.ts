import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { WAIT_LIMIT_MS } from '../../../test/support/wait.ts'

test('a part that never closes does not block a shutdown or a failed start', () => {
  const script = `
    import { closeParts } from ${JSON.stringify(new URL('./run-part.ts', import.meta.url).href)}
    import { createLog } from ${JSON.stringify(new URL('../../observability/index.ts', import.meta.url).href)}
    setInterval(() => {}, 1000)
    const closed = []
    const first = { close: async () => void closed.push('first') }
    const hanging = { close: () => new Promise(() => {}) }
    const failing = { close: async () => { throw new Error('a fault of a part') } }
    const isClean = await closeParts([first, failing], createLog('test'))
    console.log(JSON.stringify({ closed, isClean }))
    await closeParts([first, hanging], createLog('test'))`
  const args = ['--input-type=module', '-e', script]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: WAIT_LIMIT_MS })
  assert.equal(status, 1)
  assert.match(stdout, /\{"closed":\["first"\],"isClean":false\}/)
  assert.match(stdout, /shutdown timed out; closing remaining connections/)
})
