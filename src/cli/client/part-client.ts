import { type Call, type CallAnswer, CallError, call } from '../../http/index.ts'
import type { CommandLine } from '../command-line.ts'
import type { CommandIo } from '../io.ts'
import { httpAddress, RefusedError, readToken } from './control-client.ts'
import { type RecordedAddresses, recordedAddress } from './recorded-addresses.ts'

/** A part other than the control plane that a command calls, and where its address and token come from. */
export interface CalledPart {
  /** As it begins a sentence, such as `IAM`. */
  readonly name: string
  readonly part: keyof RecordedAddresses
  readonly urlOption: string
  readonly urlVariable: string
  readonly defaultUrl: string
  readonly tokenVariable: string
  readonly defaultTokenFile: string
  /** The header that carries the token. */
  readonly tokenHeader: string
}

/**
 * Calls the part; resolves with every response but 401, which rejects with {@link RefusedError}, as does a part that
 * does not answer within 30 s.
 */
export type PartClient = (method: Call['method'], path: string, json?: unknown) => Promise<CallAnswer>

const CALL_LIMIT_MS = 30_000

/** Finds the part and its token by option, variable or default. Throws `UsageFault` if they cannot be used. */
export function partClient(called: CalledPart, line: CommandLine, io: CommandIo): PartClient {
  const { name, part, urlOption, urlVariable, defaultUrl, tokenVariable, defaultTokenFile, tokenHeader } = called
  const file = line.values.get('--token-file')?.[0] ?? io.env[tokenVariable] ?? defaultTokenFile
  const named = line.values.get(urlOption)?.[0] ?? io.env[urlVariable]
  const base = httpAddress(`the address of ${name}`, named ?? recordedAddress(file, part) ?? defaultUrl)
  const headers = { [tokenHeader]: readToken(file, tokenVariable) }
  return async (method, path, json) => {
    const request: Call = { method, url: base + path, headers, timeoutMs: CALL_LIMIT_MS }
    const answer = await call(json === undefined ? request : { ...request, json }).catch((error: unknown) => {
      if (error instanceof CallError)
        throw new RefusedError(`${name} at ${base} does not answer: ${error.message}`, { cause: error })
      throw error
    })
    if (answer.status === 401) throw new RefusedError(`${name} at ${base} does not know the token in ${file}`)
    return answer
  }
}
