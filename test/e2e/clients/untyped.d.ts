/** The parts of untyped libraries that the tests use. */
declare module 'simple-oauth2' {
  interface Options {
    client: { id: string; secret: string }
    auth: { tokenHost: string }
    options: { authorizationMethod: 'header' | 'body' }
  }
  interface AccessToken {
    readonly token: Readonly<Record<string, unknown>>
    refresh(): Promise<AccessToken>
    revoke(kind: 'access_token' | 'refresh_token'): Promise<void>
  }
  class AuthorizationCode {
    constructor(options: Options)
    authorizeURL(parameters: Record<string, string>): string
    getToken(parameters: Record<string, string>): Promise<AccessToken>
    createToken(token: object): AccessToken
  }
  class ClientCredentials {
    constructor(options: Options)
    getToken(parameters: Record<string, string>): Promise<AccessToken>
  }
  class ResourceOwnerPassword {
    constructor(options: Options)
    getToken(parameters: Record<string, string>): Promise<AccessToken>
  }
}

declare module 'passport' {
  import type { IncomingMessage, ServerResponse } from 'node:http'
  import type { Strategy } from 'passport-oauth2'

  class Passport {
    use(strategy: Strategy): this
    authenticate(
      name: string,
      options: object,
    ): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void
  }
  const passport: { Passport: typeof Passport }
  export default passport
}

declare module 'passport-oauth2' {
  interface Options {
    authorizationURL: string
    tokenURL: string
    clientID: string
    clientSecret: string | undefined
    callbackURL: string
    scope: string
    state: boolean
    pkce: boolean
  }
  type Verified = (error: unknown, user: unknown) => void
  type Verify = (
    access: string,
    refresh: string | undefined,
    answer: Record<string, unknown>,
    profile: object,
    done: Verified,
  ) => void
  class Strategy {
    constructor(options: Options, verify: Verify)
    /** For subclasses: the client that loads the profile. */
    protected readonly _oauth2: {
      get(url: string, token: string, done: (error: unknown, body?: string) => void): void
      getOAuthAccessToken(
        code: string,
        parameters: Record<string, string>,
        done: (error: unknown, access: string, refresh: string | undefined, answer: Record<string, unknown>) => void,
      ): void
    }
  }
  const strategy: { Strategy: typeof Strategy }
  export default strategy
}
