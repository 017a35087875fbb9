import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freePorts } from '../support/ports.ts'
import { type Program, startHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually, untilReady } from '../support/wait.ts'

const scratch = scratchDirectory('log-output')
const legacy = createServer((_request, response) => response.end('ok'))
let legacyUrl = ''
before(async () => {
  await new Promise<void>((resolve) => legacy.listen(0, '127.0.0.1', resolve))
  legacyUrl = `http://127.0.0.1:${(legacy.address() as AddressInfo).port}`
})
after(() => {
  legacy.closeAllConnections()
  legacy.close()
  scratch.remove()
})

/** A part under test: how to start it, where it logs a line per request, and where operators reach it. */
interface Part {
  readonly start: (stdout: number) => Promise<Program>
  readonly logged: string
  readonly operators: string
}

async function gateway(workers: number): Promise<Part> {
  const [port, admin] = await freePorts(2)
  const args = [
    ...['gateway', '--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${admin}`],
    ...[
      '--legacy-url',
      legacyUrl,
      '--iam-url',
      legacyUrl,
      '--workers',
      String(workers),
      '--log-sampling',
      '1000000/1m',
    ],
  ]
  return {
    start: (stdout) => startHandover(args, { stdout }),
    logged: `http://127.0.0.1:${port}/oauth/authorize?client_id=${'c'.repeat(200)}`,
    operators: `http://127.0.0.1:${admin}/metrics`,
  }
}

async function iam(): Promise<Part> {
  const [port, internal] = await freePorts(2)
  const args = [
    ...['iam', '--listen', `127.0.0.1:${port}`, '--internal-listen', `127.0.0.1:${internal}`],
    ...['--issuer', 'https://platform.example.test', '--data-dir', join(scratch.path, 'iam')],
    ...['--internal-token-file', join(scratch.path, 'iam-token'), '--log-sampling', '1000000/1m'],
  ]
  return {
    start: (stdout) => startHandover(args, { stdout }),
    logged: `http://127.0.0.1:${port}/${'p'.repeat(200)}`,
    operators: `http://127.0.0.1:${internal}/metrics`,
  }
}

async function droppedLines(part: Part): Promise<number> {
  const text = await (await fetch(part.operators)).text()
  return Number(/^handover_log_dropped_lines_total (\d+)$/m.exec(text)?.[1])
}

/** Sends requests, ten at a time, until the part has dropped lines; every request is answered. */
async function requestUntilDropping(part: Part): Promise<void> {
  for (let round = 0; round < 3_000; round++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(part.logged)))
    for (const answer of answers) {
      assert.ok(answer.status < 500)
      await answer.arrayBuffer()
    }
    if (round % 50 === 49 && (await droppedLines(part)) > 0) return
  }
  throw new Error('the part dropped no line')
}

for (const [name, make] of [
  ['a gateway of two processes', () => gateway(2)],
  ['IAM', iam],
] as const) {
  test(`${name} with a stalled log reader answers all requests and operators, and reports dropped lines later`, async () => {
    const part = await make()
    const path = join(scratch.path, `pipe-of-${name.replaceAll(' ', '-')}`)
    assert.equal(spawnSync('mkfifo', [path]).status, 0)
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(path, constants.O_WRONLY)
    const program = await part.start(writer)
    closeSync(writer)
    await untilReady(part.operators)
    await requestUntilDropping(part)
    let text = ''
    const chunk = Buffer.alloc(1 << 20)
    await eventually('the part reports the lines that it dropped', async () => {
      for (let length = 1; length > 0; ) {
        try {
          length = readSync(reader, chunk)
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
          break
        }
        text += chunk.toString('utf8', 0, length)
      }
      if (text.includes('"dropped_lines"')) return true
      await (await fetch(part.logged)).arrayBuffer()
      return false
    })
    const { code } = await program.stop()
    closeSync(reader)
    assert.equal(code, 0)
  })
}

describe('a log on a full disk', () => {
  const disk = join(scratch.path, 'disk')
  spawnSync('mkdir', [disk])
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0
  after(() => {
    if (isMounted) spawnSync('umount', ['-l', disk])
  })
  const skip = isMounted ? false : 'no small file system can be mounted here'

  test('stops neither a gateway with two processes nor its requests, and resumes once there is space', {
    skip,
  }, async () => {
    const part = await gateway(2)
    const path = join(disk, 'gateway.log')
    const file = openSync(path, 'a')
    const filler = join(disk, 'filler')
    const program = await part.start(file)
    closeSync(file)
    await untilReady(part.operators)
    assert.throws(() => writeFileSync(filler, Buffer.alloc(2 << 20)), { code: 'ENOSPC' })
    const full = readFileSync(path).length
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(part.logged)))
      for (const answer of answers) assert.equal(await answer.text(), 'ok')
    }
    rmSync(filler)
    await eventually('the lines that waited are written', () => {
      const lines = readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line.includes('iamproxy: routing decision'))
      return lines.length === 200
    })
    assert.ok(readFileSync(path).length > full)
    const { code } = await program.stop()
    assert.equal(code, 0)
  })
})
