import type { Readable } from 'node:stream'
import { WAIT_LIMIT_MS } from './wait.ts'

/** The lines that a program writes to one of its outputs. */
export interface OutputLines {
  /** All lines so far. */
  readonly all: readonly string[]
  text(): string
  /** The lines that are JSON objects, parsed: the log entries. */
  entries(): Array<Record<string, unknown>>
  /**
   * The first matching line, from the beginning. Rejects after `limitMs` (default {@link WAIT_LIMIT_MS}), or as soon as
   * the output ends without one, with the last lines in the message.
   */
  waitFor(fits: RegExp | ((line: string) => boolean), limitMs?: number): Promise<string>
  /** The first matching log entry, from the beginning; see {@link waitFor}. */
  waitForEntry(fits: (entry: Record<string, unknown>) => boolean, limitMs?: number): Promise<Record<string, unknown>>
}

/** Collects a stream as lines, and keeps reading so that the program never blocks on a full pipe. */
export function outputLines(stream: Readable): OutputLines {
  const all: string[] = []
  const watchers = new Set<() => void>()
  let rest = ''
  let isOver = false
  const wake = () => {
    for (const watcher of watchers) watcher()
  }
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    all.push(...parts)
    wake()
  })
  stream.on('close', () => {
    if (rest !== '') all.push(rest)
    isOver = true
    wake()
  })

  const firstOf = <T>(find: (line: string) => T | undefined, limitMs = WAIT_LIMIT_MS): Promise<T> =>
    new Promise((resolve, reject) => {
      let next = 0
      const giveUp = (why: string) =>
        finish(() => reject(new Error(`${why}; last lines:\n${all.slice(-20).join('\n')}`)))
      const finish = (settle: () => void) => {
        clearTimeout(timer)
        watchers.delete(look)
        settle()
      }
      const look = () => {
        while (next < all.length) {
          const found = find(all[next++] ?? '')
          if (found !== undefined) return finish(() => resolve(found))
        }
        if (isOver) giveUp('the program ended without the awaited line')
      }
      const timer = setTimeout(() => giveUp(`the awaited line did not come within ${limitMs} ms`), limitMs)
      watchers.add(look)
      look()
    })

  return {
    all,
    text: () => all.join('\n'),
    entries: () => all.map(parseEntry).filter((entry) => entry !== undefined),
    waitFor: (fits, limitMs) => {
      const test = typeof fits === 'function' ? fits : (line: string) => fits.test(line)
      return firstOf((line) => (test(line) ? line : undefined), limitMs)
    },
    waitForEntry: (fits, limitMs) =>
      firstOf((line) => {
        const entry = parseEntry(line)
        return entry && fits(entry) ? entry : undefined
      }, limitMs),
  }
}

function parseEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}
