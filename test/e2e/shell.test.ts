import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { findProgram } from '../../scripts/test-parts.ts'
import { ROOT } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { WAIT_LIMIT_MS } from '../support/wait.ts'

const scratch = scratchDirectory('shell')
after(() => scratch.remove())

const LIMIT = { timeout: WAIT_LIMIT_MS, encoding: 'utf8' } as const
const HANDOVER = join(ROOT, 'bin', 'handover')

function handover(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(HANDOVER, args, LIMIT)
  return { status, stdout, stderr }
}

/** The completions that bash offers for a line that ends at the cursor. */
function completionsOf(words: readonly string[]): string[] {
  const script = [
    `source <(${HANDOVER} completion bash)`,
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
    `COMP_CWORD=${words.length - 1}`,
    '_handover',
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
  ].join('\n')
  const { stdout, stderr, status } = spawnSync('bash', ['-c', script], LIMIT)
  assert.equal(status, 0, stderr)
  return stdout.trim().split('\n')
}

describe('the handover command in a shell', () => {
  test('prints the same help for help COMMAND and COMMAND --help', () => {
    const help = handover('help', 'brake')
    assert.deepEqual(help, handover('brake', '--help'))
    assert.match(help.stdout, /^Usage: handover brake/)
    assert.equal(handover('help', 'brakes').status, 2)
    assert.match(handover('help').stdout, /completion/)
  })

  test('completes commands and their options in bash', () => {
    assert.deepEqual(completionsOf([HANDOVER, 'brak']), ['brake'])
    assert.deepEqual(completionsOf([HANDOVER, 'gateway', '--legacy-u']), ['--legacy-url'])
  })

  for (const [shell, check] of [
    ['zsh', ['-n']],
    ['fish', ['--no-execute']],
  ] as const) {
    const path = findProgram(shell)
    test(`prints a script that ${shell} can parse`, { skip: path ? false : `${shell} is not installed` }, () => {
      const file = join(scratch.path, `completion.${shell}`)
      const { status, stdout } = handover('completion', shell)
      assert.equal(status, 0)
      writeFileSync(file, stdout)
      const read = spawnSync(path ?? shell, [...check, file], LIMIT)
      assert.equal(read.status, 0, read.stderr)
    })
  }

  test('refuses completion for an unknown shell', () => {
    const { status, stderr } = handover('completion', 'csh')
    assert.deepEqual([status, stderr], [2, 'handover completion: name one shell: bash, zsh or fish\n'])
  })

  for (const [how, redirection, code] of [
    ['a closed pipe', '| true', 'EPIPE'],
    ['a full disk', '> /dev/full', 'ENOSPC'],
  ] as const) {
    test(`reports in one line that it writes to ${how}`, () => {
      // Enough text for a pipe without a reader to fail.
      const command = `{ sleep 1; exec ${HANDOVER} gateway --help; } ${redirection}`
      const { status, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', command], LIMIT)
      assert.deepEqual([status, stderr], [1, `handover: cannot write to standard output (${code})\n`])
    })
  }
})
