import { symbols } from 'pino'
import type { Log } from './log.ts'

/**
 * Writes preformatted JSON lines to the output of a log, for a component that logs too much to build each line
 * separately.
 */
export interface LineWriter {
  /** Members that every line of this log carries, as JSON text with a leading comma. */
  readonly bindings: string
  /** @param lines complete lines in ASCII, each with its newline; the writer keeps them */
  write(lines: Buffer): void
}

/** Returns the raw output of a log; undefined if level info is disabled. */
export function lineWriter(log: Log): LineWriter | undefined {
  if (!log.isLevelEnabled('info')) return undefined
  const internals = log as unknown as Record<symbol, unknown>
  const stream = internals[symbols.streamSym] as { write(text: string): unknown; writeBytes?(lines: Buffer): void }
  const bindings = internals[symbols.chindingsSym] as string
  return {
    bindings,
    write(lines) {
      if (stream.writeBytes === undefined) stream.write(lines.toString('latin1'))
      else stream.writeBytes(lines)
    },
  }
}
