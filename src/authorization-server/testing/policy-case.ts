import type { ApplicationPolicy } from '../../applications/index.ts'
import { headerOf } from '../index.ts'
import type { Parameters } from '../parameters/value.ts'
import type { ApplicationDocument } from '../store/applications.ts'
import { applicationOf, clients, seedOwner } from './seed.ts'
import type { Answer, ServerUnderTest } from './server-under-test.ts'

/** An application for one test: confidential by default, with the secret of the seed's `conf`. */
export interface PolicyCase {
  readonly server: ServerUnderTest
  readonly application: ApplicationDocument
  readonly redirectUri: string
  /** The result of `POST /oauth/authorize` by alice: the parameters sent to the client, or the JSON answer. */
  authorize(more?: Record<string, string | undefined>): Promise<Record<string, string>>
  /** POST /oauth/token with the client's credentials. */
  token(form: Record<string, string>, query?: Record<string, string>): Promise<Answer>
  /** The token answer for a fresh code. */
  tokens(more?: Record<string, string>): Promise<Record<string, string>>
}

/** The challenge and verifier of RFC 7636, appendix B. */
export const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
export const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'

/** Registers an application that nothing else uses. */
export async function policyCase(
  server: ServerUnderTest,
  clientId: string,
  options: { policy?: ApplicationPolicy | undefined; confidential?: boolean; redirectUri?: string } = {},
): Promise<PolicyCase> {
  const { policy, confidential = true, redirectUri = 'https://case.example.test/callback' } = options
  const application: ApplicationDocument = {
    ...applicationOf('conf'),
    id: await server.core.applications.nextId(),
    client_id: clientId,
    redirect_uris: [redirectUri],
    confidential,
    ...(policy && { policy }),
  }
  if (!(await server.core.applications.upsert(application))) throw new Error(`application ${clientId} exists already`)
  const credentials = { client_id: clientId, ...(confidential && { client_secret: clients.conf.secret }) }
  const authorize = async (more: Record<string, string | undefined> = {}) => {
    const asked = { client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'openid', ...more }
    const reply = await server.core.approve(asked as Parameters, seedOwner('alice'), server.url)
    const location = headerOf(reply.headers, 'location')
    if (location === undefined) return JSON.parse(String(reply.body)) as Record<string, string>
    return Object.fromEntries(new URL(location).searchParams)
  }
  const token = (form: Record<string, string>, query: Record<string, string> = {}) =>
    server.token({ ...credentials, ...form }, { query })
  return {
    server,
    application,
    redirectUri,
    authorize,
    token,
    async tokens(more = {}) {
      const { code = '' } = await authorize({ code_challenge: CHALLENGE, code_challenge_method: 'S256', ...more })
      const exchange = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: VERIFIER }
      return (await token(exchange)).json
    },
  }
}
