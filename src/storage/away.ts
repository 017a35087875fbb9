import { StoreAwayError } from './errors.ts'

/**
 * `pg` messages, which have no code, for a server that could not be reached in time, did not answer in time, or closed
 * the connection.
 */
const SAID = /^(?:timeout e(?:xpired|xceeded when trying to connect)|Query read timeout|Connection terminated\b)/
const SOCKET = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN'])
/**
 * SQLSTATE: connection exceptions; out of connections, disk or memory; shutting down or starting; statement timeout.
 */
const STATE = /^(?:08...|53...|57P..|57014)$/

/**
 * Whether a statement failed because the store is unavailable, overloaded or full, rather than because of the statement
 * itself: a retry may succeed. A write may have been committed if its answer was lost.
 */
export function isStoreAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof StoreAwayError) return true
  const { code } = error as NodeJS.ErrnoException
  if (typeof code === 'string' && (SOCKET.has(code) || STATE.test(code))) return true
  return SAID.test(error.message) || isStoreAway(error.cause)
}

/** Whether a statement timed out because the server sent nothing, not even an error about its own time limit. */
export function isStoreSilent(error: unknown): error is Error {
  return error instanceof Error && (error.message === 'Query read timeout' || isStoreSilent(error.cause))
}
