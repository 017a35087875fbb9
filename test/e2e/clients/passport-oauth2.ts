import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import passport from 'passport'
import passportOauth2 from 'passport-oauth2'
import { WAIT_LIMIT_MS } from '../../support/wait.ts'
import { type Client, type Library, memberOf, metadata, type Registration, SCOPE, type Tokens } from './client.ts'

/** A web application based on passport: a separate server with `/login` and `/callback`, and a cookie session. */
export const passportOauth2Library: Library = {
  name: 'passport-oauth2',
  // The library sends the secret in the form, empty for a public application.
  authentications: ['client_secret_post', 'none'],
  missing: () => undefined,
  connect,
}

/** The strategy subclassed as its documentation shows: with a profile, and the refresh that other packages add. */
class PlatformStrategy extends passportOauth2.Strategy {
  // Not a private field: passport runs a strategy through objects derived from it.
  readonly userinfo: string

  constructor(registration: Registration, callbackURL: string, pkce: boolean) {
    const { issuer, clientId, secret, authentication } = registration
    const options = {
      authorizationURL: metadata(issuer).authorization_endpoint,
      tokenURL: metadata(issuer).token_endpoint,
      clientID: clientId,
      clientSecret: authentication === 'none' ? undefined : secret,
      callbackURL,
      scope: SCOPE,
      state: true,
      pkce,
    }
    super(options, (access, refresh, answer, profile, done) => {
      const tokens: Tokens = { access, refresh, members: Object.keys(answer), subject: undefined }
      done(null, { tokens, profile })
    })
    this.userinfo = metadata(issuer).userinfo_endpoint
  }

  /** Sends the token in the query, which is the library's default. */
  userProfile(access: string, done: (error: unknown, profile?: object) => void): void {
    this._oauth2.get(this.userinfo, access, (error, body) => {
      if (error) done(Object.assign(new Error('no profile'), { cause: error }))
      else done(null, JSON.parse(String(body)) as object)
    })
  }

  refresh(refreshToken: string): Promise<Tokens> {
    return new Promise((resolve, reject) => {
      this._oauth2.getOAuthAccessToken(
        refreshToken,
        { grant_type: 'refresh_token' },
        (error, access, refresh, answer) => {
          if (error) reject(error)
          else resolve({ access, refresh, members: Object.keys(answer), subject: undefined })
        },
      )
    })
  }
}

async function connect(registration: Registration): Promise<Client> {
  const sites = { withProof: await startSite(registration, true), without: await startSite(registration, false) }
  const { strategy } = sites.withProof
  return {
    code: async (visit, { pkce }) => {
      const site = pkce ? sites.withProof : sites.without
      const login = await fetch(`${site.origin}/login`, {
        redirect: 'manual',
        signal: AbortSignal.timeout(WAIT_LIMIT_MS),
      })
      const cookie = login.headers.get('set-cookie') ?? ''
      const answer = await visit(login.headers.get('location') ?? '', `${site.origin}/callback`)
      const signal = AbortSignal.timeout(WAIT_LIMIT_MS)
      const callback = await fetch(answer, { headers: { cookie }, redirect: 'manual', signal })
      const text = await callback.text()
      // Passport recognises one refusal by name and answers it with a bare 401.
      if (callback.status === 401) throw Object.assign(new Error(text), { code: 'access_denied' })
      const body = JSON.parse(text) as { tokens: Tokens; code?: string }
      if (callback.status !== 200) throw Object.assign(new Error(text), { code: body.code })
      return body.tokens
    },
    refresh: (tokens) => strategy.refresh(tokens.refresh ?? ''),
    userinfo: (tokens) =>
      new Promise((resolve, reject) => {
        strategy.userProfile(tokens.access, (error, profile) => {
          if (error) reject(error)
          else resolve({ ...profile })
        })
      }),
    errorCode: (error) => memberOf(error, 'code') ?? codeInBody(memberOf(error, 'data')),
    async close() {
      await Promise.all([sites.withProof.close(), sites.without.close()])
    },
  }
}

function codeInBody(body: string | undefined): string | undefined {
  return body === undefined ? undefined : memberOf(JSON.parse(body), 'error')
}

async function startSite(registration: Registration, pkce: boolean) {
  const sessions = new Map<string, object>()
  const keeper = new passport.Passport()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://site')
    const id = /site=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? randomBytes(12).toString('base64url')
    const session = sessions.get(id) ?? {}
    sessions.set(id, session)
    response.setHeader('set-cookie', `site=${id}; HttpOnly`)
    // What express and express-session would have set.
    Object.assign(request, { query: Object.fromEntries(url.searchParams), session })
    keeper.authenticate('oauth2', { session: false })(request, response, (error) => answer(request, response, error))
  })
  const origin = await listen(server)
  const redirectUri = `${registration.redirectUri.replace('http://127.0.0.1', origin)}`
  const strategy = new PlatformStrategy(registration, redirectUri, pkce)
  keeper.use(strategy)
  return {
    origin,
    strategy,
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((done) => void server.close(() => done()))
    },
  }
}

function answer(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  response.statusCode = error ? 502 : 200
  response.end(JSON.stringify(error ? { code: memberOf(error, 'code') } : Reflect.get(request, 'user')))
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
}
