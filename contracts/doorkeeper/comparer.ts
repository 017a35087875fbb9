import { COMPARED_HEADERS, comparedSteps, type RecordedResponse, type RecordedScenario } from './recording.ts'

/** The options of a comparison. */
export interface Comparison {
  /** Only what the client and the user see: secrets of any shape, pages by status and target. */
  readonly asSeen: boolean
}

/** A difference between a response and the recorded one. */
export interface Difference {
  /** Counted from 1 among the compared steps. */
  readonly step: number
  /**
   * `status`, a header's name (`set-cookie` for all cookies together), `body`, `forms`, or `steps` if their number
   * differs.
   */
  readonly part: string
  /** One line for people. */
  readonly line: string
}

const PAGE_HEADERS = ['location', 'content-type']
const UNCOMPARED_FIELDS = ['commit', 'utf8', 'button']

/** The differences between a recording and the current responses of a server; set-up steps are ignored. */
export function compareScenario(
  recorded: RecordedScenario,
  now: RecordedScenario,
  comparison: Comparison,
): Difference[] {
  const wanted = comparedSteps(recorded)
  const got = comparedSteps(now)
  const differences = wanted.flatMap(({ response }, index) => {
    const answer = got[index]?.response
    if (answer === undefined) return []
    const compared = compareResponse(response, answer, comparison)
    return compared.map(([part, line]) => ({ step: index + 1, part, line }))
  })
  if (wanted.length === got.length) return differences
  const line = `${wanted.length} steps, now ${got.length}`
  return [...differences, { step: Math.min(wanted.length, got.length) + 1, part: 'steps', line }]
}

type Found = readonly [part: string, line: string]

/** The differences between two responses. */
export function compareResponse(wanted: RecordedResponse, got: RecordedResponse, comparison: Comparison): Found[] {
  const plain = (text: string) => withoutIdentity(text, comparison)
  const found: Found[] = []
  if (wanted.status !== got.status) found.push(['status', `status: ${wanted.status}, now ${got.status}`])
  const isPage = comparison.asSeen && (wanted.html !== undefined || got.html !== undefined)
  for (const name of isPage ? PAGE_HEADERS : COMPARED_HEADERS) {
    const before = headerOf(wanted, name, plain)
    const after = headerOf(got, name, plain)
    if (canonical(name, before) !== canonical(name, after)) {
      found.push([name, `${name}: ${before ?? '(absent)'}, now ${after ?? '(absent)'}`])
    }
  }
  return [...found, ...(isPage ? [] : compareCookies(wanted, got)), ...compareBodies(wanted, got, comparison)]
}

/** A new cookie is a difference, and so is one that scripts can read; names and contents are up to each server. */
function compareCookies(wanted: RecordedResponse, got: RecordedResponse): Found[] {
  const before = cookiesOf(wanted)
  const expected = before.length === 0 ? 'none' : 'with HttpOnly and SameSite'
  return cookiesOf(got)
    .filter((line) => before.length === 0 || !/;\s*HttpOnly/i.test(line) || !/;\s*SameSite=/i.test(line))
    .map((line) => ['set-cookie', `set-cookie: ${expected}, now ${line}`])
}

function cookiesOf({ headers }: RecordedResponse): string[] {
  return headers.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value)
}

function compareBodies(wanted: RecordedResponse, got: RecordedResponse, comparison: Comparison): Found[] {
  const plain = (text: string) => withoutIdentity(text, comparison)
  if (wanted.json !== undefined || got.json !== undefined) {
    if (wanted.json === undefined) return [['body', 'body: not JSON, now JSON']]
    if (got.json === undefined) return [['body', 'body: JSON, now not JSON']]
    const lines = [
      ...compareValues(wanted.json, got.json, 'body', plain),
      ...compareOrder(wanted.json, got.json, 'body'),
    ]
    return lines.map((line) => ['body', line] as const)
  }
  if (wanted.html && got.html) {
    if (comparison.asSeen) return []
    return compareValues(formsOf(wanted.html), formsOf(got.html), 'forms', plain).map(
      (line) => ['forms', line] as const,
    )
  }
  const before = plain(wanted.body ?? '')
  const after = plain(got.body ?? '')
  if (wanted.html || got.html || before === after) return []
  return [['body', `body: ${quote(before)}, now ${quote(after)}`]]
}

/** Members at every depth; a member that one side lacks is reported with its value. */
function compareOrder(wanted: unknown, got: unknown, path: string): string[] {
  if (!isComposite(wanted) || !isComposite(got)) return []
  const before = Object.keys(wanted).filter((key) => Object.hasOwn(got, key))
  const after = Object.keys(got).filter((key) => Object.hasOwn(wanted, key))
  const deeper = before.flatMap((key) => compareOrder(memberOf(wanted, key), memberOf(got, key), `${path}.${key}`))
  return String(before) === String(after) ? deeper : [`${path} in order: ${before}, now ${after}`, ...deeper]
}

function memberOf(value: object, key: string): unknown {
  return Object.entries(value).find(([name]) => name === key)?.[1]
}

function compareValues(wanted: unknown, got: unknown, path: string, plain: (text: string) => string): string[] {
  if (isComposite(wanted) && isComposite(got) && Array.isArray(wanted) === Array.isArray(got)) {
    const before = new Map(Object.entries(wanted))
    const after = new Map(Object.entries(got))
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
      const at = `${path}.${key}`
      if (!before.has(key)) return [`${at}: absent, now ${JSON.stringify(after.get(key))}`]
      if (!after.has(key)) return [`${at}: ${JSON.stringify(before.get(key))}, now absent`]
      return compareValues(before.get(key), after.get(key), at, plain)
    })
  }
  const before = typeof wanted === 'string' ? plain(wanted) : wanted
  const after = typeof got === 'string' ? plain(got) : got
  return before === after ? [] : [`${path}: ${JSON.stringify(before)}, now ${JSON.stringify(after)}`]
}

function isComposite(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Secrets without their number, and, as seen by users, without their shape. */
function withoutIdentity(text: string, { asSeen }: Comparison): string {
  const anonymous = text.replace(/(<[a-z_0-9]+:\d+:[^#>]+)#\d+>/g, '$1>')
  return asSeen ? anonymous.replace(/<(opaque|user_code|kid|rsa-modulus):[^>]*>/g, '<$1>') : anonymous
}

function headerOf({ headers }: RecordedResponse, name: string, plain: (text: string) => string): string | undefined {
  const values = headers.filter(([line]) => line.toLowerCase() === name).map(([, value]) => plain(value))
  return values.length === 0 ? undefined : values.join(' | ')
}

/** A header's value in one canonical spelling. */
function canonical(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  if (name === 'content-type') return value.toLowerCase().replace(/;\s*/g, '; ').replaceAll('"', '')
  if (name === 'cache-control') return value.toLowerCase().split(/,\s*/).sort().join(', ')
  if (name !== 'location') return value
  const [address = '', fragment] = value.split('#')
  const [path, query] = address.split(/\?(.*)/s)
  return JSON.stringify([path, query?.split('&').sort() ?? null, fragment?.split('&').sort() ?? null])
}

function formsOf(html: NonNullable<RecordedResponse['html']>): unknown {
  return html.forms.map(({ method, action, fields }) => ({
    method,
    action,
    fields: Object.fromEntries(fields.filter(([name]) => !UNCOMPARED_FIELDS.includes(name))),
  }))
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 120))
}
