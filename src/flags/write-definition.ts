import { stringify } from 'yaml'
import { type FlagDefinition, flagDefinitionSchema } from './definition.ts'
import { readDefinitions } from './read-definitions.ts'

/** A definition file, or the errors in its fields, each as `field: rule`. */
export type WrittenDefinition =
  | { readonly path: string; readonly text: string }
  | { readonly faults: readonly string[] }

/**
 * Writes a definition file: its path below the definitions directory (`<type>/<name>.yml`) and its text, with the
 * fields in order, without undefined fields. The result is validated with the rules that apply at startup.
 */
export function writeDefinition(
  fields: Partial<Record<keyof FlagDefinition, string | boolean | undefined>>,
): WrittenDefinition {
  const given = Object.keys(flagDefinitionSchema.shape).flatMap((field) => {
    const value = fields[field as keyof FlagDefinition]
    return value === undefined ? [] : [[field, value] as const]
  })
  const text = `---\n${stringify(Object.fromEntries(given), { lineWidth: 0, singleQuote: true })}`
  const path = `${fields.type}/${fields.name}.yml`
  const read = readDefinitions([{ path, text }])
  if (!('faults' in read)) return { path, text }
  return { faults: read.faults.map((fault) => (fault.startsWith(`${path}: `) ? fault.slice(path.length + 2) : fault)) }
}
