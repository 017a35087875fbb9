import { type CredentialMarks, type Endpoint, type Facts, readFacts } from '../../routing/index.ts'
import type { Admitted } from '../transport/admission.ts'

/** Reads the facts of an admitted request. Its body, if it has one, must be complete. */
export function readRequest(
  marks: CredentialMarks,
  endpoint: Endpoint,
  method: string,
  query: string,
  admitted: Admitted,
  body: Buffer | undefined,
  cookie: string | undefined,
): Facts {
  const { contentType, authorization, otherAuthorization, hasRepeatedHeader } = admitted
  const headers = { contentType, authorization, otherAuthorization, hasRepeatedHeader, cookie }
  const parts = { endpoint, method, query, ...headers, body }
  return readFacts(parts, marks, Date.now() / 1_000)
}
