import { symbols } from 'pino'
import type { Log } from './log.ts'

/** Writes ready-made JSON lines where a log writes its own, for a part that has too many to have each one built. */
export interface LineWriter {
  /** Members that every line of this log carries, as JSON text with a leading comma. */
  readonly bindings: string
  /** @param lines whole lines, each with its newline */
  write(lines: string): void
}

/** The raw side of a log; undefined when the log does not take lines of level info. */
export function lineWriter(log: Log): LineWriter | undefined {
  if (!log.isLevelEnabled('info')) return undefined
  const internals = log as unknown as Record<symbol, unknown>
  const stream = internals[symbols.streamSym] as { write(text: string): unknown }
  const bindings = internals[symbols.chindingsSym] as string
  return { bindings, write: (lines) => void stream.write(lines) }
}
