import { formatListenAddress, type ListenAddress } from './address.ts'

/** A server could not bind its address: in use, not an address of this machine, or not permitted. */
export class ListenError extends Error {
  readonly code = 'listen_failed'
  /** @param advice what to do about it, as the end of the sentence */
  constructor(address: ListenAddress, cause: NodeJS.ErrnoException, advice?: string) {
    const why = `cannot listen on ${formatListenAddress(address)}: ${reason(cause)}`
    super(advice === undefined ? why : `${why}; ${advice}`, { cause })
    this.name = 'ListenError'
  }
}

function reason(cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return 'the port is in use by another process'
    case 'EACCES':
      return 'not permitted'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address'
    default:
      return cause.code ?? cause.message
  }
}

/** A call to another server failed before a usable response arrived: refused, cut, timed out, or not JSON. */
export class CallError extends Error {
  readonly code = 'call_failed'
  /** Whether the time limit was the cause. */
  readonly timedOut: boolean
  constructor(message: string, options: { cause?: unknown; timedOut?: boolean } = {}) {
    super(message, { cause: options.cause })
    this.name = 'CallError'
    this.timedOut = options.timedOut ?? false
  }
}

/**
 * Summarizes why a call failed, for the log: `no answer in time`, a system code such as ECONNREFUSED, or the message.
 */
export function causeInWords(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  if (error.name === 'TimeoutError') return 'no answer in time'
  const { code } = error as NodeJS.ErrnoException
  return typeof code === 'string' ? code : error.message
}
