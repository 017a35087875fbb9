import * as oauth from 'oauth4webapi'
import * as oidc from 'openid-client'
import type { Browser, Page } from '../support/browser.ts'

/** One application of the seed. */
export interface SeedClient {
  readonly id: number
  readonly uid: string
  readonly secret: string
  readonly confidential: boolean
  readonly redirect_uris: readonly string[]
}

export interface Tokens {
  readonly access: string
  readonly refresh: string
  /** The members of the token answer, in the order they came. */
  readonly members: readonly string[]
  readonly subject: string | undefined
}

/** An OAuth client as its users drive it, made with a library that nobody here wrote. */
export interface TestClient {
  readonly library: string
  /** The whole code flow with PKCE, through the pages of the platform. */
  signIn(browser: Browser): Promise<Tokens>
  refresh(tokens: Tokens): Promise<Tokens>
  userinfo(tokens: Tokens): Promise<Record<string, unknown>>
  introspect(token: string): Promise<boolean>
  revoke(token: string): Promise<void>
  /** The device flow; `approve` types the code in. */
  device(approve: (userCode: string) => Promise<void>): Promise<Tokens>
}

const SCOPE = 'read_user openid profile email'

function metadata(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    userinfo_endpoint: `${issuer}/oauth/userinfo`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    device_authorization_endpoint: `${issuer}/oauth/authorize_device`,
    jwks_uri: `${issuer}/oauth/discovery/keys`,
  }
}

/** The user's part of a sign-in: the sign-in form where it comes, the consent form where it comes, back to the client. */
export async function walkThroughPages(browser: Browser, address: string, redirectUri: string): Promise<URL> {
  let page: Page = await browser.open(address, redirectUri)
  for (let forms = 0; forms < 4; forms++) {
    if (page.location?.href.startsWith(redirectUri)) return page.location
    const signIn = page.forms.find((form) => form.fields.some(([name]) => name === 'user[password]'))
    const consent = page.forms.find((form) => form.buttons.some((text) => /^authorize$/i.test(text)))
    if (signIn) {
      page = await browser.submit(signIn, { 'user[login]': 'alice', 'user[password]': 'alice-password-1' }, redirectUri)
    } else if (consent) page = await browser.submit(consent, {}, redirectUri)
    else throw new Error(`stuck at ${page.url.pathname} (${page.status}): ${page.text.slice(0, 600)}`)
  }
  throw new Error(`too many forms, the last at ${page.url.pathname}`)
}

/** A client on panva's openid-client; ID tokens are checked against the published keys. `more` is what else metadata says. */
export function openidClient(issuer: string, client: SeedClient, more: object = {}): TestClient {
  // By form: the library form-encodes Basic credentials (RFC 6749 §2.3.1), which Doorkeeper does not decode.
  const authentication = client.confidential ? oidc.ClientSecretPost(client.secret) : oidc.None()
  const configuration = new oidc.Configuration({ ...metadata(issuer), ...more }, client.uid, {}, authentication)
  oidc.allowInsecureRequests(configuration)
  oidc.enableNonRepudiationChecks(configuration)
  const redirectUri = client.redirect_uris[0] ?? ''
  const tokensOf = (answer: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers): Tokens => ({
    access: answer.access_token,
    refresh: answer.refresh_token ?? '',
    members: Object.keys(answer).filter((key) => key !== 'claims' && key !== 'expiresIn'),
    subject: answer.claims()?.sub,
  })
  return {
    library: 'openid-client',
    async signIn(browser) {
      const verifier = oidc.randomPKCECodeVerifier()
      const state = oidc.randomState()
      const nonce = oidc.randomNonce()
      const url = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: SCOPE,
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      const answer = await walkThroughPages(browser, url.href, redirectUri)
      const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
      return tokensOf(await oidc.authorizationCodeGrant(configuration, answer, checks))
    },
    refresh: async (tokens) => tokensOf(await oidc.refreshTokenGrant(configuration, tokens.refresh)),
    userinfo: async (tokens) => ({
      ...(await oidc.fetchUserInfo(configuration, tokens.access, tokens.subject ?? oidc.skipSubjectCheck)),
    }),
    introspect: async (token) => (await oidc.tokenIntrospection(configuration, token)).active,
    revoke: (token) => oidc.tokenRevocation(configuration, token),
    async device(approve) {
      const device = await oidc.initiateDeviceAuthorization(configuration, { scope: SCOPE })
      await approve(device.user_code)
      return tokensOf(await oidc.pollDeviceAuthorizationGrant(configuration, { ...device, interval: 1 }))
    },
  }
}

