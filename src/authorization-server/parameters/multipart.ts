import { boundaryOf, decodeUtf8, type Part, readParts } from '../../parameters/index.ts'
import { assignNested, emptyHash, type Hash, type NestingBudget, nestingBudget, type ParameterFault } from './nested.ts'

/**
 * Parses a multipart body (RFC 7578). A file becomes a hash with its name, which no endpoint accepts as a value. An
 * incomplete or malformed body yields no parameters, as in Rack. Undefined when no boundary is specified.
 */
export function parseMultipart(body: Buffer, contentType: string): Hash | ParameterFault | undefined {
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) return undefined
  if (boundary === 'unusable') return emptyHash()
  const hash = emptyHash()
  const budget = nestingBudget()
  let isMalformed = false
  const fault = readParts(body, boundary, (part) => {
    isMalformed = !assignPart(hash, part, budget)
    return !isMalformed
  })
  if (isMalformed) return 'malformed'
  if (fault === 'too_many') return fault
  return fault === 'incomplete' ? emptyHash() : hash
}

function assignPart(hash: Hash, { name, filename, content }: Part, budget: NestingBudget): boolean {
  // A file field without a chosen file is skipped.
  if (name === undefined || filename === '') return true
  const decodedName = decodeUtf8(Buffer.from(name, 'latin1'))
  if (decodedName === undefined) return false
  if (filename !== undefined) {
    const file = emptyHash()
    file['name'] = decodedName
    return assignNested(hash, decodedName, file, budget)
  }
  const value = decodeUtf8(content)
  return value !== undefined && assignNested(hash, decodedName, value, budget)
}
