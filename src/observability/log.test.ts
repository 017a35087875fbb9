import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from './log.ts'

function logged(write: (log: ReturnType<typeof createLog>) => void): { text: string; line: Record<string, unknown> } {
  const chunks: string[] = []
  write(createLog('part', { destination: { write: (chunk: string) => void chunks.push(chunk) } }))
  const text = chunks.join('')
  return { text, line: JSON.parse(text) as Record<string, unknown> }
}

test('a line is one JSON object with level, time, component and message', () => {
  const { line } = logged((log) => log.info({ a: 1 }, 'said'))
  const { time, ...rest } = line
  assert.deepEqual(rest, { level: 'info', component: 'part', a: 1, msg: 'said' })
  assert.ok(!Number.isNaN(Date.parse(String(time))))
})

test('an error is logged with its causes, and without the values that a database attaches to it', () => {
  const fault = Object.assign(new Error('duplicate key value'), {
    code: '23505',
    detail: 'Key (email)=(planted-secret) already exists.',
    where: 'planted-secret',
    parameters: ['planted-secret'],
  })
  const { text, line } = logged((log) => log.error({ err: new Error('cannot save', { cause: fault }) }, 'failed'))
  assert.doesNotMatch(text, /planted-secret/)
  const { err } = line as { err: { message: string; stack: string; cause: { code: string; message: string } } }
  assert.equal(err.message, 'cannot save')
  assert.match(err.stack, /log\.test\.ts/)
  assert.equal(err.cause.code, '23505')
})

test('a thrown value that is not an error is logged as its text', () => {
  const { line } = logged((log) => log.error({ err: 'just text' }, 'failed'))
  assert.deepEqual(line['err'], { type: 'string', message: 'just text' })
})