/** The same client on oauth4webapi, step by step. */
export function oauth4webapiClient(issuer: string, client: SeedClient, more: object = {}): TestClient {
  const server: oauth.AuthorizationServer = { ...metadata(issuer), ...more }
  const self: oauth.Client = { client_id: client.uid }
  const authentication = client.confidential ? oauth.ClientSecretPost(client.secret) : oauth.None()
  const insecure = { [oauth.allowInsecureRequests]: true }
  const redirectUri = client.redirect_uris[0] ?? ''
  const tokensOf = async (answer: oauth.TokenEndpointResponse, response: Response): Promise<Tokens> => {
    await oauth.validateApplicationLevelSignature(server, response, insecure)
    return {
      access: answer.access_token,
      refresh: answer.refresh_token ?? '',
      members: Object.keys(answer),
      subject: oauth.getValidatedIdTokenClaims(answer)?.sub,
    }
  }
  return {
    library: 'oauth4webapi',
    async signIn(browser) {
      const verifier = oauth.generateRandomCodeVerifier()
      const state = oauth.generateRandomState()
      const nonce = oauth.generateRandomNonce()
      const url = new URL(server.authorization_endpoint ?? '')
      url.search = new URLSearchParams({
        client_id: client.uid,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: SCOPE,
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }).toString()
      const answer = await walkThroughPages(browser, url.href, redirectUri)
      const parameters = oauth.validateAuthResponse(server, self, answer, state)
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        self,
        authentication,
        parameters,
        redirectUri,
        verifier,
        insecure,
      )
      const result = await oauth.processAuthorizationCodeResponse(server, self, response, {
        expectedNonce: nonce,
        requireIdToken: true,
      })
      return tokensOf(result, response)
    },
    async refresh(tokens) {
      const response = await oauth.refreshTokenGrantRequest(server, self, authentication, tokens.refresh, insecure)
      return tokensOf(await oauth.processRefreshTokenResponse(server, self, response), response)
    },
    async userinfo(tokens) {
      const response = await oauth.userInfoRequest(server, self, tokens.access, insecure)
      return {
        ...(await oauth.processUserInfoResponse(server, self, tokens.subject ?? oauth.skipSubjectCheck, response)),
      }
    },
    async introspect(token) {
      const response = await oauth.introspectionRequest(server, self, authentication, token, insecure)
      return (await oauth.processIntrospectionResponse(server, self, response)).active
    },
    async revoke(token) {
      await oauth.processRevocationResponse(
        await oauth.revocationRequest(server, self, authentication, token, insecure),
      )
    },
    async device(approve) {
      const started = await oauth.deviceAuthorizationRequest(server, self, authentication, { scope: SCOPE }, insecure)
      const device = await oauth.processDeviceAuthorizationResponse(server, self, started)
      await approve(device.user_code)
      const response = await oauth.deviceCodeGrantRequest(server, self, authentication, device.device_code, insecure)
      return tokensOf(await oauth.processDeviceCodeResponse(server, self, response), response)
    },
  }
}

/** Types a device's code into the device page, signed in as alice. */
export async function approveDevice(browser: Browser, issuer: string, userCode: string): Promise<Page> {
  let page = await browser.open(`${issuer}/oauth/device`)
  const signIn = page.forms.find((form) => form.fields.some(([name]) => name === 'user[password]'))
  if (signIn) page = await browser.submit(signIn, { 'user[login]': 'alice', 'user[password]': 'alice-password-1' })
  if (!page.url.pathname.startsWith('/oauth/device')) page = await browser.open(`${issuer}/oauth/device`)
  const form = page.forms.find((one) => one.fields.some(([name]) => name === 'user_code'))
  if (!form) throw new Error(`no form for a code at ${page.url.pathname}: ${page.text.slice(0, 400)}`)
  return browser.submit(form, { user_code: userCode })
}
