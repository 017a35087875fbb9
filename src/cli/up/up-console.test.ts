import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runBuild } from '../../../scripts/build-console.ts'
import { scratchDirectory } from '../../../test/support/scratch.ts'
import { prepareConsole } from './up-console.ts'

const HANGS = 'setInterval(() => {}, 1_000)'

function scriptOf(t: TestContext, text: string): string {
  const scratch = scratchDirectory('up-console')
  t.after(() => scratch.remove())
  const path = join(scratch.path, 'build.mjs')
  writeFileSync(path, text)
  return path
}

test('a build of the console that hangs is stopped, and the system starts without it and says so', async (t) => {
  const told: string[] = []
  await prepareConsole((text) => told.push(text), scriptOf(t, HANGS), 200)
  assert.deepEqual(told, ['the build of the console did not end within 0.2 s; starting without a current console'])
})

test('a build of the console that fails is reported, and one that succeeds is not', async (t) => {
  const told: string[] = []
  await prepareConsole((text) => told.push(text), scriptOf(t, ''))
  assert.equal(told.length, 0)
  await prepareConsole((text) => told.push(text), scriptOf(t, 'process.exit(1)'))
  assert.deepEqual(told, ['the build of the console failed; starting without a current console'])
})

test('the script that builds the console stops a build that hangs, so that its lock is released', (t) => {
  assert.throws(() => runBuild([scriptOf(t, HANGS)], 200), /^Error: vite build did not end within 0\.2 s$/)
})
