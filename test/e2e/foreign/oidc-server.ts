import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

/** The application that both sides know. */
export const WEB = {
  id: 1,
  clientId: 'web',
  secret: 'web-secret-of-both-sides',
  redirectUri: 'http://127.0.0.1/callback',
}

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

/** A server under its own address. */
export interface ForeignServer {
  readonly url: string
  close(): Promise<void>
}

/**
 * A plain oidc-provider: its own paths (`/auth`, `/token`, `/me` …), its own pages and cookies, tokens without marks,
 * everything in memory. It accepts any user name at sign-in.
 *
 * @param issuer the public origin
 */
export async function startOidcProvider(issuer: string): Promise<ForeignServer> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: WEB.clientId,
        client_secret: WEB.secret,
        redirect_uris: [WEB.redirectUri],
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials', DEVICE_CODE],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
        scope: 'openid profile email read_user',
      },
    ],
    scopes: ['openid', 'profile', 'email', 'read_user'],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'of-oidc-provider' }] },
    cookies: { keys: ['of the tests'] },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    pkce: { required: () => false },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
    },
  })
  const server = createServer(provider.callback())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** The paths of its endpoints. */
export const OIDC_PROVIDER_PATHS = {
  authorize: '/auth',
  authorize_device: '/device/auth',
  token: '/token',
  revoke: '/token/revocation',
  introspect: '/token/introspection',
  userinfo: '/me',
  jwks: '/jwks',
} as const

/** The paths of its pages: the forms, the return to the interrupted request, and the page for devices. */
export const OIDC_PROVIDER_PAGES = ['/interaction', '/auth', '/device']
