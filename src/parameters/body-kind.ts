/** How a body is read for parameters; `unread` if it is not. */
export type BodyKind = 'form' | 'multipart' | 'json' | 'unread'

const KINDS: ReadonlyMap<string, BodyKind> = new Map([
  ['application/x-www-form-urlencoded', 'form'],
  ['multipart/form-data', 'multipart'],
  ['multipart/mixed', 'multipart'],
  ['multipart/related', 'multipart'],
  ['application/json', 'json'],
  ['text/x-json', 'json'],
  ['application/jsonrequest', 'json'],
])

/**
 * Returns how Rack and Rails read a body of this type: the type ends at a semicolon or a comma, case is ignored, and a
 * POST without a type holds a form (recordings E080 to E089).
 */
export function bodyKindOf(method: string, contentType: string | undefined): BodyKind {
  const exact = KINDS.get(contentType ?? '')
  if (exact !== undefined) return exact
  const type = contentType?.split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? ''
  if (type === '') return method === 'POST' ? 'form' : 'unread'
  return KINDS.get(type) ?? 'unread'
}
