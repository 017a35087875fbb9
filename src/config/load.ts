import { readFileSync } from 'node:fs'
import { parse as parseYaml } from 'yaml'
import type { z } from 'zod'
import { ConfigError } from './config-error.ts'
import { fieldNotes } from './fields/fields.ts'
import { nearest } from './nearest.ts'
import { presenceFaults } from './presence.ts'
import { fileSchema, type Section, type Settings, sections } from './schema.ts'
import { valueFaults } from './value-faults.ts'

export interface ConfigSources {
  /** Command-line arguments after the command. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** One option, as shown in help texts. */
export interface OptionHelp {
  readonly key: string
  readonly flags: readonly string[]
  readonly variables: readonly string[]
  readonly placeholder: string | undefined
  readonly description: string
  readonly fallback: unknown
  /** Only the configuration file can hold it: there is no flag and no variable. */
  readonly isFileOnly: boolean
}

/**
 * Reads the settings of one command: the file given by `--config` (or HANDOVER_CONFIG), overridden by environment
 * variables, overridden by flags. Throws {@link ConfigError} with every error, or returns `'help'` if help was requested.
 */
export function loadSettings<S extends Section>(section: S, sources: ConfigSources): Settings<S> | 'help' {
  const options = optionsOf(section)
  const faults: string[] = []
  const flags = readFlags(options, sources.args, faults)
  if (flags.help) return 'help'
  const configFile = flags.config ?? sources.env['HANDOVER_CONFIG']
  const fromFile = configFile === undefined ? {} : readFile(configFile, section, faults)
  const merged = { ...fromFile, ...readVariables(options, sources.env), ...flags.values }
  const read = sections[section].safeParse(merged)
  if (!read.success) faults.push(...read.error.issues.flatMap((issue) => describe(issue, section, merged)))
  faults.push(...presenceFaults(section, merged), ...valueFaults(section, read.success ? read.data : merged))
  if (faults.length > 0 || !read.success) throw new ConfigError([...new Set(faults)])
  return Object.freeze(read.data) as Settings<S>
}

/** The options of a command, in the schema's order. */
export function optionsOf(section: Section): OptionHelp[] {
  return Object.entries(sections[section].shape).map(([key, schema]) => {
    const notes = fieldNotes.get(schema as z.ZodType)
    const flag = `--${key.replaceAll('_', '-')}`
    const isFileOnly = notes?.isFileOnly ?? false
    const variable = `HANDOVER_${section.toUpperCase()}_${key.toUpperCase()}`
    return {
      key,
      isFileOnly,
      flags: isFileOnly ? [] : [flag, ...(notes?.aliases ?? []).map((alias) => `--${alias}`)],
      variables: isFileOnly ? [] : [variable, ...(notes?.environment ?? [])],
      placeholder: notes?.placeholder,
      description: notes?.description ?? '',
      fallback: fallbackOf(schema as z.ZodType),
    }
  })
}

function fallbackOf(schema: z.ZodType): unknown {
  const definition = schema.def as { type: string; defaultValue?: unknown }
  if (definition.type !== 'default') return undefined
  const value = definition.defaultValue
  return value === false || (Array.isArray(value) && value.length === 0) ? undefined : value
}

interface ReadFlags {
  readonly help: boolean
  readonly config: string | undefined
  readonly values: Record<string, unknown>
}

function readFlags(options: readonly OptionHelp[], args: readonly string[], faults: string[]): ReadFlags {
  const byFlag = new Map(options.flatMap((option) => option.flags.map((flag) => [flag, option] as const)))
  const values: Record<string, unknown> = {}
  let config: string | undefined
  let help = false
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (arg === '--help' || arg === '-h') {
      help = true
      continue
    }
    const equals = arg.startsWith('--') ? arg.indexOf('=') : -1
    const flag = equals < 0 ? arg : arg.slice(0, equals)
    const option = byFlag.get(flag)
    const isSwitch = option !== undefined && option.placeholder === undefined
    if (!option && flag !== '--config') {
      faults.push(unknownFlag(arg, flag, [...byFlag.keys(), '--config', '--help']))
      if (equals < 0 && arg.startsWith('--') && !(args[at + 1] ?? '--').startsWith('-')) at++
      continue
    }
    let value: string | true = equals < 0 ? true : arg.slice(equals + 1)
    if (value === true && !isSwitch) {
      const next = args[at + 1]
      if (next === undefined || next.startsWith('--')) {
        faults.push(`${flag}: needs a value`)
        continue
      }
      value = next
      at++
    }
    if (!option) config = String(value)
    else if (option.placeholder?.endsWith('…'))
      values[option.key] = [...((values[option.key] as string[]) ?? []), value]
    else if (option.key in values) faults.push(`${flag}: given twice`)
    else values[option.key] = value
  }
  return { help, config, values }
}

