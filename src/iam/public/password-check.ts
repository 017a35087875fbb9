import { type ResourceOwner, TooManyGuessesError } from '../../authorization-server/index.ts'
import {
  AUTH_TOKEN_HEADER,
  CLIENT_ADDRESS_HEADER,
  resourceOwnerCredentialsSchema,
  resourceOwnerSchema,
} from '../../handoff/index.ts'
import { CallError, call } from '../../http/index.ts'
import { type ResourceOwnerTable, toResourceOwner } from '../stores/resource-owner-store.ts'

const TIME_LIMIT_MS = 5_000

/** The monolith could not check the password: it is neither right nor wrong. */
export class ResourceOwnerUnavailableError extends Error {
  readonly code = 'resource_owner_unavailable'
  constructor(reason: string, options?: { cause?: unknown }) {
    super(`the resource owner cannot be verified: ${reason}`, options)
    this.name = 'ResourceOwnerUnavailableError'
  }
}

/**
 * Checks a username and password with the monolith, for the password grant (RFC 6749 §4.3). Resolves to undefined when
 * they are wrong. Rejects with {@link ResourceOwnerUnavailableError} when there is no clear answer within 5 s, and with
 * {@link TooManyGuessesError} when the monolith does not check the guess.
 */
export function passwordCheck(url: string, token: string, owners: ResourceOwnerTable) {
  return async (username: string, password: string, network: string): Promise<ResourceOwner | undefined> => {
    const credentials = resourceOwnerCredentialsSchema.safeParse({ username, password })
    if (!credentials.success) return undefined
    const headers = { [AUTH_TOKEN_HEADER]: token, [CLIENT_ADDRESS_HEADER]: network }
    const answer = await ask(url, headers, credentials.data)
    if (answer.status === 404) return undefined
    if (answer.status === 429) throw new TooManyGuessesError(waitOf(answer.headers['retry-after']))
    const owner = answer.status === 200 ? resourceOwnerSchema.safeParse(answer.json) : undefined
    if (!owner?.success) throw new ResourceOwnerUnavailableError(`unexpected answer ${answer.status}`)
    return (await owners.put(owner.data)) ? toResourceOwner(owner.data) : undefined
  }
}

/** A Retry-After in seconds, as milliseconds; a minute when it is missing or invalid. */
function waitOf(retryAfter: string | string[] | undefined): number {
  return typeof retryAfter === 'string' && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : 60_000
}

async function ask(url: string, headers: Record<string, string>, credentials: { username: string; password: string }) {
  try {
    return await call({ method: 'POST', url, headers, json: credentials, timeoutMs: TIME_LIMIT_MS })
  } catch (error) {
    if (error instanceof CallError) throw new ResourceOwnerUnavailableError(error.message, { cause: error })
    throw error
  }
}
