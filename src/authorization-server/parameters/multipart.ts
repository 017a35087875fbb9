import { boundaryOf, decodeUtf8, type Part, readParts } from '../../parameters/index.ts'
import { assignNested, emptyHash, type Hash, type NestingBudget, nestingBudget, type ParameterFault } from './nested.ts'

/**
 * Reads a multipart body (RFC 7578). A file becomes a hash of its name, which no endpoint takes for a value.
 * A body that is not made of such parts to the end holds nothing, as it does for Rack. Undefined when no boundary is named.
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
  // A file field in which no file was chosen says nothing.
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
