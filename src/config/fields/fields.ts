import { z } from 'zod'
import { parseListenAddress, TrustedProxies } from '../../http/index.ts'
import { parseLimit } from '../limit.ts'

/** How one option is written outside the configuration file; the key itself gives `--kebab-case` and the variable. */
export interface FieldNotes {
  /** The placeholder of the value in help texts, such as HOST:PORT; absent for a switch. */
  readonly placeholder?: string
  /** Further spellings of the flag, without dashes. */
  readonly aliases?: readonly string[]
  /** A structured setting, which only the configuration file can hold. */
  readonly isFileOnly?: boolean
  /** Further environment variables, read after the one derived from the key. */
  readonly environment?: readonly string[]
}

/** Notes by schema; zod copies a schema on every refinement, so a field's notes are set last. */
export const fieldNotes = z.registry<FieldNotes & { description: string }>()

function note<T extends z.ZodType>(schema: T, description: string, notes: FieldNotes): T {
  const described = schema.describe(description)
  fieldNotes.add(described, { ...notes, description })
  return described
}

/** `HOST:PORT`. */
export function listenField(fallback: string, description: string) {
  const schema = z.string().refine((text) => parseListenAddress(text) !== undefined, 'must be HOST:PORT')
  return note(schema.default(fallback), description, { placeholder: 'HOST:PORT' })
}

/** `HOST:PORT` of a server that starts only if it is configured. */
export function optionalListenField(description: string) {
  const schema = z.string().refine((text) => parseListenAddress(text) !== undefined, 'must be HOST:PORT')
  return note(schema.optional(), description, { placeholder: 'HOST:PORT' })
}

const httpUrl = z
  .string()
  .refine((text) => /^https?:\/\/[^/?#\s]+/.test(text) && URL.canParse(text), 'must be an http or https URL')

/** An http(s) URL; user and password in it are refused, because it is logged. */
export function urlField(description: string, notes: FieldNotes = {}) {
  const schema = httpUrl.refine(
    (text) => !URL.canParse(text) || new URL(text).username === '',
    'must not contain a user name',
  )
  return note(schema.optional(), description, { placeholder: 'URL', ...notes })
}

/** Several http(s) URLs, tried in order: a YAML list, a repeated flag, or commas in a variable. */
export function urlListField(description: string) {
  const item = httpUrl.refine(
    (text) => !URL.canParse(text) || new URL(text).username === '',
    'must not contain a user name',
  )
  const schema = z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',') : value),
    z.array(item).min(1, 'must not be empty').optional(),
  )
  return note(schema.optional(), description, { placeholder: 'URL…' })
}

/** A required URL. */
export function requiredUrlField(description: string, notes: FieldNotes = {}) {
  return note(httpUrl, description, { placeholder: 'URL', ...notes })
}

/** A PostgreSQL connection string. It may hold a password, so it is never shown. */
export function databaseUrlField(description: string) {
  const schema = z.string().regex(/^postgres(ql)?:\/\//, 'must begin with postgres:// or postgresql://')
  return note(schema.optional(), description, { placeholder: 'URL' })
}

/** The path of a file or directory. */
export function pathField(placeholder: 'FILE' | 'DIR', description: string, notes: FieldNotes = {}) {
  return note(z.string().min(1, 'must not be empty').optional(), description, { placeholder, ...notes })
}

/** A path with a default. */
export function defaultPathField(placeholder: 'FILE' | 'DIR', fallback: string, description: string) {
  return note(z.string().min(1, 'must not be empty').default(fallback), description, { placeholder })
}

/** A whole number within bounds; a flag or variable gives it as digits. */
export function integerField(bounds: { min: number; max: number; fallback: number }, description: string) {
  const rule = `must be a whole number from ${bounds.min} to ${bounds.max}`
  const number = z.int(rule).min(bounds.min, rule).max(bounds.max, rule)
  const schema = z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value),
    number,
  )
  return note(schema.default(bounds.fallback), description, { placeholder: 'N' })
}

/** An optional whole number. */
export function optionalIntegerField(bounds: { min: number; max: number }, description: string) {
  const rule = `must be a whole number from ${bounds.min} to ${bounds.max}`
  const number = z.int(rule).min(bounds.min, rule).max(bounds.max, rule)
  const schema = z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value),
    number.optional(),
  )
  return note(schema.optional(), description, { placeholder: 'N' })
}

/** On or off; off by default. */
export function switchField(description: string, notes: FieldNotes = {}) {
  const schema = z.preprocess(
    (value) => (value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : value),
    z.boolean('must be true or false'),
  )
  return note(schema.default(false), description, notes)
}

