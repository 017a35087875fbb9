import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { AUTH_TOKEN_HEADER, INTERNAL_PATHS } from '../../../src/handoff/index.ts'
import { call } from '../../../src/http/index.ts'
import { type RunningIam, startIam } from '../../../src/iam/index.ts'
import { silentLog } from '../../../src/observability/index.ts'
import { type TestDatabase, testDatabases } from '../../support/database.ts'
import { freePorts } from '../../support/ports.ts'
import type { Client } from '../clients/client.ts'
import { openidClient } from '../clients/openid-client.ts'
import { type ForeignServer, OIDC_PROVIDER_PATHS, startOidcProvider, WEB } from './oidc-server.ts'
import { walkFlows } from './walk-flows.ts'
import { openWorld, type World } from './world.ts'

const TOKEN = 'internal-token'
const local = { host: '127.0.0.1', port: 0 }

describe('oidc-provider as legacy with its own paths, with our IAM, and a flag that flips at every evaluation', () => {
  let store: TestDatabase
  let legacy: ForeignServer
  let pages: Server
  let iam: RunningIam
  let world: World
  let client: Client
  let issuer = ''

  before(async () => {
    const [port = 0] = await freePorts(1)
    issuer = `http://127.0.0.1:${port}`
    store = await (testDatabases().at(-1) ?? assert.fail()).open()
    const verifierKey = randomBytes(32)
    legacy = await startOidcProvider(issuer)
    pages = await startHandOffPages(() => iam.internalUrl)
    const base = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
    iam = await startIam(
      {
        ...{
          listen: local,
          internalListen: local,
          issuer,
          database: store.database,
          internalToken: TOKEN,
          verifierKey,
        },
        ...{ loginUrl: `${base}/login`, consentUrl: `${base}/consent` },
      },
      silentLog,
    )
    const { status } = await internal(iam.internalUrl, 'PUT', INTERNAL_PATHS.clients, {
      id: WEB.id,
      client_id: WEB.clientId,
      name: 'Web',
      secret_digest: createHash('sha512').update(WEB.secret).digest('hex'),
      redirect_uris: [WEB.redirectUri],
      scopes: ['openid', 'profile', 'email', 'read_user'],
      confidential: true,
      trusted: false,
      version: 1,
    })
    assert.equal(status, 200)
    world = await openWorld(port)
    await world.start(1, {
      legacyUrl: legacy.url,
      iamUrl: iam.url,
      verifierKey,
      legacyPaths: OIDC_PROVIDER_PATHS,
      markCheck: { legacy: { clientId: WEB.clientId, secret: WEB.secret }, everyMs: 600_000 },
    })
    const moreMetadata = {
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/me`,
      revocation_endpoint: `${issuer}/token/revocation`,
      introspection_endpoint: `${issuer}/token/introspection`,
      jwks_uri: `${issuer}/jwks`,
    }
    const registration = { issuer, clientId: WEB.clientId, secret: WEB.secret, redirectUri: WEB.redirectUri }
    client = await openidClient.connect({ ...registration, authentication: 'client_secret_post', moreMetadata })
  })
  after(async () => {
    await world?.close()
    await Promise.all([legacy?.close(), iam?.close()])
    pages?.closeAllConnections()
    await new Promise((resolve) => pages?.close(resolve))
    await store?.close()
  })

  walkFlows(() => ({ world, client, userinfo: { rails: `${legacy.url}/me`, iam: `${iam.url}/oauth/userinfo` } }))

  test('its fresh tokens are checked against the marks', async () => {
    assert.deepEqual(await world.marks(), [{ rails: 'agrees', iam: 'not_checked' }])
  })

  test('clients get its metadata document', async () => {
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`)
    const { token_endpoint: token } = (await answer.json()) as { token_endpoint: string }
    assert.equal(token, `${issuer}/token`)
  })
})

function internal(url: string, method: 'GET' | 'PUT', path: string, json?: unknown) {
  return call({ method, url: url + path, headers: { [AUTH_TOKEN_HEADER]: TOKEN }, json })
}

/** Sign-in and consent pages that always accept, for a platform with a server that does not support the hand-off. */
async function startHandOffPages(iamUrl: () => string): Promise<Server> {
  const user = { subject: '1', username: 'alice', name: 'Alice', email: 'alice@example.test' }
  const server = createServer(async (message, response) => {
    const { searchParams } = new URL(message.url ?? '/', 'http://pages')
    const login = searchParams.get('login_challenge')
    const consent = searchParams.get('consent_challenge')
    const asked = await internal(iamUrl(), 'GET', `${INTERNAL_PATHS.consent}?consent_challenge=${consent}`)
    const scopes = (asked.json as { requested_scope?: string[] }).requested_scope
    const answer =
      login === null
        ? await internal(iamUrl(), 'PUT', `${INTERNAL_PATHS.consentAccept}?challenge=${consent}`, {
            grant_scope: scopes,
            subject: user.subject,
          })
        : await internal(iamUrl(), 'PUT', `${INTERNAL_PATHS.loginAccept}?challenge=${login}`, {
            ...user,
            auth_time: Math.floor(Date.now() / 1_000),
          })
    response.writeHead(302, { location: (answer.json as { redirect_to: string }).redirect_to }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
