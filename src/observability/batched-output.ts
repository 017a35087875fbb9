import type { DestinationStream } from 'pino'

const FLUSH_MS = 10
const MOST_CHARACTERS = 64 << 10

/** pino says the level of a line before it writes it to a stream that has this mark. */
const METADATA = Symbol.for('pino.metadata')
const WARN = 40

/** A destination whose lines go out many at a time. */
export interface BatchedOutput extends DestinationStream {
  flush(): void
}

/**
 * Holds lines back for at most 10 ms, for a write is a system call: two a request were a sixth of what a token costs.
 * A warning goes out at once with all before it, and so does what is held when the process exits.
 */
export function batchedOutput(output: DestinationStream): BatchedOutput {
  let held = ''
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const lines = held
    held = ''
    if (lines !== '') output.write(lines)
  }
  process.on('exit', flush)
  return Object.assign(
    {
      lastLevel: 0,
      write(this: { readonly lastLevel: number }, line: string) {
        held += line
        if (this.lastLevel >= WARN || held.length > MOST_CHARACTERS) flush()
        else timer ??= setTimeout(flush, FLUSH_MS)
      },
      flush,
    },
    { [METADATA]: true },
  )
}
