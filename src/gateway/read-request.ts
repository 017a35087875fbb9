import { type CredentialMarks, type Endpoint, type Facts, readFacts } from '../routing/index.ts'
import type { Admitted } from './admission.ts'

/** Reads the facts of an admitted request whose body, if it has one, has come whole. */
export function readRequest(
  marks: CredentialMarks,
  endpoint: Endpoint,
  method: string,
  query: string,
  admitted: Admitted,
  body: Buffer | undefined,
  cookie: string | undefined,
): Facts {
  const { contentType, authorization, hasRepeatedHeader } = admitted
  const parts = { endpoint, method, query, contentType, authorization, hasRepeatedHeader, body, cookie }
  return readFacts(parts, marks, Date.now() / 1_000)
}
