import { parseDocument } from 'yaml'
import { z } from 'zod'
import {
  type FeatureGroup,
  FLAG_TYPES,
  type FlagDefinition,
  featureGroupSchema,
  flagDefinitionSchema,
} from './definition.ts'
import type { Environment } from './environments.ts'
import { suggestName } from './suggest.ts'

/** The folder for feature groups, next to the folders named after flag types. */
export const FEATURE_GROUPS_FOLDER = 'feature_groups'

/** A file below the definitions directory; `path` is relative to it, with forward slashes. */
export interface DefinitionFile {
  readonly path: string
  readonly text: string
}

/** All definitions, by name. */
export interface Definitions {
  readonly flags: ReadonlyMap<string, FlagDefinition>
  readonly featureGroups: ReadonlyMap<string, FeatureGroup>
  /** Environments at the end of their migration, where new flows go to IAM without a flag. A setting, not in a file. */
  readonly iamByDefault?: ReadonlySet<Environment>
}

/**
 * Reads definition files, `<type>/<name>.yml` and `feature_groups/<name>.yml`. Returns either all definitions, or every
 * error of every file as `file: field: rule`.
 */
export function readDefinitions(
  files: readonly DefinitionFile[],
): Definitions | { readonly faults: readonly string[] } {
  const faults: string[] = []
  const flags = new Map<string, FlagDefinition>()
  const featureGroups = new Map<string, FeatureGroup>()
  const seen = new Map<string, string>()
  for (const file of files) {
    const place = placeOf(file.path, faults)
    if (!place) continue
    const document = parse(file, faults)
    if (document === undefined) continue
    if (place.folder === FEATURE_GROUPS_FOLDER) {
      const group = check(featureGroupSchema, document, file.path, faults)
      if (group && isWellPlaced(file.path, place, group, faults)) featureGroups.set(group.name, group)
      continue
    }
    const definition = check(flagDefinitionSchema, document, file.path, faults)
    if (!definition || !isWellPlaced(file.path, place, definition, faults)) continue
    const other = seen.get(definition.name)
    if (other !== undefined) faults.push(`${file.path}: name: ${definition.name} is already defined in ${other}`)
    seen.set(definition.name, other ?? file.path)
    flags.set(definition.name, definition)
  }
  return faults.length > 0 ? { faults } : { flags, featureGroups }
}

interface Place {
  readonly folder: string
  readonly name: string
}

const FOLDERS = [...Object.keys(FLAG_TYPES), FEATURE_GROUPS_FOLDER]

function placeOf(path: string, faults: string[]): Place | undefined {
  const match = /^([^/]+)\/([^/]+)\.yml$/.exec(path)
  const folder = match?.[1] ?? ''
  if (!match) faults.push(`${path}: a definition must be in <type>/<name>.yml`)
  else if (!FOLDERS.includes(folder)) {
    const guess = suggestName(folder, FOLDERS)
    faults.push(`${path}: ${folder} is not a flag type${guess ? `, did you mean ${guess}?` : ''}`)
  } else return { folder, name: match[2] ?? '' }
  return undefined
}

function parse(file: DefinitionFile, faults: string[]): unknown {
  const document = parseDocument(file.text)
  for (const error of document.errors) faults.push(`${file.path}: not YAML: ${error.message.split('\n')[0]}`)
  if (document.errors.length > 0) return undefined
  try {
    return document.toJS({ maxAliasCount: 10 })
  } catch (error) {
    faults.push(`${file.path}: not YAML: ${(error as Error).message}`)
    return undefined
  }
}

function check<Schema extends z.ZodType>(
  schema: Schema,
  document: unknown,
  path: string,
  faults: string[],
): z.infer<Schema> | undefined {
  const read = schema.safeParse(document)
  if (read.success) return read.data
  const given = document !== null && typeof document === 'object' ? (document as Record<string, unknown>) : {}
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
  for (const issue of read.error.issues) {
    faults.push(...describe(issue, given, known).map((fault) => `${path}: ${fault}`))
  }
  return undefined
}

function describe(issue: z.core.$ZodIssue, given: Record<string, unknown>, known: readonly string[]): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const guess = suggestName(key, known)
      return `${key}: unknown field${guess ? `, did you mean ${guess}?` : ''}`
    })
  }
  const field = issue.path.join('.')
  if (field === '') return ['must be a mapping of fields']
  const value = given[String(issue.path[0])]
  if (issue.code !== 'custom' && value === undefined) return [`${field}: must be given`]
  const guess = issue.code === 'invalid_value' ? suggestName(String(value), issue.values.map(String)) : undefined
  return [`${field}: ${issue.message}${guess ? `, did you mean ${guess}?` : ''}`]
}

function isWellPlaced(
  path: string,
  place: Place,
  definition: { readonly name: string; readonly type?: string },
  faults: string[],
): boolean {
  const before = faults.length
  if (definition.name !== place.name) faults.push(`${path}: name: ${definition.name} must match the file name`)
  if (definition.type !== undefined && definition.type !== place.folder) {
    faults.push(`${path}: type: ${definition.type} must match the folder name`)
  }
  return faults.length === before
}
