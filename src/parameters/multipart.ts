/** One part of a multipart body (RFC 7578). */
export interface Part {
  /** The field's name as Rack reads it, one byte per character; undefined for none. */
  readonly name: string | undefined
  /** Further names that another parser may read in the same head. */
  readonly otherNames: readonly string[]
  /** The name of a file, empty if none was chosen; undefined for a plain field. */
  readonly filename: string | undefined
  readonly content: Buffer
}

/**
 * `incomplete`: the body has no final delimiter; Rack then reads no parameters from it. `too_many`: too many parts, or
 * bytes in their heads.
 */
export type MultipartFault = 'incomplete' | 'too_many'

/** Rack accepts four times as many; an OAuth form has fewer than thirty. */
const MAX_PARTS = 1_024
const MAX_HEAD_BYTES = 8 << 10
/** Total for all parts: reading heads is the slow part. */
const MAX_HEADS_BYTES = 128 << 10
const LONGEST_BOUNDARY = 200
/** Maximum number of false delimiters in the content of a part. */
const MOST_TRIES = 4_096

/**
 * Returns the boundary of a content type, by Rack's rule: it ends at a quote, a semicolon or a comma. Undefined for
 * none; the body is then read as a form. `unusable` if it is repeated, too long, or has a space before its equals sign:
 * then Rack reads nothing of the body.
 */
export function boundaryOf(contentType: string): string | undefined | 'unusable' {
  const match = /^multipart\/.*?boundary(\s*)="?([^";,]+)"?/i.exec(contentType)
  const boundary = match?.[2]
  if (!match || boundary === undefined) return undefined
  const isRepeated = /boundary\s*=/i.test(contentType.slice(match[0].length))
  return match[1] !== '' || isRepeated || boundary.length > LONGEST_BOUNDARY ? 'unusable' : boundary
}

/**
 * Delivers the parts of a multipart body in order; `take` returns false to stop. Returns what is wrong with the body,
 * if anything; some parts may already have been delivered by then.
 */
export function readParts(body: Buffer, boundary: string, take: (part: Part) => boolean): MultipartFault | undefined {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1')
  let at = body.indexOf(delimiter)
  let headBytes = 0
  for (let count = 0; at >= 0; count++) {
    at += delimiter.length
    if (isAt(body, at, '--')) return undefined
    if (count >= MAX_PARTS) return 'too_many'
    const headEnd = body.indexOf('\r\n\r\n', at)
    if (headEnd < 0) return 'incomplete'
    headBytes += headEnd - at
    if (headEnd - at > MAX_HEAD_BYTES || headBytes > MAX_HEADS_BYTES) return 'too_many'
    const end = delimiterAfter(body, delimiter, headEnd + 2)
    if (end < 0) return 'incomplete'
    const contentEnd = isAt(body, end - 2, '\r\n') ? end - 2 : end
    const content = body.subarray(headEnd + 4, Math.max(contentEnd, headEnd + 4))
    if (!take({ ...readHead(body.toString('latin1', at, headEnd)), content })) return undefined
    at = end
  }
  return 'incomplete'
}

/** Returns the position of the next delimiter that is followed by a line end or two dashes; -1 if there is none. */
function delimiterAfter(body: Buffer, delimiter: Buffer, from: number): number {
  let at = body.indexOf(delimiter, from)
  for (let tries = 0; at >= 0 && tries < MOST_TRIES; tries++) {
    const behind = at + delimiter.length
    if (isAt(body, behind, '\r\n') || isAt(body, behind, '--')) return at
    at = body.indexOf(delimiter, at + 1)
  }
  return -1
}

function isAt(body: Buffer, at: number, two: string): boolean {
  return body[at] === two.charCodeAt(0) && body[at + 1] === two.charCodeAt(1)
}

const VALUE = String.raw`(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s()<>,;:\\"/[\]?=]+))`
/** Greedy, so that the last of several names counts. */
const NAME = new RegExp(String.raw`content-disposition:[^:]*;\s*name=${VALUE}`, 'i')
const ANY_NAME = new RegExp(String.raw`[;\s]name\s*\*?=\s*${VALUE}`, 'gi')
const CONTENT_ID = /content-id:[^\S\r\n]*([^\r\n]*)/i
const FILENAME = new RegExp(String.raw`;\s*filename\*?=${VALUE}`, 'i')
/** A head should name a part once; at most this many other names are read. */
const MOST_NAMES = 8

function readHead(head: string): Omit<Part, 'content'> {
  const name = quotedValue(NAME.exec(head)) ?? CONTENT_ID.exec(head)?.[1]
  const otherNames: string[] = []
  for (const match of head.matchAll(ANY_NAME)) {
    const other = quotedValue(match)
    if (other !== undefined && other !== name) otherNames.push(other)
    if (otherNames.length === MOST_NAMES) break
  }
  return { name, otherNames, filename: quotedValue(FILENAME.exec(head)) }
}

function quotedValue(match: RegExpExecArray | null): string | undefined {
  return match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2]
}
