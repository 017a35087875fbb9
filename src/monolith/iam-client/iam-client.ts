import { z } from 'zod'
import type { ResourceOwner } from '../../authorization-server/index.ts'
import {
  AUTH_TOKEN_HEADER,
  type ConsentRequest,
  consentRequestSchema,
  type DeviceRequest,
  deviceRequestSchema,
  type GrantDocument,
  grantsSchema,
  INTERNAL_PATHS,
  internalIntrospectionAnswerSchema,
  knownUsersSchema,
  type LoginAccept,
  loginRequestSchema,
  redirectSchema,
  type resourceOwnerSchema,
  revokedGrantsSchema,
  storedUserSchema,
  type userDocumentSchema,
} from '../../handoff/index.ts'
import { type Call, call } from '../../http/index.ts'

/**
 * The result of a call to IAM: `gone` for an unknown or expired challenge or code; `sign_in_too_old` for a challenge
 * that requires a newer sign-in; `unavailable` when IAM gave no usable answer.
 */
export type IamAnswer<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'gone'; readonly hasExpired: boolean }
  | { readonly kind: 'sign_in_too_old'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string }

export type LoginRequest = z.infer<typeof loginRequestSchema>
export type StoredUser = z.infer<typeof storedUserSchema>
export type Introspection = z.infer<typeof internalIntrospectionAnswerSchema>

/**
 * The internal API of the IAM auth service, as the monolith's pages use it. Every call ends within five seconds, or
 * within the given limit.
 */
export interface IamClient {
  loginRequest(challenge: string): Promise<IamAnswer<LoginRequest>>
  /** The value of this and of all other answers is where to send the browser: an address on the issuer's origin. */
  acceptLogin(challenge: string, owner: ResourceOwner, grantedScopes?: readonly string[]): Promise<IamAnswer<string>>
  rejectLogin(challenge: string, error: string, description: string): Promise<IamAnswer<string>>
  consentRequest(challenge: string): Promise<IamAnswer<ConsentRequest>>
  acceptConsent(request: ConsentRequest): Promise<IamAnswer<string>>
  rejectConsent(challenge: string, error: string, description: string): Promise<IamAnswer<string>>
  /** The device waiting under a user code. */
  deviceRequest(userCode: string): Promise<IamAnswer<DeviceRequest>>
  approveDevice(userCode: string, owner: ResourceOwner): Promise<IamAnswer<undefined>>
  introspect(token: string): Promise<IamAnswer<Introspection>>
  /** Reports a change of a user to IAM. */
  putUser(user: z.input<typeof userDocumentSchema>): Promise<IamAnswer<StoredUser>>
  removeUser(subject: string, version: number): Promise<IamAnswer<StoredUser>>
  /** One page of the users that IAM knows. */
  knownUsers(after: string): Promise<IamAnswer<z.infer<typeof knownUsersSchema>>>
  /** What a user has granted through IAM; with `clientId`, to that application. `gone`: this IAM has no such call. */
  grants(subject: string, clientId: string | undefined, limitMs: number): Promise<IamAnswer<readonly GrantDocument[]>>
  /** Revokes what a user has granted to an application through IAM. `gone`: this IAM has no such call. */
  revokeGrants(subject: string, clientId: string, limitMs: number): Promise<IamAnswer<undefined>>
}

const LIMIT_MS = 5_000
const faultSchema = z.object({
  reason: z.enum(['expired', 'sign_in_too_old']).optional(),
  /** Contains fields and rules, never values. */
  error_description: z.string().max(1_000).optional(),
})

