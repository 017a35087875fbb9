/** A request parameter as Rails parses it. */
export type ParameterValue = string | number | boolean | null | readonly ParameterValue[] | Parameters

/**
 * Request parameters by name, the query taking precedence over the body. Use {@link textOf} to read one that must be a
 * string.
 */
export interface Parameters {
  readonly [name: string]: ParameterValue | undefined
}

/**
 * Replaces a list or hash where a string belongs: present, but equal to nothing that was ever issued or registered,
 * since no credential contains a NUL.
 */
const MISFIT = '\u0000'

/**
 * A parameter of the token endpoints: undefined when absent or blank; a structured value becomes a text that matches
 * nothing (E097).
 */
export function textOf(parameters: Parameters, name: string): string | undefined {
  const value = parameters[name]
  if (typeof value === 'string') return value.trim() === '' ? undefined : value
  if (value === undefined || value === null || value === false) return undefined
  if (typeof value !== 'object') return String(value)
  return isEmpty(value) ? undefined : MISFIT
}

/** Rails drops nulls from a list, so `code[]` without a value is an empty list, and that is blank. */
function isEmpty(value: readonly ParameterValue[] | Parameters): boolean {
  return Array.isArray(value) ? value.every((item) => item === null) : Object.keys(value).length === 0
}

/** A parameter of the authorization endpoint, where a list or hash counts as absent (A129). May be empty. */
export function scalarOf(parameters: Parameters, name: string): string | undefined {
  const value: ParameterValue | undefined = parameters[name]
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** The text, or undefined when it is blank. */
export function presence(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text
}

/** PostgreSQL cannot store a NUL in a text, so no stored value equals a text with one. */
export function isStorable(text: string): boolean {
  return !text.includes('\u0000')
}
