import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { scratchDirectory } from '../../test/support/scratch.ts'
import { BoundedOutput } from './bounded-output.ts'
import type { LogSink } from './log-sink.ts'

const scratch = scratchDirectory('bounded-output')
after(() => scratch.remove())

/** A sink that accepts what the test tells it to. */
function scriptedSink() {
  const taken: string[] = []
  const state: { fault: string | undefined; most: number } = { fault: undefined, most: Number.POSITIVE_INFINITY }
  const take = (bytes: Uint8Array) => {
    if (state.fault !== undefined) throw Object.assign(new Error(state.fault), { code: state.fault })
    const written = Math.min(bytes.length, state.most)
    taken.push(Buffer.from(bytes.subarray(0, written)).toString())
    return written
  }
  const sink: LogSink = {
    write(bytes, done) {
      try {
        done(null, take(bytes))
      } catch (error) {
        done(error as NodeJS.ErrnoException, 0)
      }
    },
    writeSync: take,
  }
  return { sink, taken, state }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5)
}

describe('an output with a failing sink', () => {
  for (const fault of ['ENOSPC', 'EAGAIN', 'EPIPE', 'EIO']) {
    test(`keeps its lines and writes them in order when ${fault} is over`, async () => {
      const { sink, taken, state } = scriptedSink()
      const output = new BoundedOutput(sink, 'part')
      state.fault = fault
      for (const line of ['one', 'two', 'three']) output.write(`${line}\n`)
      assert.deepEqual(taken, [])
      state.fault = undefined
      await until(() => taken.join('').length >= 14)
      assert.equal(taken.join(''), 'one\ntwo\nthree\n')
    })
  }

  test('drops the newest lines beyond its limit and reports how many, with the cause', async () => {
    const { sink, taken, state } = scriptedSink()
    const output = new BoundedOutput(sink, 'part', 100)
    state.fault = 'ENOSPC'
    for (let count = 0; count < 30; count++) output.write(`line ${count}\nand its neighbour\n`)
    state.fault = undefined
    await until(() => taken.join('').includes('dropped_lines'))
    const lines = taken.join('').trimEnd().split('\n')
    const report = JSON.parse(lines.pop() ?? '') as Record<string, unknown>
    assert.equal(lines[0], 'line 0')
    assert.equal(lines.length + Number(report['dropped_lines']), 60)
    assert.equal(report['level'], 'warn')
    assert.equal(report['component'], 'part')
    assert.equal(report['cause'], 'ENOSPC')
  })

  test('writes complete lines of at most 4 KiB at a time while its sink accepts only part of each write', async () => {
    const { sink, taken, state } = scriptedSink()
    const output = new BoundedOutput(sink, 'part')
    state.most = 100
    output.write(`${'x'.repeat(999)}\n`.repeat(20))
    state.most = Number.POSITIVE_INFINITY
    await until(() => taken.join('').length === 20_000)
    const pieces = taken.slice(taken.findLastIndex((piece) => piece.length === 100) + 2)
    assert.ok(pieces.every((piece) => piece.length <= 4_096 && piece.endsWith('\n')))
  })
})

/** Logs lines of 500 characters as fast as it can, then reports on standard error how many it dropped, and waits. */
const CHATTY = `
const { createLog, droppedLogLines } = await import(${JSON.stringify(new URL('./log.ts', import.meta.url).href)}).then(
  async (log) => ({ ...log, ...(await import(${JSON.stringify(new URL('./bounded-output.ts', import.meta.url).href)})) }))
const log = createLog('chatty')
for (let count = 0; count < Number(process.argv[1]); count++) {
  log.info({ count, padding: 'x'.repeat(400) }, 'a line')
  if (count % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve))
}
process.stderr.write('dropped ' + droppedLogLines() + '\\n')
process.stdin.on('data', (text) => (String(text).trim() === 'exit' ? process.exit(0) : log.warn('still here')))
`

const MANY = 30_000
/** Fewer than fill the buffer of a {@link BoundedOutput}. */
const FEW = 6_000

