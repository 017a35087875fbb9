import { createHash, timingSafeEqual } from 'node:crypto'
import { jsonReply, publicError, TooManyGuessesError, tooManyRequests } from '../../authorization-server/index.ts'
import { AUTH_TOKEN_HEADER, CLIENT_ADDRESS_HEADER, resourceOwnerCredentialsSchema } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { SharedGrants } from '../grants/shared-grants.ts'
import { documentOf } from '../iam-client/iam-client.ts'
import type { PasswordCheck } from '../users/password-checks.ts'

/** What the endpoint depends on. */
export interface ResourceOwnerEndpointOptions {
  /** The token that IAM presents; undefined when no IAM is configured. */
  readonly token: string | undefined
  readonly checkPassword: PasswordCheck
  readonly grants: SharedGrants
}

const NO_STORE = [['Cache-Control', 'no-store']] as const

/** The one call from IAM to the monolith: checks a password for the password grant (handoff contract). */
export function createResourceOwnerEndpoint(options: ResourceOwnerEndpointOptions) {
  return async (request: HttpRequest): Promise<HttpReply> => {
    if (options.token === undefined || request.method !== 'POST') return publicError(404, request)
    if (!isSameSecret(request.headers[AUTH_TOKEN_HEADER], options.token)) {
      return jsonReply(401, { error: 'unauthorized' }, NO_STORE)
    }
    const credentials = resourceOwnerCredentialsSchema.safeParse(parseJson(request.body))
    if (!credentials.success) {
      const error_description = 'username and password are needed'
      return jsonReply(400, { error: 'invalid_request', error_description }, NO_STORE)
    }
    const { username, password } = credentials.data
    const said = request.headers[CLIENT_ADDRESS_HEADER]
    const network = typeof said === 'string' ? said.slice(0, 64) : request.remoteAddress
    try {
      const owner = await options.checkPassword({ username, network }, password)
      // Earlier revocations take effect before this sign-in.
      if (owner) await options.grants.settle(owner.id)
      return owner ? jsonReply(200, documentOf(owner), NO_STORE) : jsonReply(404, { error: 'not_found' }, NO_STORE)
    } catch (error) {
      if (error instanceof TooManyGuessesError) return tooManyRequests(error.waitMs)
      throw error
    }
  }
}

function isSameSecret(given: string | string[] | undefined, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(wanted))
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
