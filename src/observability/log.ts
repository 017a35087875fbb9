import { type DestinationStream, type Logger, pino } from 'pino'
import { batchedOutput } from './batched-output.ts'
import { BoundedOutput } from './bounded-output.ts'
import { createLogSink } from './log-sink.ts'
import { currentRequest } from './request-context.ts'

/** A structured log: one JSON object per line. Never pass it a credential, secret, verifier or cookie. */
export type Log = Logger

/**
 * Creates the log of a component; every line carries its name as `component`. `destination` defaults to standard
 * output, where lines may be up to 10 ms late; see {@link batchedOutput}.
 */
export function createLog(component: string, options: { level?: string; destination?: DestinationStream } = {}): Log {
  const settings = {
    level: options.level ?? 'info',
    base: { component },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    mixin: traceMembers,
    mixinMergeStrategy: (line: object, trace: object) => (trace === NO_TRACE ? line : { ...trace, ...line }),
    messageKey: 'msg',
  }
  return pino(settings, options.destination ?? standardOutput(component))
}

const NO_TRACE = {}

/** Adds the trace id to every line written while a traced request is handled. */
function traceMembers(): object {
  const span = currentRequest()?.span
  return span === undefined ? NO_TRACE : { trace_id: span.traceId }
}

let output: DestinationStream | undefined

/** Returns the one output for all logs of a process, which keeps their lines in the order of writing. */
function standardOutput(component: string): DestinationStream {
  output ??= createLogOutput(1, component)
  return output
}

/**
 * Creates a destination that writes lines to a file descriptor and never blocks or fails; see {@link BoundedOutput}.
 *
 * @param component the name under which dropped lines are reported
 */
export function createLogOutput(descriptor: number, component: string): DestinationStream {
  return batchedOutput(new BoundedOutput(createLogSink(descriptor), component))
}

/** A log without output, for code under test. */
export const silentLog: Log = pino({ level: 'silent' })

interface DescribedError {
  readonly type: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  readonly cause?: DescribedError
}

const MAX_CAUSES = 5

/**
 * Describes an error for the log: type, message, code, stack and causes. Other properties are left out: the database
 * driver puts row values there (`detail`, `where`), a client library complete responses.
 */
function describeError(error: unknown, depth = 0): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) }
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: describeError(error.cause, depth + 1) }),
  }
}
