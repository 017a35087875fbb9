import type { Parameters, ParameterValue } from '../authorization-server/index.ts'

/** A parameter that is text; undefined when it is absent or something else. */
export function textOf(value: ParameterValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A text inside a parameter that is a hash, such as `user[login]`. */
export function textIn(value: ParameterValue | undefined, name: string): string | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  return textOf((value as Parameters)[name])
}
