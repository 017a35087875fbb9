import * as oauth from 'oauth4webapi'
import {
  type Client,
  type Library,
  memberOf,
  metadata,
  pollAsDevice,
  type Registration,
  SCOPE,
  type Tokens,
} from './client.ts'

/**
 * The protocol of RFC 6749 step by step, the layer below openid-client; ID tokens are checked against the published
 * keys.
 */
export const oauth4webapi: Library = {
  name: 'oauth4webapi',
  authentications: ['client_secret_post', 'client_secret_basic', 'none'],
  encodesDashes: true,
  missing: () => undefined,
  connect: async (registration) => connect(registration),
}

const INSECURE = { [oauth.allowInsecureRequests]: true }

function connect(registration: Registration): Client {
  const { issuer, clientId, redirectUri } = registration
  const server: oauth.AuthorizationServer = { ...metadata(issuer), ...registration.moreMetadata }
  const self: oauth.Client = { client_id: clientId }
  const authentication = authenticationOf(registration)
  const tokensOf = async (answer: oauth.TokenEndpointResponse, response: Response): Promise<Tokens> => {
    if (answer.id_token) await oauth.validateApplicationLevelSignature(server, response, INSECURE)
    return {
      access: answer.access_token,
      refresh: answer.refresh_token,
      members: Object.keys(answer),
      subject: oauth.getValidatedIdTokenClaims(answer)?.sub,
    }
  }
  return {
    code: async (visit, { pkce }) => {
      const verifier = oauth.generateRandomCodeVerifier()
      const state = oauth.generateRandomState()
      const nonce = oauth.generateRandomNonce()
      const challenge = pkce && {
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }
      const url = new URL(server.authorization_endpoint ?? '')
      const parameters = { client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: SCOPE }
      url.search = new URLSearchParams({ ...parameters, state, nonce, ...challenge }).toString()
      const answer = oauth.validateAuthResponse(server, self, await visit(url.href, redirectUri), state)
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        self,
        authentication,
        answer,
        redirectUri,
        pkce ? verifier : oauth.nopkce,
        INSECURE,
      )
      const checks = { expectedNonce: nonce, requireIdToken: true }
      return tokensOf(await oauth.processAuthorizationCodeResponse(server, self, response, checks), response)
    },
    async refresh(tokens) {
      const response = await oauth.refreshTokenGrantRequest(
        server,
        self,
        authentication,
        tokens.refresh ?? '',
        INSECURE,
      )
      return tokensOf(await oauth.processRefreshTokenResponse(server, self, response), response)
    },
    async clientCredentials() {
      const parameters = { scope: 'read_user' }
      const response = await oauth.clientCredentialsGrantRequest(server, self, authentication, parameters, INSECURE)
      return tokensOf(await oauth.processClientCredentialsResponse(server, self, response), response)
    },
    async password(username, password) {
      const response = await oauth.genericTokenEndpointRequest(
        server,
        self,
        authentication,
        'password',
        { username, password, scope: SCOPE },
        INSECURE,
      )
      return tokensOf(await oauth.processGenericTokenEndpointResponse(server, self, response), response)
    },
    async device(approve) {
      const started = await oauth.deviceAuthorizationRequest(server, self, authentication, { scope: SCOPE }, INSECURE)
      const device = await oauth.processDeviceAuthorizationResponse(server, self, started)
      const poll = async () => {
        const response = await oauth.deviceCodeGrantRequest(server, self, authentication, device.device_code, INSECURE)
        return tokensOf(await oauth.processDeviceCodeResponse(server, self, response), response)
      }
      return pollAsDevice(poll, errorCode, () => approve(device.user_code))
    },
    async userinfo(tokens) {
      const response = await oauth.userInfoRequest(server, self, tokens.access, INSECURE)
      return {
        ...(await oauth.processUserInfoResponse(server, self, tokens.subject ?? oauth.skipSubjectCheck, response)),
      }
    },
    async introspect(token) {
      const response = await oauth.introspectionRequest(server, self, authentication, token, INSECURE)
      return (await oauth.processIntrospectionResponse(server, self, response)).active
    },
    async revoke(tokens) {
      await oauth.processRevocationResponse(
        await oauth.revocationRequest(server, self, authentication, tokens.access, INSECURE),
      )
    },
    errorCode,
  }
}

/** These libraries report a challenge first when an error has one, as Doorkeeper's errors do. */
function errorCode(error: unknown): string | undefined {
  return memberOf(error, 'error') ?? memberOf(error, 'cause', '0', 'parameters', 'error')
}

function authenticationOf({ authentication, secret }: Registration): oauth.ClientAuth {
  if (authentication === 'none') return oauth.None()
  return authentication === 'client_secret_basic' ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret)
}
