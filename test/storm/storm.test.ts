import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT, startProgram } from '../support/program.ts'

const LAST_LINE = /^storm: (\d+) flips, (\d+) flows, (\d+) requests, (\d+) broken$/

async function storm(...options: string[]): Promise<void> {
  const args = [join(ROOT, 'test/storm/main.ts'), '--minutes', '0.8', '--flows', '100', ...options]
  const program = await startProgram({ command: process.execPath, args, env: { NODE_TEST_CONTEXT: undefined } })
  const { code } = await program.ended
  const said = `${program.stdout.text()}\n${program.stderr.text()}`
  const last = program.stdout.text().trimEnd().split('\n').at(-1) ?? ''
  const [, flips = 0, flows = 0, requests = 0, broken] = (LAST_LINE.exec(last) ?? []).map(Number)
  assert.deepEqual([code, broken], [0, 0], said)
  assert.ok(flips > 50 && flows > 100 && requests > 1_000, said)
}

test('flags flip at random under real flows, and no request fails', () => storm('--seed', '20261123'))

test('IAM and the control plane fail too, and every flow finishes', () =>
  storm('--faults', '--seed', String(randomInt(2 ** 32))))
