import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePorts } from '../support/ports.ts'
import { startHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { untilReady } from '../support/wait.ts'

/** Ends every worker thread of a process on SIGUSR2, as a fault inside the embedded engine would. */
const FRAGILE = `data:text/javascript,${encodeURIComponent(`
  const workers = []
  process.on('worker', (worker) => workers.push(worker))
  process.on('SIGUSR2', () => workers.forEach((worker) => worker.terminate()))
`)}`

test('a process whose embedded database dies says so and ends with 1', { timeout: 120_000 }, async () => {
  const scratch = scratchDirectory('lost')
  const [port, internal] = await freePorts(2)
  const args = ['--listen', `127.0.0.1:${port}`, '--internal-listen', `127.0.0.1:${internal}`]
  const iam = await startHandover(
    ['iam', ...args, '--issuer', 'https://platform.example.test', '--data-dir', scratch.path],
    { env: { NODE_OPTIONS: `--import=${FRAGILE}` } },
  )
  await untilReady(`http://127.0.0.1:${port}/readyz`, 90_000)
  iam.kill('SIGUSR2')
  const { code } = await iam.ended
  assert.equal(code, 1)
  const line = iam.stdout.entries().find((entry) => entry['level'] === 'fatal' || entry['level'] === 60)
  assert.match(JSON.stringify(line), /this process cannot go on and ends/)
  assert.match(JSON.stringify(line), /the embedded database stopped/)
  scratch.remove()
})
