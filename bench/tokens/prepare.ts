import { createHash } from 'node:crypto'
import {
  type AuthorizationServer,
  authorizationMigrations,
  createAuthorizationServer,
  createPrefixedTokenIssuer,
  type ResourceOwner,
} from '../../src/authorization-server/index.ts'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import { type DatabaseLocation, migrate, openDatabase } from '../../src/storage/index.ts'
import { type BenchClient, CODE_CHALLENGE, CODE_LIFETIME, type PreparedCode, REDIRECT_URI, SCOPE } from './clients.ts'

export type OwnStore = DatabaseLocation

/** The schema of `handover iam`. */
const SCHEMA = 'iam'
const OWNER: ResourceOwner = {
  id: '1',
  username: 'alice',
  name: 'Alice',
  email: 'alice@example.com',
  claims: {},
  authTime: 1,
}
const CODES_AT_ONCE = 50

/**
 * Stores clients and codes where `handover iam` finds them, using the authorization server itself; it must not be
 * running.
 */
export async function prepareOwnStore(
  store: OwnStore,
  clients: readonly BenchClient[],
  count: number,
): Promise<PreparedCode[]> {
  const database = await openDatabase(store)
  try {
    await migrate(database, SCHEMA, authorizationMigrations)
    const server = createAuthorizationServer({
      database,
      schema: SCHEMA,
      tokenIssuer: createPrefixedTokenIssuer(IAM_PREFIXES),
      resourceOwners: { find: async () => OWNER },
      settings: { issuer: 'https://auth.example', codeLifetime: CODE_LIFETIME, defaultScopes: [SCOPE] },
    })
    for (const client of clients) await server.applications.upsert(documentOf(client))
    const codes: PreparedCode[] = []
    while (codes.length < count) {
      const due = Array.from({ length: CODES_AT_ONCE }, (_, index) => clients[index % clients.length] as BenchClient)
      codes.push(...(await Promise.all(due.map((client) => issueCode(server, client)))))
    }
    return codes.slice(0, count)
  } finally {
    await database.close()
  }
}

async function issueCode(server: AuthorizationServer, client: BenchClient): Promise<PreparedCode> {
  const parameters = {
    client_id: client.clientId,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: SCOPE,
    code_challenge: CODE_CHALLENGE,
    code_challenge_method: 'S256',
  }
  const reply = await server.approve(parameters, OWNER, 'https://auth.example')
  const location = reply.headers.find(([name]) => name === 'Location')?.[1]
  const code = location === undefined ? null : new URL(location).searchParams.get('code')
  if (code === null) throw new Error(`no code was issued: ${reply.status} ${String(reply.body)}`)
  return { client, code }
}

function documentOf(client: BenchClient) {
  return {
    id: client.id,
    client_id: client.clientId,
    name: `Bench ${client.id}`,
    secret_digest: createHash('sha512').update(client.secret).digest('hex'),
    redirect_uris: [REDIRECT_URI],
    scopes: [SCOPE, 'openid'],
    confidential: true,
    trusted: false,
    version: 1,
  }
}
