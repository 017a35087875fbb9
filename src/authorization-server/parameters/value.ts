/** A request parameter as Rails reads it. */
export type ParameterValue = string | number | boolean | null | readonly ParameterValue[] | Parameters

/** Request parameters by name, query over body. Use {@link textOf} to read one that must be a string. */
export interface Parameters {
  readonly [name: string]: ParameterValue | undefined
}

/**
 * What stands for a list or hash where a string belongs: present, but equal to nothing that was ever issued or
 * registered, for no credential holds a NUL.
 */
const MISFIT = '\u0000'

/** A parameter of the token endpoints: undefined when absent or blank, a text that matches nothing when structured (E097). */
export function textOf(parameters: Parameters, name: string): string | undefined {
  const value = parameters[name]
  if (typeof value === 'string') return value.trim() === '' ? undefined : value
  if (value === undefined || value === null || value === false) return undefined
  if (typeof value !== 'object') return String(value)
  return isEmpty(value) ? undefined : MISFIT
}

/** Rails drops the nulls of a list, so that `code[]` without a value is an empty one, and that is blank. */
function isEmpty(value: readonly ParameterValue[] | Parameters): boolean {
  return Array.isArray(value) ? value.every((item) => item === null) : Object.keys(value).length === 0
}

/** A parameter of the authorization endpoint, where a list or hash counts as absent (A129). May be empty. */
export function scalarOf(parameters: Parameters, name: string): string | undefined {
  const value: ParameterValue | undefined = parameters[name]
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** The text, or undefined when there is none to see. */
export function presence(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text
}

/** PostgreSQL holds no NUL in a text, so nothing stored can equal a text with one. */
export function isStorable(text: string): boolean {
  return !text.includes('\u0000')
}
