import { call } from '../../src/http/index.ts'
import { type BenchClient, CODE_VERIFIER, REDIRECT_URI, SCOPE } from './clients.ts'
import { OPEN_SLOTS, type Workload } from './load.ts'
import type { TokenServer } from './servers.ts'
import { bearerRequest, formRequest, openConnection, type WireAnswer } from './wire.ts'

/** The workloads. Those after the grants use a token of the user or client they are about. */
export const WORKLOADS = ['client_credentials', 'code', 'refresh', 'introspect', 'info', 'userinfo'] as const
export type WorkloadName = (typeof WORKLOADS)[number]

/** Whether a server supports the workload. */
export function isMeasurable(name: WorkloadName, { paths }: TokenServer): boolean {
  const path = name === 'introspect' || name === 'info' || name === 'userinfo' ? paths[name] : paths.token
  return path !== undefined
}

/** Creates workloads for one server. `count` is the maximum number of requests to it. */
export async function workload(
  name: WorkloadName,
  server: TokenServer,
  clients: readonly BenchClient[],
  count: number,
): Promise<Workload> {
  switch (name) {
    case 'client_credentials':
      return inTurn(clients.map((client) => clientCredentials(server, client)))
    case 'code':
      return codeExchange(server, count)
    case 'refresh':
      return refreshChains(server)
    case 'introspect': {
      const client = clients[0] as BenchClient
      const { access_token: token } = await ask(server, clientCredentials(server, client))
      return inTurn([formRequest(server.paths.introspect ?? '', { ...secretOf(client), token: String(token) })])
    }
    case 'info': {
      const { access_token: token } = await ask(server, clientCredentials(server, clients[0] as BenchClient))
      return inTurn([bearerRequest(server.paths.info ?? '', String(token))])
    }
    case 'userinfo':
      return inTurn([bearerRequest(server.paths.userinfo ?? '', await userToken(server, clients[0] as BenchClient))])
  }
}

function inTurn(requests: readonly Buffer[]): Workload {
  let next = 0
  return { request: () => requests[next++ % requests.length] as Buffer }
}

function secretOf(client: BenchClient): Record<string, string> {
  return { client_id: client.clientId, client_secret: client.secret }
}

function clientCredentials({ paths }: TokenServer, client: BenchClient): Buffer {
  return formRequest(paths.token, { grant_type: 'client_credentials', ...secretOf(client), scope: SCOPE })
}

function codeRequests(server: TokenServer, count: number): Array<{ client: BenchClient; request: Buffer }> {
  return server.takeCodes(count).map(({ client, code }) => ({
    client,
    request: formRequest(server.paths.token, {
      grant_type: 'authorization_code',
      ...secretOf(client),
      code,
      redirect_uri: REDIRECT_URI,
      code_verifier: CODE_VERIFIER,
    }),
  }))
}

function codeExchange(server: TokenServer, count: number): Workload {
  const requests = codeRequests(server, count)
  return {
    request() {
      const next = requests.pop()
      if (next === undefined) throw new Error('no code is left to exchange')
      return next.request
    },
  }
}

/** Each slot has its own chain and rotates its refresh token with every request. */
async function refreshChains(server: TokenServer): Promise<Workload> {
  const chains = await Promise.all(
    codeRequests(server, OPEN_SLOTS).map(async ({ client, request }) => ({
      client,
      token: String((await ask(server, request))['refresh_token']),
    })),
  )
  const chainOf = (slot: number) => chains[slot] as (typeof chains)[number]
  return {
    request(slot) {
      const { client, token } = chainOf(slot)
      return formRequest(server.paths.token, {
        grant_type: 'refresh_token',
        ...secretOf(client),
        refresh_token: token,
      })
    },
    answered(slot, answer) {
      chainOf(slot).token = String(membersOf(answer)['refresh_token'])
    },
  }
}

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** An access token with openid, from the device flow: the grant with a user part that needs no browser (RFC 8628). */
async function userToken(server: TokenServer, client: BenchClient): Promise<string> {
  const { internal } = server
  if (internal === undefined) throw new Error(`${server.name} has no internal port`)
  const started = await ask(server, formRequest('/oauth/authorize_device', { ...secretOf(client), scope: 'openid' }))
  const accepted = await call({
    method: 'PUT',
    url: `${internal.url}/oauth2/internal/auth/requests/device/accept?user_code=${String(started['user_code'])}`,
    headers: { 'gitlab-iam-auth-token': internal.token },
    json: { subject: '1', username: 'alice', name: 'Alice', email: 'alice@example.com', auth_time: 1 },
  })
  if (accepted.status !== 200) throw new Error(`the device was not accepted: ${accepted.status}`)
  const grant = { grant_type: DEVICE_GRANT, ...secretOf(client), device_code: String(started['device_code']) }
  return String((await ask(server, formRequest(server.paths.token, grant)))['access_token'])
}

async function ask(server: TokenServer, request: Buffer): Promise<Record<string, unknown>> {
  const connection = await openConnection(server.port)
  try {
    const answer = await connection.exchange(request)
    if (answer.status !== 200) throw new Error(`${server.name} answered ${answer.status}: ${answer.body.slice(0, 200)}`)
    return membersOf(answer)
  } finally {
    connection.close()
  }
}

function membersOf(answer: WireAnswer): Record<string, unknown> {
  return JSON.parse(answer.body) as Record<string, unknown>
}
