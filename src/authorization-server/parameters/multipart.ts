import { decodeUtf8 } from './decode.ts'
import { assignNested, COUNT_LIMIT, emptyHash, type Hash, type ParameterFault } from './nested.ts'

const HEADER_LIMIT = 16 << 10

/**
 * Reads a `multipart/form-data` body (RFC 7578). A file becomes a hash of its name, which no endpoint takes for a value.
 * A body that is not made of such parts to the end holds nothing, as it does for Rack. Undefined when no boundary is named.
 */
export function parseMultipart(body: Buffer, contentType: string): Hash | ParameterFault | undefined {
  const boundary = boundaryOf(contentType)
  const hash = emptyHash()
  if (boundary === undefined) return undefined
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  let at = body.indexOf(delimiter.subarray(2))
  if (at < 0) return emptyHash()
  at += delimiter.length - 2
  for (let count = 0; ; count++) {
    if (body[at] === 0x2d && body[at + 1] === 0x2d) return hash
    if (count >= COUNT_LIMIT) return 'too_many'
    const headerEnd = body.indexOf('\r\n\r\n', at)
    const end = headerEnd < 0 ? -1 : body.indexOf(delimiter, headerEnd + 2)
    if (end < 0 || headerEnd - at > HEADER_LIMIT) return emptyHash()
    if (
      !readPart(
        hash,
        body.toString('latin1', at, headerEnd),
        body.subarray(headerEnd + 4, Math.max(end, headerEnd + 4)),
      )
    ) {
      return 'malformed'
    }
    at = end + delimiter.length
  }
}

function readPart(hash: Hash, header: string, content: Buffer): boolean {
  const disposition = /^content-disposition:(.*)$/im.exec(header)?.[1] ?? ''
  const name = parameterOf(disposition, 'name')
  if (name === undefined) return true
  const decodedName = decodeUtf8(Buffer.from(name, 'latin1'))
  if (decodedName === undefined) return false
  if (parameterOf(disposition, 'filename') !== undefined) {
    const file = emptyHash()
    file['name'] = decodedName
    return assignNested(hash, decodedName, file)
  }
  const value = decodeUtf8(content)
  return value !== undefined && assignNested(hash, decodedName, value)
}

function boundaryOf(contentType: string): string | undefined {
  const match = /;\s*boundary=(?:"([^"]{1,200})"|([^;,\s"]{1,200}))/i.exec(contentType)
  return match?.[1] ?? match?.[2]
}

function parameterOf(disposition: string, name: 'name' | 'filename'): string | undefined {
  const match = (name === 'name' ? NAME : FILENAME).exec(disposition)
  return match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2]
}

const NAME = /;\s*name=(?:"((?:[^"\\]|\\.)*)"|([^;\s"]+))/i
const FILENAME = /;\s*filename\*?=(?:"((?:[^"\\]|\\.)*)"|([^;\s"]+))/i
