import type { HttpRequest } from '../../http/index.ts'
import type { ClientCredentials } from '../clients/client-authentication.ts'
import type { Core } from '../core/core.ts'
import { parseNestedQuery } from '../parameters/nested.ts'
import type { Parameters } from '../parameters/value.ts'
import { textOf } from '../parameters/value.ts'
import { type Failure, refusedByPolicy } from '../responses/failure.ts'

const SECRETS = [
  'client_secret',
  'client_assertion',
  'password',
  'code',
  'code_verifier',
  'refresh_token',
  'device_code',
  'token',
] as const
const ACCESS_TOKENS = ['access_token', 'bearer_token'] as const

/**
 * `invalid_request` for a POST with a secret in its URI when the policy of the client it names forbids that, as URIs
 * end up in logs and histories (RFC 6749 §2.3.1).
 */
export async function secretInUri(
  core: Core,
  http: HttpRequest,
  credentials: ClientCredentials | undefined,
): Promise<Failure | undefined> {
  if (!isAnyInUri(http, SECRETS)) return undefined
  const { secret_in_query: rule } = await policyOf(core, credentials?.clientId)
  return rule === 'refuse' ? refusedByPolicy('secret_in_uri') : undefined
}

/**
 * `invalid_request` for an access token in a URI, by the policy of the client it was issued to (RFC 6750 §2.3, §3.1).
 */
export async function tokenInUri(
  core: Core,
  http: HttpRequest,
  clientId: string | null | undefined,
): Promise<Failure | undefined> {
  if (!isAnyInUri(http, ACCESS_TOKENS)) return undefined
  const { token_in_query: rule } = await policyOf(core, clientId)
  return rule === 'refuse' ? refusedByPolicy('token_in_uri') : undefined
}

/** Most requests have no query and skip the parsing. */
function isAnyInUri(http: HttpRequest, names: readonly string[]): boolean {
  if (http.query === '') return false
  const query = parseNestedQuery(http.query, '&;')
  return typeof query !== 'string' && names.some((name) => textOf(query as Parameters, name) !== undefined)
}

async function policyOf(core: Core, clientId: string | null | undefined) {
  const client = clientId == null ? undefined : await core.clients.find(clientId)
  return client?.policy ?? core.settings.defaultPolicy
}
