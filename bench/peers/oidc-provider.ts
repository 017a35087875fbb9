// oidc-provider on the same store, configured for the lowest cost: clients in memory, one indexed table, named
// statements, no logs, no metrics. Prepares its own authorization codes before it listens.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import Provider from 'oidc-provider'
import { openDatabase } from '../../src/storage/index.ts'
import { type BenchClient, CODE_CHALLENGE, CODE_LIFETIME, REDIRECT_URI, SCOPE } from '../tokens/clients.ts'
import { type OidcQueries, oidcAdapter, oidcTable, pooledQueries } from './oidc-adapter.ts'

/** The instructions of the benchmark, as JSON in BENCH_PLAN. */
export interface OidcProviderPlan {
  readonly port: number
  /** On PostgreSQL through `pg`'s own pool, as adapters do, or through the connections of our storage. */
  readonly store: { readonly url: string; readonly driver: 'pool' | 'ours' } | { readonly dataDir: string }
  /** A JWS algorithm makes access tokens JWTs. */
  readonly accessTokens: 'opaque' | 'RS256' | 'ES256' | 'EdDSA'
  readonly clients: readonly BenchClient[]
  readonly codes: number
  /** The file for the codes, as JSON. */
  readonly codesFile: string
}

const RESOURCE = 'urn:example:api'
const CODES_AT_ONCE = 50

const plan = JSON.parse(process.env['BENCH_PLAN'] ?? '') as OidcProviderPlan
const queries = await openStore()
await oidcTable(queries)
const provider = new Provider(`http://127.0.0.1:${plan.port}`, configuration(queries))
await prepareCodes()
provider.listen(plan.port, '127.0.0.1')
process.on('SIGTERM', () => void queries.close().then(() => process.exit(0)))

async function openStore(): Promise<OidcQueries> {
  const { store } = plan
  if ('dataDir' in store) return openDatabase({ kind: 'embedded', dataDir: store.dataDir })
  return store.driver === 'pool' ? pooledQueries(store.url) : openDatabase({ kind: 'postgres', url: store.url })
}

function configuration(on: OidcQueries): Record<string, unknown> {
  const algorithm = plan.accessTokens
  return {
    adapter: oidcAdapter(on),
    clients: plan.clients.map((client) => ({
      client_id: client.clientId,
      client_secret: client.secret,
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: `openid ${SCOPE}`,
    })),
    scopes: ['openid', SCOPE],
    jwks: signingKeys(),
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    pkce: { required: () => false },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators:
        algorithm === 'opaque'
          ? { enabled: false }
          : {
              enabled: true,
              defaultResource: () => RESOURCE,
              useGrantedResource: () => true,
              getResourceServerInfo: () => ({
                scope: SCOPE,
                accessTokenFormat: 'jwt',
                jwt: { sign: { alg: algorithm } },
              }),
            },
    },
    ttl: {
      AccessToken: 7_200,
      ClientCredentials: 7_200,
      AuthorizationCode: CODE_LIFETIME,
      RefreshToken: CODE_LIFETIME,
      Grant: CODE_LIFETIME,
    },
  }
}

function signingKeys() {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed25519 = generateKeyPairSync('ed25519')
  const jwkOf = ({ privateKey }: { readonly privateKey: KeyObject }, alg: string) => {
    return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig' }
  }
  return { keys: [jwkOf(rsa, 'RS256'), jwkOf(p256, 'ES256'), jwkOf(ed25519, 'EdDSA')] }
}

/** Codes as its own authorization endpoint saves them, each with its own grant. */
async function prepareCodes(): Promise<void> {
  const codes: Array<{ client: BenchClient; code: string }> = []
  const one = async (client: BenchClient) => {
    const found = await provider.Client.find(client.clientId)
    if (found === undefined) throw new Error('oidc-provider does not know its client')
    const grant = new provider.Grant({ accountId: '1', clientId: client.clientId })
    grant.addOIDCScope(SCOPE)
    if (plan.accessTokens !== 'opaque') grant.addResourceScope(RESOURCE, SCOPE)
    const grantId = await grant.save()
    const code = new provider.AuthorizationCode({
      accountId: '1',
      client: found,
      grantId,
      redirectUri: REDIRECT_URI,
      scope: SCOPE,
      codeChallenge: CODE_CHALLENGE,
      codeChallengeMethod: 'S256',
      authTime: Math.floor(Date.now() / 1_000),
      ...(plan.accessTokens === 'opaque' ? {} : { resource: RESOURCE }),
    })
    codes.push({ client, code: await code.save() })
  }
  while (codes.length < plan.codes) {
    const due = Array.from({ length: CODES_AT_ONCE }, (_, index) => plan.clients[index % plan.clients.length])
    await Promise.all(due.map((client) => one(client as BenchClient)))
  }
  writeFileSync(plan.codesFile, JSON.stringify(codes.slice(0, plan.codes)))
}
