import {
  CREDENTIAL_TYPES,
  type IssuedCredential,
  OBSERVED_REQUESTS,
  type Observation,
  type ObservedCredential,
  type ObservedTrouble,
  TROUBLES,
} from '../observation.ts'
import { putNumber, putText } from './plain-text.ts'

/** The longest line that is read, in characters. */
const LONGEST_LINE = 1_024
const MOST_ISSUED = 4
/** The longest lifetime that is read, in seconds: ten years. */
const LONGEST_LIFETIME = 315_360_000

const NONE = '-'
/** ASCII codes. */
const SPACE = 32
const COMMA = 44
const COLON = 58
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
  const bytes = Buffer.alloc(LONGEST_LINE)
  return bytes.toString('latin1', 0, putObservation(seen, bytes, 0))
}

/**
 * Writes an observation as one line of plain text, fields separated by spaces, and returns where it ends. Credentials are
 * their type's number with hash and lifetime (`2:HASH:LIFETIME`); numbers are decimal. A gateway does this for each of
 * its requests, so it makes no string.
 */
export function putObservation(seen: Observation, bytes: Buffer, start: number): number {
  const flags = (seen.isGranted ? GRANTED : 0) + (seen.isDiverted ? DIVERTED : 0) + (seen.side === 'iam' ? IAM : 0)
  let at = putNumber(bytes, start, Math.round(seen.at))
  at = nextNumber(bytes, at, Math.round(seen.durationMs))
  at = nextNumber(bytes, at, seen.applicationId)
  at = nextNumber(bytes, at, REQUEST_NUMBER[seen.request])
  at = nextNumber(bytes, at, flags)
  at = nextNumber(bytes, at, seen.status)
  at = nextText(bytes, at, seen.error)
  at = nextText(bytes, at, seen.trouble)
  at = nextText(bytes, at, seen.presented)
  at = nextText(bytes, at, seen.flow)
  at = nextText(bytes, at, seen.caller)
  at = nextNumber(bytes, at, seen.asked.scope)
  at = nextNumber(bytes, at, seen.asked.redirectUri)
  at = nextNumber(bytes, at, seen.asked.form)
  at = nextText(bytes, at, seen.shape)
  at = nextIssued(bytes, at, seen.issued)
  return nextText(bytes, at, seen.requestId)
}

function nextNumber(bytes: Buffer, at: number, number: number): number {
  bytes[at] = SPACE
  return putNumber(bytes, at + 1, number)
}

function nextText(bytes: Buffer, at: number, text: string | undefined): number {
  bytes[at] = SPACE
  return putText(bytes, at + 1, text ?? NONE)
}

function nextIssued(bytes: Buffer, start: number, issued: Observation['issued']): number {
  if (issued.length === 0) return nextText(bytes, start, undefined)
  let at = start
  for (let index = 0; index < issued.length; index++) {
    const { type, hash, lifetime } = issued[index] as IssuedCredential
    bytes[at] = index === 0 ? SPACE : COMMA
    at = putNumber(bytes, at + 1, CREDENTIAL_TYPES.indexOf(type))
    bytes[at] = COLON
    at = putText(bytes, at + 1, hash)
    bytes[at] = COLON
    at = putNumber(bytes, at + 1, lifetime)
  }
  return at
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
