type Members = Readonly<Record<string, unknown>>

const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*$|^\d+(?:ms|s|m|h|d|%)$/
/** Words that YAML reads as something else than text. */
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i

/** Writes a plan as YAML, as a person would: one member a line, short lists and objects in one line. */
export function planAsYaml(plan: Members): string {
  return inOrder(plan)
    .map(([name, value]) => member(name, value, ''))
    .join('')
}

/** The order in which people write a plan; stored objects have none. What is not named here comes last. */
const ORDER = [
  ...['version', 'name', 'flag', 'environment', 'applications', 'sample', 'percentage', 'steps', 'approval', 'dwell'],
  ...['evidence', 'pass_on_probes', 'not_before', 'budget', 'exclude', 'soak', 'mode', 'watch', 'guards'],
]

function inOrder(members: Members): ReadonlyArray<readonly [string, unknown]> {
  const rank = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)
  return Object.entries(members).sort(([a], [b]) => rank(a) - rank(b))
}

function member(name: string, value: unknown, indent: string): string {
  if (isScalar(value) || isShort(value)) return `${indent}${key(name)}: ${flow(value)}\n`
  if (Array.isArray(value)) return `${indent}${key(name)}:\n${value.map((entry) => item(entry, indent)).join('')}`
  return `${indent}${key(name)}:\n${Object.entries(value as Members)
    .map(([inner, one]) => member(inner, one, `${indent}  `))
    .join('')}`
}

function item(entry: unknown, indent: string): string {
  if (isScalar(entry) || Array.isArray(entry)) return `${indent}  - ${flow(entry)}\n`
  const lines = inOrder(entry as Members).map(([name, value]) => member(name, value, `${indent}    `))
  return `${indent}  - ${lines.join('').trimStart()}`
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value !== 'object'
}

const LONGEST_FLOW = 80

/** Empty, or a few scalars: these fit in one line. */
function isShort(value: unknown): boolean {
  const values = Object.values(value as object)
  return values.length === 0 || (values.every(isScalar) && flow(value).length <= LONGEST_FLOW)
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).map(([name, one]) => `${key(name)}: ${flow(one)}`)
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
  }
  return typeof value === 'string' ? text(value) : JSON.stringify(value)
}

function key(name: string): string {
  return text(name)
}

function text(value: string): string {
  return PLAIN.test(value) && !RESERVED.test(value) ? value : JSON.stringify(value)
}