function chatty(stdout: 'pipe' | number, lines = MANY): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', CHATTY, String(lines)], {
    stdio: ['pipe', stdout, 'pipe'],
  })
}

/** The first line of its standard error: the number of dropped lines. */
async function droppedBy(child: ChildProcess): Promise<number> {
  let said = ''
  for await (const chunk of child.stderr ?? []) {
    said += String(chunk)
    const dropped = /dropped (\d+)\n/.exec(said)
    if (dropped) return Number(dropped[1])
  }
  throw new Error(`the process ended: ${said}`)
}

function assertComplete(text: string, dropped: number, lines = MANY): void {
  const entries = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const counts = entries.flatMap((entry) => (typeof entry['count'] === 'number' ? [entry['count']] : []))
  assert.deepEqual(
    counts.toSorted((a, b) => a - b),
    counts,
  )
  const reported = entries.reduce((sum, entry) => sum + Number(entry['dropped_lines'] ?? 0), 0)
  assert.equal(counts.length + reported, lines)
  // The last batch may still be on its way to the full buffer when the process states its count.
  assert.ok(reported >= dropped, `${reported} reported, ${dropped} counted`)
}

describe('a process that logs to a stalled reader', () => {
  test('keeps running, and the reader of a socket finds every line that was not dropped', async () => {
    const child = chatty('pipe')
    const dropped = await droppedBy(child)
    assert.ok(dropped > 0)
    let text = ''
    child.stdout?.on('data', (chunk) => {
      text += String(chunk)
    })
    await until(() => text.includes('dropped_lines'))
    child.stdin?.write('exit\n')
    await new Promise((resolve) => child.once('close', resolve))
    assertComplete(text, dropped)
  })

  test('keeps running, and the reader of a named pipe finds every line that was not dropped', async () => {
    const path = join(scratch.path, 'pipe')
    assert.equal(spawnSync('mkfifo', [path]).status, 0)
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(path, constants.O_WRONLY)
    const child = chatty(writer)
    closeSync(writer)
    const dropped = await droppedBy(child)
    assert.ok(dropped > 0)
    let text = ''
    const chunk = Buffer.alloc(1 << 16)
    /** Returns how many bytes came: 0 at the end, undefined when there are none yet. */
    const read = (): number | undefined => {
      try {
        const length = readSync(reader, chunk)
        text += chunk.toString('utf8', 0, length)
        return length
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
        return undefined
      }
    }
    await until(() => {
      read()
      return text.includes('dropped_lines') && text.endsWith('\n')
    })
    child.stdin?.write('exit\n')
    // Lines may follow the report of the dropped ones.
    await until(() => read() === 0)
    closeSync(reader)
    assertComplete(text, dropped)
  })

  test('still exits when requested, with its own exit code', async () => {
    const child = chatty('pipe')
    await droppedBy(child)
    child.stdin?.write('exit\n')
    const [code] = await new Promise<[number | null]>((resolve) =>
      child.once('exit', (...ended) => resolve([ended[0]])),
    )
    assert.equal(code, 0)
    child.stdout?.destroy()
  })

  test('keeps running when the reader is gone', async () => {
    const child = chatty('pipe')
    child.stdout?.destroy()
    assert.ok((await droppedBy(child)) > 0)
    child.stdin?.write('exit\n')
    const [code] = await new Promise<[number | null]>((resolve) =>
      child.once('exit', (...ended) => resolve([ended[0]])),
    )
    assert.equal(code, 0)
  })
})

test('a process that logs to a file writes every line, the last ones while it exits', async () => {
  const path = join(scratch.path, 'file.log')
  const file = openSync(path, 'w')
  const child = chatty(file, FEW)
  closeSync(file)
  const dropped = await droppedBy(child)
  child.stdin?.write('exit\n')
  await new Promise((resolve) => child.once('close', resolve))
  assert.equal(dropped, 0)
  assertComplete(readFileSync(path, 'utf8'), dropped, FEW)
})
