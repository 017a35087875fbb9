import { createHash, randomBytes } from 'node:crypto'
import { type AccessToken, AuthorizationCode, ClientCredentials, ResourceOwnerPassword } from 'simple-oauth2'
import { type Client, type Library, memberOf, type Registration, SCOPE, type Tokens } from './client.ts'

/** A client of the hapi family: grants, refresh and revocation, without OpenID Connect. */
export const simpleOauth2: Library = {
  name: 'simple-oauth2',
  authentications: ['client_secret_post', 'client_secret_basic', 'none'],
  missing: () => undefined,
  connect: async (registration) => connect(registration),
}

function connect({ issuer, clientId, secret, authentication, redirectUri }: Registration): Client {
  const options = {
    client: { id: clientId, secret: authentication === 'none' ? '' : secret },
    auth: { tokenHost: issuer },
    options: { authorizationMethod: authentication === 'client_secret_basic' ? 'header' : 'body' },
  } as const
  const codes = new AuthorizationCode(options)
  const asToken = (tokens: Tokens) =>
    codes.createToken({ access_token: tokens.access, refresh_token: tokens.refresh ?? '' })
  return {
    async code(visit, { pkce }) {
      const state = randomBytes(16).toString('base64url')
      const verifier = randomBytes(32).toString('base64url')
      const challenge = { code_challenge: s256(verifier), code_challenge_method: 'S256' }
      const address = codes.authorizeURL({
        redirect_uri: redirectUri,
        scope: SCOPE,
        state,
        ...(pkce ? challenge : {}),
      })
      const answer = (await visit(address, redirectUri)).searchParams
      // The library leaves checking the answer to its user.
      if (answer.get('state') !== state) throw new Error('the answer belongs to another request')
      const error = answer.get('error')
      if (error !== null) throw Object.assign(new Error('refused'), { data: { payload: { error } } })
      const code = answer.get('code') ?? ''
      const proof = pkce ? { code_verifier: verifier } : {}
      return tokensOf(await codes.getToken({ code, redirect_uri: redirectUri, ...proof }))
    },
    refresh: async (tokens) => tokensOf(await asToken(tokens).refresh()),
    clientCredentials: async () => tokensOf(await new ClientCredentials(options).getToken({ scope: 'read_user' })),
    password: async (username, password) =>
      tokensOf(await new ResourceOwnerPassword(options).getToken({ username, password, scope: SCOPE })),
    revoke: (tokens) => asToken(tokens).revoke('access_token'),
    errorCode: (error) => memberOf(error, 'data', 'payload', 'error'),
  }
}

function s256(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

function tokensOf({ token }: AccessToken): Tokens {
  const { access_token, refresh_token } = token
  return {
    access: String(access_token),
    refresh: typeof refresh_token === 'string' ? refresh_token : undefined,
    members: Object.keys(token).filter((key) => key !== 'expires_at'),
    subject: undefined,
  }
}
