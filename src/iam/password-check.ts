import type { ResourceOwner } from '../authorization-server/index.ts'
import { AUTH_TOKEN_HEADER, resourceOwnerCredentialsSchema, resourceOwnerSchema } from '../handoff/index.ts'
import { CallError, call } from '../http/index.ts'
import { type ResourceOwnerTable, toResourceOwner } from './resource-owner-store.ts'

const TIME_LIMIT_MS = 5_000

/** The monolith could not be asked for a user: neither a right nor a wrong password. */
export class ResourceOwnerUnavailableError extends Error {
  readonly code = 'resource_owner_unavailable'
  constructor(reason: string, options?: { cause?: unknown }) {
    super(`the resource owner cannot be verified: ${reason}`, options)
    this.name = 'ResourceOwnerUnavailableError'
  }
}

/**
 * Asks the monolith whether username and password belong together, for the password grant (RFC 6749 §4.3). Undefined
 * when they do not; rejects with {@link ResourceOwnerUnavailableError} when no clear answer came within 5 s.
 */
export function passwordCheck(url: string, token: string, owners: ResourceOwnerTable) {
  return async (username: string, password: string): Promise<ResourceOwner | undefined> => {
    const credentials = resourceOwnerCredentialsSchema.safeParse({ username, password })
    if (!credentials.success) return undefined
    const answer = await ask(url, token, credentials.data)
    if (answer.status === 404) return undefined
    const owner = answer.status === 200 ? resourceOwnerSchema.safeParse(answer.json) : undefined
    if (!owner?.success) throw new ResourceOwnerUnavailableError(`unexpected answer ${answer.status}`)
    await owners.put(owner.data)
    return toResourceOwner(owner.data)
  }
}

async function ask(url: string, token: string, credentials: { username: string; password: string }) {
  try {
    const headers = { [AUTH_TOKEN_HEADER]: token }
    return await call({ method: 'POST', url, headers, json: credentials, timeoutMs: TIME_LIMIT_MS })
  } catch (error) {
    if (error instanceof CallError) throw new ResourceOwnerUnavailableError(error.message, { cause: error })
    throw error
  }
}
