import type { z } from 'zod'
import { AUTH_TOKEN_HEADER, capabilitiesSchema, INTERNAL_PATHS } from '../../handoff/index.ts'
import { CallError, call } from '../../http/index.ts'
import type { IamInternal } from './iam-credentials.ts'

const LIMIT_MS = 2_000
const KEPT_MS = 30_000

/** The grant types that the IAM of the control plane's environment can serve. */
export interface IamGrants {
  /**
   * The grant types; undefined if they are unknown: no address, no answer in time, or an IAM that does not report them.
   */
  current(): Promise<readonly string[] | undefined>
  /** The version of that IAM; undefined if it is unknown. */
  version(): Promise<string | undefined>
}

/**
 * Queries IAM's internal port at most once in 30 s and for at most 2 s; concurrent callers share the answer. Never
 * rejects because of IAM.
 */
export function createIamGrants(iam: IamInternal | undefined, now: () => number = Date.now): IamGrants {
  let held: { readonly at: number; readonly answer: Promise<Capabilities | undefined> } | undefined
  const capabilities = async () => {
    if (iam === undefined) return undefined
    if (held === undefined || now() - held.at >= KEPT_MS) held = { at: now(), answer: ask(iam) }
    return held.answer
  }
  return {
    current: async () => (await capabilities())?.grant_types,
    version: async () => (await capabilities())?.version,
  }
}

type Capabilities = z.infer<typeof capabilitiesSchema>

async function ask({ url, token }: IamInternal): Promise<Capabilities | undefined> {
  try {
    const answer = await call({
      method: 'GET',
      url: url + INTERNAL_PATHS.capabilities,
      headers: { [AUTH_TOKEN_HEADER]: token },
      timeoutMs: LIMIT_MS,
    })
    const read = answer.status === 200 ? capabilitiesSchema.safeParse(answer.json) : undefined
    return read?.success ? read.data : undefined
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    return undefined
  }
}
