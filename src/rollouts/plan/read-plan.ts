import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { suggestName } from '../../flags/index.ts'
import type { Plan } from './plan.ts'
import { type BrokenRule, type PlanTerms, planOf } from './plan-rules.ts'
import { planSchema } from './plan-schema.ts'

/** The longest plan that is read, in bytes of UTF-8. */
export const MAX_PLAN_BYTES = 256 * 1024
/** How many nodes the aliases of a plan may stand for, all together. */
const MAX_ALIASED = 1_000
/** How many aliases a plan may have: each is looked up in the whole document. */
const MAX_ALIASES = 100
const MAX_FAULTS = 50

/** One thing that is wrong with a plan. Line and column count from 1; both are null for a plan that is not text. */
export interface PlanFault {
  readonly line: number | null
  readonly column: number | null
  /** The path to the field, such as `steps[2].percentage`; empty for the plan as a whole. */
  readonly field: string
  readonly rule: string
}

/** A plan, with the object that was written, or everything that is wrong with it. */
export type PlanRead =
  | { readonly plan: Plan; readonly written: Readonly<Record<string, unknown>> }
  | { readonly faults: readonly PlanFault[] }

type Place = (path: BrokenRule['path']) => Pick<PlanFault, 'line' | 'column'>

/** Reads a plan from YAML (of which JSON is a part). Bounded in size, depth and aliases; never throws. */
export function readPlan(text: string, terms: PlanTerms): PlanRead {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_PLAN_BYTES) {
    return {
      faults: [{ line: 1, column: 1, field: '', rule: `must be at most ${MAX_PLAN_BYTES} bytes, not ${bytes}` }],
    }
  }
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  let document: Document
  let repeated: ReturnType<typeof repeatedKeys>
  try {
    document = parseDocument(text, PARSING(lines))
    repeated = repeatedKeys(document)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { faults: [{ line: 1, column: 1, field: '', rule: 'must not be nested so deeply' }] }
  }
  const misread = [...document.errors, ...document.warnings, ...repeated]
  if (misread.length > 0) {
    return {
      faults: misread.slice(0, MAX_FAULTS).map((e) => ({ ...at(e.pos[0]), field: '', rule: yamlRule(e.message) })),
    }
  }
  const aliases = aliasesOf(document)
  if (aliases.length > MAX_ALIASES) {
    return {
      faults: [{ ...at(aliases[MAX_ALIASES] ?? 0), field: '', rule: `must have at most ${MAX_ALIASES} aliases` }],
    }
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASED })
  } catch (error) {
    const rule =
      error instanceof RangeError ? 'must not be nested so deeply' : 'must not use anchors to repeat this much'
    return { faults: [{ ...at(aliases[0] ?? 0), field: '', rule }] }
  }
  return check(value, terms, (path) => at(offsetOf(document, path)))
}

/** The parser compares each key with all others of its map, which takes minutes for a plan of many keys. */
const PARSING = (lineCounter: LineCounter) =>
  ({ lineCounter, prettyErrors: false, version: '1.2', merge: false, uniqueKeys: false }) as const

/** The keys that their map contains already, as the parser reports them. */
function repeatedKeys(document: Document): Array<{ readonly pos: readonly [number]; readonly message: string }> {
  const found: Array<{ readonly pos: readonly [number]; readonly message: string }> = []
  visit(document, {
    Map(_key, { items }) {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        if (!isScalar(key)) continue
        if (seen.has(key.value)) found.push({ pos: [key.range?.[0] ?? 0], message: 'Map keys must be unique' })
        seen.add(key.value)
      }
      return found.length < MAX_FAULTS ? undefined : visit.BREAK
    },
  })
  return found
}

/** Reads a plan that was given as an object; its faults have no line. */
export function readPlanObject(value: unknown, terms: PlanTerms): PlanRead {
  return check(value, terms, () => ({ line: null, column: null }))
}

/** A fault as one sentence, with its place if it has one. */
export function planFaultInWords({ line, column, field, rule }: PlanFault): string {
  const place = line === null ? '' : `line ${line}, column ${column}: `
  return `${place}${field === '' ? 'the plan' : field} ${rule}`
}

