import * as oidc from 'openid-client'
import { type Client, type Library, memberOf, metadata, type Registration, SCOPE, type Tokens } from './client.ts'

/** panva's certified client; ID tokens are checked against the published keys. */
export const openidClient: Library = {
  name: 'openid-client',
  authentications: ['client_secret_post', 'client_secret_basic', 'none'],
  encodesDashes: true,
  missing: () => undefined,
  connect: async (registration) => connect(registration),
}

function connect(registration: Registration): Client {
  const { redirectUri } = registration
  const configuration = connection(registration)
  return {
    async code(visit, { pkce }) {
      const verifier = oidc.randomPKCECodeVerifier()
      const state = oidc.randomState()
      const nonce = oidc.randomNonce()
      const challenge = pkce && {
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }
      const parameters = { redirect_uri: redirectUri, scope: SCOPE, state, nonce, ...challenge }
      const answer = await visit(oidc.buildAuthorizationUrl(configuration, parameters).href, redirectUri)
      const checks = { expectedState: state, expectedNonce: nonce, idTokenExpected: true }
      const proof = pkce ? { pkceCodeVerifier: verifier } : {}
      return tokensOf(await oidc.authorizationCodeGrant(configuration, answer, { ...checks, ...proof }))
    },
    refresh: async (tokens) => tokensOf(await oidc.refreshTokenGrant(configuration, tokens.refresh ?? '')),
    clientCredentials: async () => tokensOf(await oidc.clientCredentialsGrant(configuration, { scope: 'read_user' })),
    password: async (username, password) =>
      tokensOf(await oidc.genericGrantRequest(configuration, 'password', { username, password, scope: SCOPE })),
    async device(approve) {
      const device = await oidc.initiateDeviceAuthorization(configuration, { scope: SCOPE })
      const patient = connection(registration)
      let isApproved = false
      patient[oidc.customFetch] = async (...request) => {
        const answer = await withoutChallenge(...request)
        if (!isApproved && (await answer.clone().text()).includes('authorization_pending')) {
          isApproved = true
          await approve(device.user_code)
        }
        return answer
      }
      const answer = await oidc.pollDeviceAuthorizationGrant(patient, { ...device, interval: 1 })
      if (!isApproved) throw new Error('the first poll was not told to wait')
      return tokensOf(answer)
    },
    userinfo: async (tokens) => ({
      ...(await oidc.fetchUserInfo(configuration, tokens.access, tokens.subject ?? oidc.skipSubjectCheck)),
    }),
    introspect: async (token) => (await oidc.tokenIntrospection(configuration, token)).active,
    revoke: (tokens) => oidc.tokenRevocation(configuration, tokens.access),
    // These libraries report a challenge first when an error has one, as Doorkeeper's errors do.
    errorCode: (error) => memberOf(error, 'error') ?? memberOf(error, 'cause', '0', 'parameters', 'error'),
  }
}

function connection(registration: Registration): oidc.Configuration {
  const { issuer, clientId } = registration
  const server = { ...metadata(issuer), ...registration.moreMetadata }
  const configuration = new oidc.Configuration(server, clientId, {}, authenticationOf(registration))
  oidc.allowInsecureRequests(configuration)
  oidc.enableNonRepudiationChecks(configuration)
  return configuration
}

/** As in docs/how-to/connect-a-client.md: otherwise polling ends at the first challenge. */
async function withoutChallenge(...request: Parameters<oidc.CustomFetch>): Promise<Response> {
  const [url, options] = request
  const response = await fetch(url, options as RequestInit)
  if (response.status !== 400) return response
  const headers = new Headers(response.headers)
  headers.delete('www-authenticate')
  return new Response(response.body, { status: response.status, headers })
}

function authenticationOf({ authentication, secret }: Registration): oidc.ClientAuth {
  if (authentication === 'none') return oidc.None()
  return authentication === 'client_secret_basic' ? oidc.ClientSecretBasic(secret) : oidc.ClientSecretPost(secret)
}

function tokensOf(answer: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers): Tokens {
  return {
    access: answer.access_token,
    refresh: answer.refresh_token,
    members: Object.keys(answer).filter((key) => key !== 'claims' && key !== 'expiresIn'),
    subject: answer.claims()?.sub,
  }
}
