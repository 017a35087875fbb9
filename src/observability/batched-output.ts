import type { DestinationStream } from 'pino'

const FLUSH_MS = 10
const MOST_CHARACTERS = 64 << 10

/** pino sets the level of a line on a stream with this symbol before it writes the line. */
const METADATA = Symbol.for('pino.metadata')
const WARN = 40

/** The output for lines; `flushSync` writes everything it still holds before it returns. */
export interface LineOutput extends DestinationStream {
  /** Writes complete lines without converting them; the output keeps `lines`. */
  writeBytes?(lines: Buffer): void
  flushSync?(): void
}

/** A destination that writes lines in batches. */
export interface BatchedOutput extends DestinationStream {
  /** Writes complete lines, which are a batch already, after those that are held. */
  writeBytes(lines: Buffer): void
  flush(): void
  /** Writes everything before it returns; pino calls it for a fatal line. */
  flushSync(): void
}

/**
 * Holds lines back for at most 10 ms, because each write is a system call: two per request took a sixth of the cost of
 * a token. A warning goes out at once with all lines before it, and so does everything when the process exits.
 */
export function batchedOutput(output: LineOutput): BatchedOutput {
  let held = ''
  let timer: NodeJS.Timeout | undefined
  let isExiting = false
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const lines = held
    held = ''
    if (lines !== '') output.write(lines)
  }
  const flushSync = () => {
    flush()
    output.flushSync?.()
  }
  process.on('exit', () => {
    isExiting = true
    flushSync()
  })
  return Object.assign(
    {
      lastLevel: 0,
      write(this: { readonly lastLevel: number }, line: string) {
        held += line
        if (isExiting) flushSync()
        else if (this.lastLevel >= WARN || held.length > MOST_CHARACTERS) flush()
        else timer ??= setTimeout(flush, FLUSH_MS)
      },
      writeBytes(lines: Buffer) {
        flush()
        if (output.writeBytes === undefined) output.write(lines.toString())
        else output.writeBytes(lines)
        if (isExiting) flushSync()
      },
      flush,
      flushSync,
    },
    { [METADATA]: true },
  )
}
