import * as oidc from 'openid-client'
import { IAM_PREFIXES } from '../credentials/index.ts'
import { DEMO_SCOPE, type DemoApplication } from './application.ts'

/** The tokens a signed-in visitor of the demo holds. */
export interface DemoTokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly idToken: string | undefined
  readonly scope: string | undefined
  readonly expiresIn: number | undefined
  readonly subject: string | undefined
}

/** A sign-in in progress, kept until its response arrives. */
export interface PendingSignIn {
  readonly application: DemoApplication
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** A device grant that waits for its user. */
export interface PendingDevice {
  readonly application: DemoApplication
  readonly userCode: string
  readonly verificationUri: string
  readonly verificationUriComplete: string | undefined
  /** Settles when the user has approved or the code has expired; aborted by `stop`. */
  readonly tokens: Promise<DemoTokens>
  readonly stop: () => void
}

const TIMEOUT_S = 10

/** A standard client library, configured with the public origin: the demo does not know that there are two sides. */
export function configurationOf(issuer: string, application: DemoApplication): oidc.Configuration {
  const server: oidc.ServerMetadata = {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    userinfo_endpoint: `${issuer}/oauth/userinfo`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    device_authorization_endpoint: `${issuer}/oauth/authorize_device`,
    jwks_uri: `${issuer}/oauth/discovery/keys`,
    id_token_signing_alg_values_supported: ['RS256'],
  }
  const authentication =
    application.clientSecret === undefined ? oidc.None() : oidc.ClientSecretPost(application.clientSecret)
  const configuration = new oidc.Configuration(server, application.clientId, {}, authentication)
  configuration.timeout = TIMEOUT_S
  configuration[oidc.customFetch] = withoutChallenge
  if (issuer.startsWith('http:')) oidc.allowInsecureRequests(configuration)
  // The signature of every ID token is checked against the published keys of both sides.
  oidc.enableNonRepudiationChecks(configuration)
  return configuration
}

/**
 * Doorkeeper sends a challenge with each error of the token endpoint, including `authorization_pending`, and the
 * library stops at the first one instead of continuing to poll. The error itself is in the body.
 */
async function withoutChallenge(...[url, options]: Parameters<oidc.CustomFetch>): Promise<Response> {
  const response = await fetch(url, options as RequestInit)
  if (response.status !== 400) return response
  const headers = new Headers(response.headers)
  headers.delete('www-authenticate')
  return new Response(response.body, { status: response.status, headers })
}

/** Starts a sign-in with an authorization code and PKCE; the browser goes to `url`. */
export async function beginSignIn(issuer: string, application: DemoApplication, redirectUri: string) {
  const configuration = configurationOf(issuer, application)
  const pending: PendingSignIn = {
    application,
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    verifier: oidc.randomPKCECodeVerifier(),
  }
  const url = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    scope: DEMO_SCOPE,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
  })
  return { url: url.href, pending }
}

/** Completes a sign-in with the response from the browser. Rejects if the response or the exchange is an error. */
export async function endSignIn(issuer: string, pending: PendingSignIn, answer: URL): Promise<DemoTokens> {
  const configuration = configurationOf(issuer, pending.application)
  const tokens = await oidc.authorizationCodeGrant(configuration, answer, {
    pkceCodeVerifier: pending.verifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    idTokenExpected: true,
  })
  return tokensOf(tokens)
}

/** Starts the device flow (RFC 8628) and polls for its result in the background. */
export async function beginDevice(issuer: string, application: DemoApplication): Promise<PendingDevice> {
  const configuration = configurationOf(issuer, application)
  const device = await oidc.initiateDeviceAuthorization(configuration, { scope: DEMO_SCOPE })
  const abort = new AbortController()
  const polled = oidc.pollDeviceAuthorizationGrant(configuration, device, undefined, { signal: abort.signal })
  const tokens = polled.then(tokensOf)
  tokens.catch(() => {}) // The waiting page shows the error.
  return {
    application,
    userCode: device.user_code,
    verificationUri: device.verification_uri,
    verificationUriComplete: device.verification_uri_complete,
    tokens,
    stop: () => abort.abort(),
  }
}

/** The actions of a visitor with the tokens; each returns what to show and, possibly, new tokens. */
export async function act(
  action: string,
  issuer: string,
  application: DemoApplication,
  tokens: DemoTokens,
): Promise<{ shown: unknown; tokens?: DemoTokens | 'revoked' }> {
  const configuration = configurationOf(issuer, application)
  switch (action) {
    case 'userinfo':
      return {
        shown: await oidc.fetchUserInfo(configuration, tokens.accessToken, tokens.subject ?? oidc.skipSubjectCheck),
      }
    case 'api': {
      const answer = await oidc.fetchProtectedResource(
        configuration,
        tokens.accessToken,
        new URL(`${issuer}/api/v4/user`),
        'GET',
      )
      return { shown: { status: answer.status, body: (await answer.text()).slice(0, 2_000) } }
    }
    case 'introspect':
      return { shown: await oidc.tokenIntrospection(configuration, tokens.accessToken) }
    case 'refresh': {
      if (tokens.refreshToken === undefined) return { shown: 'There is no refresh token.' }
      const renewed = tokensOf(await oidc.refreshTokenGrant(configuration, tokens.refreshToken))
      return {
        shown: 'A new pair of tokens was issued.',
        tokens: { ...renewed, subject: renewed.subject ?? tokens.subject },
      }
    }
    case 'revoke':
      await oidc.tokenRevocation(configuration, tokens.accessToken)
      return { shown: 'The tokens have been revoked.', tokens: 'revoked' }
    default:
      return { shown: 'Unknown action.' }
  }
}

function tokensOf(answer: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers): DemoTokens {
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    idToken: answer.id_token,
    scope: answer.scope,
    expiresIn: answer.expires_in,
    subject: answer.claims()?.sub,
  }
}

/** The names of the two sides in the pages of the demo. */
export type Side = 'IAM' | 'monolith'

/** Which side issued a token, by its prefix. Only a demo does this; to clients, tokens are opaque. */
export function issuerOf(token: string): Side {
  return Object.values(IAM_PREFIXES).some((prefix) => token.startsWith(prefix)) ? 'IAM' : 'monolith'
}

/** Enough of a token to recognize it, but not to use it. */
export function masked(token: string): string {
  const prefix = Object.values(IAM_PREFIXES).find((text) => token.startsWith(text)) ?? ''
  return `${token.slice(0, prefix.length + 4)}… (${token.length} characters)`
}
