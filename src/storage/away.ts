import { StoreAwayError } from './errors.ts'

/**
 * What `pg` says of a server that does not answer, which has no code: it could not be connected to in time, gave no
 * answer in time, or went away.
 */
const SAID = /^(?:timeout e(?:xpired|xceeded when trying to connect)|Query read timeout|Connection terminated\b)/
const SOCKET = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN'])
/** SQLSTATE: connection exceptions; out of connections, disk or memory; shut down or starting; statement out of time. */
const STATE = /^(?:08...|53...|57P..|57014)$/

/**
 * Whether a statement failed because the store is away, overloaded or full, and not for what was asked: the same may
 * work in a while. A write may have happened, if its answer was lost.
 */
export function isStoreAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof StoreAwayError) return true
  const { code } = error as NodeJS.ErrnoException
  if (typeof code === 'string' && (SOCKET.has(code) || STATE.test(code))) return true
  return SAID.test(error.message) || isStoreAway(error.cause)
}

/** Whether a statement was given up because the server sent nothing in time, not even an error about its own limit. */
export function isStoreSilent(error: unknown): error is Error {
  return error instanceof Error && (error.message === 'Query read timeout' || isStoreSilent(error.cause))
}