function check(value: unknown, terms: PlanTerms, place: Place): PlanRead {
  const fault = ({ path, rule }: BrokenRule): PlanFault => ({ ...place(path), field: fieldOf(path), rule })
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return { faults: [fault({ path: [], rule: 'must be an object with version, name, flag and environment' })] }
  }
  const read = planSchema.safeParse(value)
  const broken = read.success ? undefined : read.error.issues.flatMap((issue) => rulesOf(issue, value))
  if (broken !== undefined) return { faults: broken.slice(0, MAX_FAULTS).map(fault) }
  const plan = planOf(read.data as z.infer<typeof planSchema>, terms)
  if ('broken' in plan) return { faults: plan.broken.slice(0, MAX_FAULTS).map(fault) }
  return { plan, written: value as Readonly<Record<string, unknown>> }
}

function fieldOf(path: BrokenRule['path']): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
}

type Issue = z.core.$ZodIssue

/** The rules that an issue of the schema stands for, in words. */
function rulesOf(issue: Issue, root: unknown, under: BrokenRule['path'] = []): BrokenRule[] {
  const path = [...under, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))]
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path)
    return issue.keys.slice(0, MAX_FAULTS).map((key) => {
      const near = suggestName(key, known)
      return {
        path: [...path, key],
        rule: `is not a field of a plan${near === undefined ? '' : `; did you mean ${near}?`}`,
      }
    })
  }
  const value = path.reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], root)
  if (issue.code === 'invalid_union' && value !== null && typeof value === 'object') {
    const branch = issue.errors.find((errors) =>
      errors.every(({ code, path }) => code !== 'invalid_type' || path.length > 0),
    )
    if (branch) return branch.flatMap((each) => rulesOf(each, root, path))
  }
  if (value === undefined) return [{ path, rule: 'is required' }]
  return [{ path, rule: plainRule(issue) }]
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
}

function plainRule(issue: Issue): string {
  if (issue.message.startsWith('must')) return issue.message
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? issue.expected}`
    case 'too_small': {
      const least = `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`
      return issue.origin === 'string' && issue.minimum === 1 ? 'must not be empty' : `must be ${least}`
    }
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `must have at most ${issue.maximum} ${issue.origin === 'string' ? 'characters' : 'entries'}`
        : `must be at most ${issue.maximum}`
    case 'invalid_value':
      return `must be ${issue.values.join(' or ')}`
    default:
      return `must be valid (${issue.message})`
  }
}

/** The fields that the schema knows where an unknown one was found, for a suggestion. */
function knownKeys(path: BrokenRule['path']): readonly string[] {
  const [top, second] = path
  if (top === undefined) return Object.keys(planSchema.shape)
  if (top === 'steps' && path.length === 2 && typeof second === 'number') {
    return Object.keys(planSchema.shape.steps.unwrap().element.shape)
  }
  return [
    'bound',
    'outcomes',
    'flows',
    'at_most',
    'at_least',
    'acknowledge',
    'name',
    'query',
    'item',
    'before_step',
    'responsible',
    'slack',
    'email',
    'webhook',
  ]
}

/** Where a field is in the text: its key or entry; else the nearest object around it. */
function offsetOf(document: Document, path: BrokenRule['path']): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => isNode(key) && String((key as { value?: unknown }).value) === String(part),
      )
      if (pair === undefined) return offset
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(part)]
      if (!isNode(node)) return offset
      offset = node.range?.[0] ?? offset
    } else return offset
  }
  return offset
}

/** Where the aliases of a document are, as far as one more than {@link MAX_ALIASES}. */
function aliasesOf(document: Document): number[] {
  const found: number[] = []
  visit(document, {
    Alias(_key, alias) {
      found.push(alias.range?.[0] ?? 0)
      return found.length > MAX_ALIASES ? visit.BREAK : undefined
    },
  })
  return found
}

/** The parser's own message, as a rule of the plan. */
function yamlRule(message: string): string {
  return `must be valid YAML: ${message.slice(0, 200).replace(/\s+/g, ' ')}`
}