function unknownFlag(arg: string, flag: string, known: readonly string[]): string {
  if (!arg.startsWith('-')) return `unexpected argument ${JSON.stringify(arg.slice(0, 40))}`
  const guess = nearest(flag, known)
  return `${flag.slice(0, 60)}: unknown option${guess ? `, did you mean ${guess}?` : ''}`
}

function readVariables(options: readonly OptionHelp[], env: ConfigSources['env']): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const option of options) {
    const value = option.variables.map((name) => env[name]).find((text) => text !== undefined && text !== '')
    if (value !== undefined) values[option.key] = value
  }
  return values
}

function readFile(path: string, section: Section, faults: string[]): Record<string, unknown> {
  let document: unknown
  try {
    document = parseYaml(readFileSync(path, 'utf8')) ?? {}
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    faults.push(
      `${path}: ${code === undefined ? `not YAML (${(error as Error).message.split('\n')[0]})` : `cannot be read (${code})`}`,
    )
    return {}
  }
  const read = fileSchema.safeParse(document)
  for (const issue of read.error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys')
      faults.push(...issue.keys.map((key) => unknownKey(key, Object.keys(fileSchema.shape))))
    else faults.push(`${issue.path.join('.') || path}: ${issue.message}`)
  }
  // An error in one place of the file hides no others, and the sections of other commands are checked as well.
  const contents = sectionsIn(document)
  for (const [name, content] of contents) {
    if (name === section) continue
    const keys = Object.keys(sections[name].shape)
    for (const key of Object.keys(content)) {
      if (!keys.includes(key)) faults.push(`${name}.${unknownKey(key, keys)}`)
    }
  }
  return contents.get(section) ?? {}
}

/** The sections of a file that are present and have keys, even if the file has other errors. */
function sectionsIn(document: unknown): Map<Section, Record<string, unknown>> {
  const found = new Map<Section, Record<string, unknown>>()
  if (typeof document !== 'object' || document === null) return found
  for (const name of Object.keys(sections) as Section[]) {
    const content = fileSchema.shape[name].safeParse((document as Record<string, unknown>)[name])
    if (content.success && content.data !== undefined) found.set(name, content.data)
  }
  return found
}

function unknownKey(key: string, known: readonly string[]): string {
  const guess = nearest(key, known)
  return `${key}: unknown key${guess ? `, did you mean ${guess}?` : ''}`
}

function describe(issue: z.core.$ZodIssue, section: Section, given: Record<string, unknown>): string[] {
  if (issue.path.length > 1 || (issue.path.length === 1 && issue.code === 'unrecognized_keys')) {
    return [describePart(issue, section)]
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${section}.${unknownKey(key, Object.keys(sections[section].shape))}`)
  }
  const key = String(issue.path[0] ?? '')
  const flag = `--${key.replaceAll('_', '-')}`
  const rule = given[key] === undefined ? 'must be given' : issue.message
  return [`${section}.${issue.path.join('.')} (${flag}): ${rule}`]
}

/** An error inside structured settings. */
function describePart(issue: z.core.$ZodIssue, section: Section): string {
  const place = `${section}.${issue.path.join('.')}`
  if (issue.code !== 'unrecognized_keys') {
    return `${place}: ${issue.message.endsWith('received undefined') ? 'must be given' : issue.message}`
  }
  const known = keysAt(sections[section], issue.path)
  return issue.keys.map((key) => `${place}.${unknownKey(key, known)}`).join('\n')
}

/** The keys that are valid at a place of the settings; empty where keys are not fixed. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  const { def, shape } = schema as { def: { innerType?: unknown; element?: unknown }; shape?: Record<string, unknown> }
  if (def.innerType !== undefined) return keysAt(def.innerType, path)
  const [first, ...rest] = path
  if (first === undefined) return shape === undefined ? [] : Object.keys(shape)
  const next = shape === undefined ? def.element : shape[String(first)]
  return next === undefined ? [] : keysAt(next, rest)
}
