/**
 * The OAuth error that something the client library threw stands for; undefined for a fault of another kind. An error that
 * comes with a challenge, as Doorkeeper sends with each, is in the challenge.
 */
export function errorCodeOf(error: unknown): string | undefined {
  return textAt(error, 'error') ?? textAt(error, 'cause', '0', 'parameters', 'error')
}

/** The same in words, with the server's description. */
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
