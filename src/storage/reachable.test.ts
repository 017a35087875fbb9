import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReachable } from './reachable.ts'

test('a database that answers is reachable; one that fails or is silent is not', async () => {
  const answering = (answer: () => Promise<never[]>) => isReachable({ query: answer }, 20)
  assert.equal(await answering(async () => []), true)
  assert.equal(await answering(() => Promise.reject(new Error('refused'))), false)
  assert.equal(await answering(() => new Promise(() => {})), false)
})
