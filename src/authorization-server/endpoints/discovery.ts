import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { Core } from '../core/core.ts'
import type { ResolvedSettings } from '../core/settings.ts'
import { CHALLENGE_METHODS } from '../model/pkce.ts'
import { textOf } from '../parameters/value.ts'
import { publicError } from '../responses/pages.ts'
import { jsonReply } from '../responses/replies.ts'
import type { EndpointRequest } from './endpoint.ts'

/** GET /.well-known/openid-configuration (OpenID Connect Discovery §4, RFC 9207 §3). */
export async function discoveryEndpoint(core: Core, { http }: EndpointRequest): Promise<HttpReply> {
  const { settings } = core
  const { defaultPolicy } = settings
  const at = (path: string) => `${endpointOrigin(core, http)}/oauth/${path}`
  return jsonReply(200, {
    issuer: settings.issuer,
    authorization_endpoint: at('authorize'),
    token_endpoint: at('token'),
    revocation_endpoint: at('revoke'),
    introspection_endpoint: at('introspect'),
    userinfo_endpoint: at('userinfo'),
    jwks_uri: at('discovery/keys'),
    scopes_supported: settings.listedScopes,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    grant_types_supported: [
      'authorization_code',
      ...(core.owners.authenticate && defaultPolicy.password_grant === 'accept' ? ['password'] : []),
      'client_credentials',
      'device_code',
      'refresh_token',
    ],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claim_types_supported: ['normal'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', ...settings.claims.map((claim) => claim.name)],
    ...challengeMethods(settings),
    ...(defaultPolicy.response_iss === 'send' ? { authorization_response_iss_parameter_supported: true } : {}),
  })
}

/** GET /.well-known/oauth-authorization-server (RFC 8414 §3), in versions that serve it: the same document. */
export async function metadataEndpoint(core: Core, request: EndpointRequest): Promise<HttpReply> {
  const isServed = core.settings.compatibility.authorizationServerMetadata
  return isServed ? discoveryEndpoint(core, request) : publicError(404, request.http)
}

/** GET /oauth/discovery/keys (RFC 7517 §5). */
export async function keysEndpoint(core: Core): Promise<HttpReply> {
  return jsonReply(200, { keys: await core.keys.publicKeys() })
}

/** GET /.well-known/webfinger (OpenID Connect Discovery §2): returns the issuer for every resource (M005). */
export async function webfingerEndpoint(core: Core, { http, parameters }: EndpointRequest): Promise<HttpReply> {
  if (textOf(parameters, 'resource') === undefined) return publicError(400, http)
  return jsonReply(200, {
    subject: parameters['resource'],
    links: [{ rel: 'http://openid.net/specs/connect/1.0/issuer', href: `${endpointOrigin(core, http)}/` }],
  })
}

function challengeMethods({ compatibility, defaultPolicy }: ResolvedSettings) {
  if (defaultPolicy.plain_pkce === 'refuse') return { code_challenge_methods_supported: ['S256'] }
  return compatibility.authorizationServerMetadata ? { code_challenge_methods_supported: CHALLENGE_METHODS } : {}
}

/** Always https, on the host that the request names (docs/doorkeeper.md, 42). */
function endpointOrigin(core: Core, request: HttpRequest): string {
  return core.settings.endpointOrigin ?? request.origin.replace(/^[a-z]+:/i, 'https:')
}