/** `COUNT/PERIOD`, or `off`; {@link parseLimit} reads it. */
export function limitField(fallback: string, description: string) {
  const schema = z
    .string()
    .refine((text) => text === 'off' || parseLimit(text) !== undefined, 'must be off, or like 20/10m: COUNT/PERIOD')
  return note(schema.default(fallback), description, { placeholder: 'COUNT/PERIOD' })
}

/** One of several words. */
export function choiceField<const T extends readonly [string, ...string[]]>(
  choices: T,
  fallback: T[number],
  description: string,
) {
  const schema = z.enum(choices, `must be one of ${choices.join(', ')}`)
  return note(schema.default(fallback as never), description, { placeholder: choices.join('|') })
}

/** Any of several words: a YAML list, a repeated flag, or commas in a variable. */
export function choicesField<const T extends readonly [string, ...string[]]>(
  placeholder: string,
  choices: T,
  description: string,
) {
  const list = z.array(z.enum(choices, `must be one of ${choices.join(', ')}`))
  const schema = z.preprocess((value) => (typeof value === 'string' ? value.split(',') : value), list)
  return note(schema.default([]), description, { placeholder: `${placeholder}…` })
}

/** One of several words, or none. */
export function optionalChoiceField<const T extends readonly [string, ...string[]]>(choices: T, description: string) {
  const schema = z.enum(choices, `must be one of ${choices.join(', ')}`)
  return note(schema.optional(), description, { placeholder: choices.join('|') })
}

/** Free text. */
export function textField(placeholder: string, description: string, rule?: { pattern: RegExp; message: string }) {
  const schema = rule ? z.string().regex(rule.pattern, rule.message) : z.string().min(1, 'must not be empty')
  return note(schema.optional(), description, { placeholder })
}

/** Several addresses or CIDRs. */
export function addressRangesField(description: string) {
  const item = z.string().refine(isAddressRange, 'must be an address or a CIDR such as 10.0.0.0/8')
  const schema = z.preprocess((value) => (typeof value === 'string' ? value.split(',') : value), z.array(item))
  return note(schema.default([]), description, { placeholder: 'CIDR…' })
}

function isAddressRange(text: string): boolean {
  try {
    return new TrustedProxies([text]) !== undefined
  } catch {
    return false
  }
}

/** A plain path: no query, no dot segments, nothing encoded, longer than a slash. */
export const OWN_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+$/

/** The endpoints that {@link ownPathsField} accepts. */
const OWN_PATH_ENDPOINTS = [
  'authorize',
  'authorize_device',
  'token',
  'revoke',
  'introspect',
  'userinfo',
  'jwks',
] as const

/** Several `ENDPOINT=PATH`; each endpoint once. */
export function ownPathsField(description: string) {
  const item = z.string().refine(
    (text) => {
      const [endpoint = '', ...path] = text.split('=')
      return OWN_PATH_ENDPOINTS.some((known) => known === endpoint) && OWN_PATH.test(path.join('='))
    },
    `must be ENDPOINT=PATH, where ENDPOINT is one of ${OWN_PATH_ENDPOINTS.join(', ')}`,
  )
  const list = z.array(item).refine((items) => {
    return new Set(items.map((text) => text.split('=', 1)[0])).size === items.length
  }, 'must name each endpoint once')
  const schema = z.preprocess((value) => (typeof value === 'string' ? value.split(',') : value), list)
  return note(schema.default([]), description, { placeholder: 'ENDPOINT=PATH…' })
}

/** Several values: a YAML list, a repeated flag, or commas in a variable. */
export function listField(placeholder: string, description: string, rule?: { pattern: RegExp; message: string }) {
  const item = rule ? z.string().regex(rule.pattern, rule.message) : z.string().min(1, 'must not be empty')
  const schema = z.preprocess((value) => (typeof value === 'string' ? value.split(',') : value), z.array(item))
  return note(schema.default([]), description, { placeholder: `${placeholder}…` })
}

/** Several scopes with a default, each once: a YAML list, a repeated flag, or commas in a variable. */
export function scopesField(
  fallback: readonly string[],
  description: string,
  rule: { readonly pattern: RegExp; readonly message: string },
) {
  const list = z.array(z.string().regex(rule.pattern, rule.message)).refine((scopes) => {
    return new Set(scopes).size === scopes.length
  }, 'must name each scope once')
  const schema = z.preprocess((value) => (typeof value === 'string' ? value.split(',') : value), list)
  return note(schema.default([...fallback]), description, { placeholder: 'SCOPE…' })
}

/** Structured settings, which only the configuration file can hold. */
export function structureField<T extends z.ZodType>(schema: T, description: string) {
  return note(schema.optional(), description, { isFileOnly: true })
}
