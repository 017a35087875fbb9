import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../test/support/wait.ts'
import { silentLog } from '../observability/index.ts'
import { startCleanUp } from './clean-up.ts'

test('a stop waits for the current round, and rounds never overlap', async () => {
  let begun = 0
  let ended = 0
  let end = () => {}
  const cleanUp = startCleanUp(
    async () => {
      begun++
      await new Promise<void>((resolve) => {
        end = resolve
      })
      ended++
    },
    5,
    silentLog,
  )
  await eventually('a round begins', () => begun > 0)
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.equal(begun, 1)
  const stopped = cleanUp.stop().then(() => ended)
  end()
  assert.equal(await stopped, 1)
})

test('another round follows one that fails', async () => {
  let begun = 0
  const cleanUp = startCleanUp(
    () => {
      begun++
      return Promise.reject(new Error('the store is down'))
    },
    5,
    silentLog,
  )
  await eventually('a second round', () => begun > 1)
  await cleanUp.stop()
})
