import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { batchedOutput } from './batched-output.ts'
import { createLog } from './log.ts'

function logWith() {
  const writes: string[] = []
  const log = createLog('part', { destination: batchedOutput({ write: (text) => void writes.push(text) }) })
  return { log, writes }
}

test('lines logged at the same time are written together, in their order', async () => {
  const { log, writes } = logWith()
  log.info('first')
  log.info('second')
  assert.deepEqual(writes, [])
  while (writes.length === 0) await sleep(5)
  assert.equal(writes.length, 1)
  assert.match(writes[0] ?? '', /^\{.*"msg":"first"\}\n\{.*"msg":"second"\}\n$/)
})

test('a warning is written at once, after the lines before it', () => {
  const { log, writes } = logWith()
  log.info('first')
  log.warn('second')
  assert.match(writes.join(''), /"first"\}\n.*"second"\}\n$/)
})

test('a large amount is not held back', () => {
  const { log, writes } = logWith()
  for (let count = 0; count < 100; count++) log.info('x'.repeat(1_000))
  assert.ok(writes.length > 0)
})

test('held lines are written when the process exits, also after an uncaught error', () => {
  const url = JSON.stringify(new URL('./log.ts', import.meta.url))
  for (const end of ['process.exit(3)', 'throw new Error("fault")']) {
    const script = `const { createLog } = await import(${url}); createLog('part').info('last words'); ${end}`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    assert.match(stdout, /"msg":"last words"\}\n$/)
  }
})
