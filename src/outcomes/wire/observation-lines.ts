import { CREDENTIAL_TYPES, type IssuedCredential, OBSERVED_REQUESTS, type Observation } from '../observation.ts'
import { putNumber, putText } from './plain-text.ts'

/** The longest line that is read, in characters. */
export const LONGEST_LINE = 1_024
/** Stands for a text that there is not. */
export const NONE = '-'
/** Flags of an observation, as bits. */
export const GRANTED = 1
export const DIVERTED = 2
export const IAM = 4

/** ASCII codes. */
const SPACE = 32
const COMMA = 44
const COLON = 58

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
