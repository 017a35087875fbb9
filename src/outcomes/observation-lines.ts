import {
  CREDENTIAL_TYPES,
  type IssuedCredential,
  OBSERVED_REQUESTS,
  type Observation,
  type ObservedCredential,
  type ObservedTrouble,
  TROUBLES,
} from './observation.ts'

/** The longest line that is read, in characters. */
const LONGEST_LINE = 1_024
const MOST_ISSUED = 4
/** The longest lifetime that is read, in seconds: ten years. */
const LONGEST_LIFETIME = 315_360_000

const NONE = '-'
const SPACE = ' '
const HASH = /^[0-9A-Za-z_-]{16,64}$/
const WORD = /^[a-z_]{1,40}$/
const REQUEST_ID = /^[\w.:-]{1,255}$/
const GRANTED = 1
const DIVERTED = 2
const IAM = 4

const REQUEST_NUMBER = Object.fromEntries(OBSERVED_REQUESTS.map((request, at) => [request, at])) as Readonly<
  Record<Observation['request'], number>
>

/** Writes an observation as one line; see {@link putObservation}. */
export function writeObservation(seen: Observation): string {
  let line = ''
  putObservation(seen, (text) => {
    line += text
  })
  return line
}

/**
 * Writes an observation as one line of plain text, fields separated by spaces. Credentials are their type's number with
 * hash and lifetime (`2:HASH:LIFETIME`); numbers are decimal.
 *
 * @param put receives the line piece by piece: one long text that grows is far more work
 */
export function putObservation(seen: Observation, put: (text: string) => void): void {
  const flags = (seen.isGranted ? GRANTED : 0) + (seen.isDiverted ? DIVERTED : 0) + (seen.side === 'iam' ? IAM : 0)
  put(`${Math.round(seen.at)} ${Math.round(seen.durationMs)} ${seen.applicationId} ${REQUEST_NUMBER[seen.request]} `)
  put(`${flags} ${seen.status} ${seen.error ?? NONE} ${seen.trouble ?? NONE} `)
  put(seen.presented ?? NONE)
  put(SPACE)
  put(seen.flow ?? NONE)
  put(SPACE)
  put(seen.caller)
  const { scope, redirectUri, form } = seen.asked
  put(` ${scope} ${redirectUri} ${form} `)
  put(seen.shape ?? NONE)
  put(SPACE)
  if (seen.issued.length === 0) put(NONE)
  let separator = ''
  for (const { type, hash, lifetime } of seen.issued) {
    put(`${separator}${CREDENTIAL_TYPES.indexOf(type)}:`)
    put(hash)
    put(`:${lifetime}`)
    separator = ','
  }
  put(SPACE)
  put(seen.requestId)
}

/** Reads one line; undefined if it is not exactly what {@link writeObservation} writes. */
export function readObservation(line: string): Observation | undefined {
  if (line.length > LONGEST_LINE) return undefined
  const fields = line.split(' ')
  if (fields.length !== 17) return undefined
  const [at, durationMs, applicationId, request, flags, status] = fields.slice(0, 6).map(wholeNumber) as number[]
  const [, , , , , , error, trouble, presented, flow, caller, scope, redirectUri, form, shape, issuedText] =
    fields as string[]
  const requestId = fields[16] as string
  const issued = readIssued(issuedText as string)
  const isSound =
    isPositive(at) &&
    isWithin(durationMs, 0, 86_400_000) &&
    isWithin(applicationId, 0, Number.MAX_SAFE_INTEGER) &&
    isWithin(request, 0, OBSERVED_REQUESTS.length - 1) &&
    isWithin(flags, 0, 7) &&
    (status === 0 || isWithin(status, 100, 599)) &&
    isOptional(WORD, error) &&
    (trouble === NONE || TROUBLES.includes(trouble as ObservedTrouble)) &&
    [presented, flow, shape].every((hash) => isOptional(HASH, hash)) &&
    HASH.test(caller as string) &&
    REQUEST_ID.test(requestId)
  const asked = { scope: wholeNumber(scope), redirectUri: wholeNumber(redirectUri), form: wholeNumber(form) }
  if (!isSound || issued === undefined || !Object.values(asked).every((one) => isWithin(one, 0, 0xffff_ffff))) {
    return undefined
  }
  const bits = flags as number
  return {
    applicationId: applicationId as number,
    request: OBSERVED_REQUESTS[request as number] as Observation['request'],
    side: (bits & IAM) === 0 ? 'rails' : 'iam',
    ...{ at: at as number, durationMs: durationMs as number, status: status as number },
    error: orNone(error),
    trouble: orNone(trouble) as ObservedTrouble | undefined,
    isGranted: (bits & GRANTED) !== 0,
    isDiverted: (bits & DIVERTED) !== 0,
    presented: orNone(presented),
    flow: orNone(flow),
    caller: caller as string,
    asked,
    issued,
    shape: orNone(shape),
    requestId,
  }
}

function readIssued(text: string): IssuedCredential[] | undefined {
  if (text === NONE) return []
  const issued: IssuedCredential[] = []
  for (const part of text.split(',')) {
    const [type, hash, lifetime, ...rest] = part.split(':')
    const number = wholeNumber(type)
    const seconds = wholeNumber(lifetime)
    if (rest.length > 0 || hash === undefined || !HASH.test(hash)) return undefined
    if (!isWithin(number, 0, CREDENTIAL_TYPES.length - 1) || !isWithin(seconds, 0, LONGEST_LIFETIME)) return undefined
    issued.push({ type: CREDENTIAL_TYPES[number as number] as ObservedCredential, hash, lifetime: seconds as number })
  }
  return issued.length <= MOST_ISSUED ? issued : undefined
}

function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
}

function isWithin(number: number | undefined, least: number, most: number): boolean {
  return number !== undefined && number >= least && number <= most
}

function isPositive(number: number | undefined): boolean {
  return isWithin(number, 1, Number.MAX_SAFE_INTEGER)
}

function isOptional(pattern: RegExp, text: string | undefined): boolean {
  return text === NONE || (text !== undefined && pattern.test(text))
}

function orNone(text: string | undefined): string | undefined {
  return text === NONE ? undefined : text
}