/** Connects to IAM at `url` with the internal token; a `redirect_to` outside the origin of `issuer` is rejected. */
export function createIamClient(options: {
  readonly url: string
  readonly token: string
  readonly issuer: string
}): IamClient {
  const base = options.url.replace(/\/$/, '')
  const origin = new URL(options.issuer).origin
  const send = (
    method: Call['method'],
    path: string,
    query: Record<string, string>,
    json?: unknown,
    timeoutMs = LIMIT_MS,
  ) => {
    const text = new URLSearchParams(query).toString()
    return ask({
      method,
      url: `${base}${path}${text === '' ? '' : `?${text}`}`,
      headers: { [AUTH_TOKEN_HEADER]: options.token },
      ...(json === undefined ? {} : { json }),
      timeoutMs,
    })
  }
  const decide = async (path: string, challenge: string, json: unknown) =>
    redirectOf(await send('PUT', path, { challenge }, json), origin)
  return {
    loginRequest: async (challenge) =>
      read(await send('GET', INTERNAL_PATHS.login, { login_challenge: challenge }), loginRequestSchema),
    acceptLogin(challenge, owner, granted_scopes) {
      const body: LoginAccept = { ...documentOf(owner), ...(granted_scopes && { granted_scopes: [...granted_scopes] }) }
      return decide(INTERNAL_PATHS.loginAccept, challenge, body)
    },
    rejectLogin: (challenge, error, error_description) =>
      decide(INTERNAL_PATHS.loginReject, challenge, { error, error_description }),
    consentRequest: async (challenge) =>
      read(await send('GET', INTERNAL_PATHS.consent, { consent_challenge: challenge }), consentRequestSchema),
    acceptConsent: ({ challenge, requested_scope, subject }) =>
      decide(INTERNAL_PATHS.consentAccept, challenge, { grant_scope: requested_scope, subject }),
    rejectConsent: (challenge, error, error_description) =>
      decide(INTERNAL_PATHS.consentReject, challenge, { error, error_description }),
    deviceRequest: async (userCode) =>
      read(await send('GET', INTERNAL_PATHS.device, { user_code: userCode }), deviceRequestSchema),
    async approveDevice(userCode, owner) {
      const answer = await send('PUT', INTERNAL_PATHS.deviceAccept, { user_code: userCode }, documentOf(owner))
      return answer.kind === 'ok' ? { kind: 'ok', value: undefined } : answer
    },
    putUser: async (user) => read(await send('PUT', INTERNAL_PATHS.users, {}, user), storedUserSchema),
    removeUser: async (subject, version) =>
      read(await send('DELETE', `${INTERNAL_PATHS.users}/${subject}`, { version: String(version) }), storedUserSchema),
    knownUsers: async (after) =>
      read(await send('GET', INTERNAL_PATHS.users, after === '' ? {} : { after }), knownUsersSchema),
    introspect: async (token) =>
      read(await send('POST', INTERNAL_PATHS.introspect, {}, { token }), internalIntrospectionAnswerSchema),
    async grants(subject, clientId, limitMs) {
      const query = { subject, ...(clientId === undefined ? {} : { client_id: clientId }) }
      const answer = read(await send('GET', INTERNAL_PATHS.grants, query, undefined, limitMs), grantsSchema)
      return answer.kind === 'ok' ? { kind: 'ok', value: answer.value.grants } : answer
    },
    async revokeGrants(subject, client_id, limitMs) {
      const answer = await send('POST', INTERNAL_PATHS.grantsRevoke, {}, { subject, client_id }, limitMs)
      const checked = read(answer, revokedGrantsSchema)
      return checked.kind === 'ok' ? { kind: 'ok', value: undefined } : checked
    },
  }
}

/** Additional fields of a replicated user. */
interface Replicated {
  readonly version?: number
  readonly credentialsEpoch?: number
}

/**
 * Converts a user to the hand-off contract's document; without `claims` when there are none, as an older IAM expects.
 */
export function documentOf(owner: ResourceOwner & Replicated): z.input<typeof resourceOwnerSchema> {
  const { id, username, name, email, claims, authTime } = owner
  const { version, credentialsEpoch: credentials_epoch } = owner
  const replicated = version === undefined ? {} : { version, credentials_epoch }
  const profile = { subject: id, username, name, email, auth_time: authTime, ...replicated }
  return Object.keys(claims).length === 0 ? profile : { ...profile, claims }
}

async function ask(options: Call): Promise<IamAnswer<unknown>> {
  try {
    const { status, json } = await call(options)
    if (status >= 200 && status < 300) return { kind: 'ok', value: json }
    // 400: an invalid challenge or code. 409, 410: other ways to report a used one.
    if (status === 404 || status === 400 || status === 409 || status === 410) {
      const { reason, error_description: fault } = faultSchema.safeParse(json).data ?? {}
      // IAM rejects the data for a challenge that it knows: not the user's fault, who may try again later.
      if (status === 400 && options.method === 'PUT' && reason === undefined && fault !== undefined) {
        return { kind: 'unavailable', reason: `refused the answer: ${fault}` }
      }
      return reason === 'sign_in_too_old'
        ? { kind: reason, reason }
        : { kind: 'gone', hasExpired: reason === 'expired' }
    }
    return { kind: 'unavailable', reason: `answered ${status}` }
  } catch (error) {
    return { kind: 'unavailable', reason: error instanceof Error ? error.message : 'failed' }
  }
}

function read<T>(answer: IamAnswer<unknown>, schema: z.ZodType<T>): IamAnswer<T> {
  if (answer.kind !== 'ok') return answer
  const checked = schema.safeParse(answer.value)
  return checked.success ? { kind: 'ok', value: checked.data } : { kind: 'unavailable', reason: 'answered out of form' }
}

function redirectOf(answer: IamAnswer<unknown>, origin: string): IamAnswer<string> {
  const checked = read(answer, redirectSchema)
  if (checked.kind !== 'ok') return checked
  const { redirect_to } = checked.value
  if (new URL(redirect_to).origin !== origin) return { kind: 'unavailable', reason: 'sent the browser elsewhere' }
  return { kind: 'ok', value: redirect_to }
}
