/**
 * The OAuth error code of an error that the client library threw; undefined for any other error. With a challenge,
 * which Doorkeeper sends with each error, the code is in the challenge.
 */
export function errorCodeOf(error: unknown): string | undefined {
  return textAt(error, 'error') ?? textAt(error, 'cause', '0', 'parameters', 'error')
}

/** The same as text, with the server's description. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  const code = errorCodeOf(error)
  if (code === undefined) return error.message
  const description =
    textAt(error, 'error_description') ?? textAt(error, 'cause', '0', 'parameters', 'error_description')
  return description === undefined ? code : `${code}: ${description}`
}

function textAt(error: unknown, ...path: readonly string[]): string | undefined {
  let at = error
  for (const key of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined
  return typeof at === 'string' ? at : undefined
}
