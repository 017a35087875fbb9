import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { type ClientCredentials, credentialsOf } from '../clients/client-authentication.ts'
import type { Core } from '../core/core.ts'
import { authenticate } from '../grants/token-request.ts'
import type { Caller, TooMany } from '../limits/request-limits.ts'
import { TooManyGuessesError, tooManyRequests } from '../limits/too-many-requests.ts'
import type { Parameters } from '../parameters/value.ts'
import { scalarOf, textOf } from '../parameters/value.ts'
import type { OAuthReply } from '../responses/replies.ts'
import { bearerOf } from './bearer.ts'
import type { Endpoint } from './endpoint.ts'

const TAKES_CREDENTIALS: ReadonlySet<string> = new Set([
  'token',
  'revoke',
  'introspect',
  'authorize_device',
  'token_info',
  'userinfo',
])

/**
 * Runs an endpoint within the limits. A guessable credential (a secret chosen by a person) is not checked beyond its
 * limit. An unguessable one (a 256-bit token) is limited only to keep floods cheap, and never for a client that
 * presents the right secret.
 */
export async function limited(
  core: Core,
  name: string,
  endpoint: Endpoint,
  request: { readonly http: HttpRequest; readonly parameters: Parameters },
): Promise<HttpReply> {
  const { limits } = core
  const { http, parameters } = request
  const caller = limits.callerOf(http)
  const credentials = credentialsOf(http.headers.authorization, parameters, core.settings.compatibility)
  const refuse = ({ limit, waitMs }: TooMany) => {
    limits.reached({ endpoint: name, limit, network: caller.address.network })
    return tooManyRequests(waitMs, isPoll(name, parameters))
  }
  const refused =
    limits.admit(name, caller) ??
    (TAKES_CREDENTIALS.has(name) ? await refusedGuess(core, caller, credentials) : undefined)
  if (refused !== undefined) return refuse(refused)
  try {
    const reply = await endpoint(core, { ...request, caller })
    settle(core, reply, { caller, credentials, guess: () => guessIn(http, parameters, credentials) })
    return reply
  } catch (error) {
    if (error instanceof TooManyGuessesError) return refuse({ limit: 'password_guesses', waitMs: error.waitMs })
    throw error
  }
}

async function refusedGuess(
  core: Core,
  caller: Caller,
  credentials: ClientCredentials | undefined,
): Promise<TooMany | undefined> {
  const { limits } = core
  const refused = credentials && limits.admitCredentials(caller, credentials)
  const floods = refused ?? limits.admitGuess(caller)
  if (refused !== undefined || floods === undefined || credentials?.secret === undefined) return floods
  await authenticate(core, credentials, caller)
  return caller.isProven ? undefined : floods
}

const WRONG = new Set(['invalid_client', 'invalid_grant', 'invalid_token'])

function settle(
  { limits }: Core,
  { status, oauthError }: OAuthReply,
  {
    caller,
    credentials,
    guess,
  }: {
    readonly caller: Caller
    readonly credentials: ClientCredentials | undefined
    readonly guess: () => string
  },
): void {
  if (status === 200) {
    if (caller.isProven && credentials) limits.served(caller, credentials.clientId)
  } else if (!caller.isProven && status < 500 && oauthError !== undefined && WRONG.has(oauthError)) {
    limits.wrongCredential(caller, guess())
  }
}

const GUESSED = ['code', 'refresh_token', 'device_code', 'token'] as const

/** A value that identifies the wrong guess, so that repeats of the same guess can be recognised. */
function guessIn(http: HttpRequest, parameters: Parameters, credentials: ClientCredentials | undefined): string {
  const given = [
    credentials?.clientId,
    credentials?.secret,
    bearerOf(http, parameters),
    ...GUESSED.map((name) => textOf(parameters, name)),
    scalarOf(parameters, 'username'),
    scalarOf(parameters, 'password'),
  ]
  return given.map((text) => text ?? '').join('\n')
}

function isPoll(name: string, parameters: Parameters): boolean {
  return name === 'token' && (textOf(parameters, 'grant_type')?.endsWith('device_code') ?? false)
}
