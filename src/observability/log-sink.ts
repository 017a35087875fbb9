import { constants, fstatSync, openSync, write, writeSync } from 'node:fs'

/** The final destination of log lines. Neither method ever waits for a reader. */
export interface LogSink {
  /**
   * Writes as much as fits and calls `done` once, possibly before it returns. `EAGAIN` means that nothing fits at the
   * moment.
   */
  write(bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, written: number) => void): void
  /** The same while the process exits; throws instead of reporting an error. */
  writeSync(bytes: Uint8Array): number
}

/**
 * Returns the sink for a file descriptor. A pipe or socket becomes non-blocking, and a terminal is reopened for that
 * purpose, because a stalled reader must not stop the process. A file has no such mode, so a thread of libuv's pool
 * writes it.
 */
export function createLogSink(descriptor: number): LogSink {
  const stat = fstatSync(descriptor)
  if (stat.isFIFO() || stat.isSocket()) {
    const keepNonBlocking = nonBlockingMode(descriptor)
    if (keepNonBlocking !== undefined) return nonBlockingSink(descriptor, keepNonBlocking)
  }
  if (stat.isCharacterDevice()) {
    const own = openNonBlocking(descriptor)
    if (own !== undefined) return nonBlockingSink(own)
  }
  return fileSink(descriptor)
}

function fileSink(descriptor: number): LogSink {
  return {
    write: (bytes, done) => write(descriptor, bytes, (error, written) => done(error, error ? 0 : written)),
    writeSync: (bytes) => writeSync(descriptor, bytes),
  }
}

function nonBlockingSink(descriptor: number, keepNonBlocking: () => void = () => {}): LogSink {
  const writeNow = (bytes: Uint8Array) => {
    keepNonBlocking()
    return writeSync(descriptor, bytes)
  }
  return {
    write(bytes, done) {
      let written: number
      try {
        written = writeNow(bytes)
      } catch (error) {
        return done(error as NodeJS.ErrnoException, 0)
      }
      done(null, written)
    },
    writeSync: writeNow,
  }
}

/**
 * Returns a function that keeps a pipe or socket non-blocking: Node's own stream of standard output or error sets the
 * mode. All processes that share the descriptor share the mode, and each Node process restores the former one when it
 * exits, so it is set again before each write.
 */
function nonBlockingMode(descriptor: number): (() => void) | undefined {
  const stream = descriptor === 1 ? process.stdout : descriptor === 2 ? process.stderr : undefined
  const handle = (stream as { _handle?: { setBlocking?(on: boolean): unknown } } | undefined)?._handle
  return handle?.setBlocking ? () => void handle.setBlocking?.(false) : undefined
}

/** Opens the same terminal or device with a separate descriptor; undefined if the system does not allow it. */
function openNonBlocking(descriptor: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined
  }
}
