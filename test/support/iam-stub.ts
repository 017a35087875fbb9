import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import {
  AUTH_TOKEN_HEADER,
  type ConsentRequest,
  consentAcceptSchema,
  deviceAcceptSchema,
  type GrantDocument,
  grantRevocationSchema,
  INTERNAL_PATHS,
  type internalIntrospectionAnswerSchema,
  internalIntrospectionSchema,
  loginAcceptSchema,
  type loginRequestSchema,
  rejectSchema,
} from '../../src/handoff/index.ts'
import {
  type HttpReply,
  type HttpRequest,
  type ListenAddress,
  type RunningServer,
  serve,
} from '../../src/http/index.ts'
import { silentLog } from '../../src/observability/index.ts'

type LoginRequest = z.infer<typeof loginRequestSchema>
type Introspection = z.infer<typeof internalIntrospectionAnswerSchema>

/** What the monolith has reported to IAM about a challenge, a device or an application. */
export interface Told {
  readonly what: string
  readonly challenge: string
  readonly body: unknown
}

/**
 * A stub of IAM's internal port that follows the hand-off contract: a challenge can be answered until it is forgotten.
 */
export interface IamStub {
  readonly url: string
  readonly token: string
  readonly told: readonly Told[]
  /** The redirect target of accepted and rejected challenges. */
  redirectTo: string
  /** Answers every call with this status from now on; undefined: normally. */
  failWith: number | undefined
  /** Accepts logins only by users who have signed in since this time, in seconds since the epoch. */
  signInNotBefore: number
  /** Forgets a challenge. */
  forget(challenge: string): void
  /** How calls about grants are answered: normally, never, with this status, or with 404 like an IAM without them. */
  grantCalls: 'answer' | 'hang' | 'absent' | number
  /** The grants of users, by subject. */
  readonly granted: Map<string, GrantDocument[]>
  /** The number of calls about grants. */
  grantsAsked: number
  openLogin(request?: Partial<Omit<LoginRequest, 'challenge'>>): string
  openConsent(request: Partial<Omit<ConsentRequest, 'challenge'>>): string
  openDevice(userCode: string, state?: 'open' | 'expired'): void
  knowToken(token: string, answer: Introspection): void
  stop(): Promise<void>
  start(): Promise<void>
}

/** Starts one that sends browsers on to `redirectTo`. */
export async function startIamStub(redirectTo: string): Promise<IamStub> {
  const token = randomBytes(24).toString('hex')
  const logins = new Map<string, LoginRequest>()
  const consents = new Map<string, ConsentRequest>()
  const devices = new Map<string, boolean>()
  const tokens = new Map<string, Introspection>()
  const told: Told[] = []
  let address: ListenAddress = { host: '127.0.0.1', port: 0 }
  let server: RunningServer | undefined
  const notFound = json(404, { error: 'not_found' })

  const settle = (what: string, open: Map<string, unknown>, schema: z.ZodType, request: HttpRequest): HttpReply => {
    const challenge = new URLSearchParams(request.query).get('challenge') ?? ''
    const body = schema.safeParse(JSON.parse(request.body.toString('utf8')))
    if (!body.success) return json(400, { error: 'invalid_request', error_description: body.error.message })
    if (!open.has(challenge)) return notFound
    if (body.data !== null && typeof body.data === 'object' && 'auth_time' in body.data) {
      const isTooOld = Number(body.data.auth_time) < stub.signInNotBefore
      if (isTooOld) return json(400, { error: 'invalid_request', reason: 'sign_in_too_old' })
    }
    told.push({ what, challenge, body: body.data })
    return json(200, { redirect_to: stub.redirectTo })
  }
  const show = (open: ReadonlyMap<string, unknown>, challenge: string | null): HttpReply => {
    const request = open.get(challenge ?? '')
    return request === undefined ? notFound : json(200, request)
  }
  const approveDevice = (request: HttpRequest, userCode: string | null): HttpReply => {
    const body = deviceAcceptSchema.safeParse(JSON.parse(request.body.toString('utf8')))
    if (!body.success) return json(400, { error: 'invalid_request' })
    const isOpen = devices.get(userCode ?? '')
    if (userCode === null || isOpen === undefined) return notFound
    devices.delete(userCode)
    if (!isOpen) return json(404, { error: 'not_found', reason: 'expired' })
    told.push({ what: 'device accept', challenge: userCode, body: body.data })
    return json(200, {})
  }
  const grants = async (request: HttpRequest): Promise<HttpReply> => {
    stub.grantsAsked++
    const { grantCalls, granted } = stub
    if (grantCalls === 'hang') return new Promise(() => {})
    if (grantCalls === 'absent') return notFound
    if (typeof grantCalls === 'number') return json(grantCalls, { error: 'failure' })
    if (request.method === 'POST') {
      const { subject, client_id } = grantRevocationSchema.parse(JSON.parse(request.body.toString('utf8')))
      told.push({ what: 'grants revoke', challenge: client_id, body: { subject } })
      granted.set(subject, granted.get(subject)?.filter((one) => one.client_id !== client_id) ?? [])
      return json(200, { revoked: { tokens: 1, codes: 0, device_codes: 0 } })
    }
    const query = new URLSearchParams(request.query)
    const found = granted.get(query.get('subject') ?? '') ?? []
    return json(200, { grants: found.filter((one) => one.client_id === (query.get('client_id') ?? one.client_id)) })
  }
  const answer = (request: HttpRequest): HttpReply | Promise<HttpReply> => {
    if (stub.failWith !== undefined)
      return json(stub.failWith, { error: 'failure', error_description: 'the stub fails' })
    if (request.headers[AUTH_TOKEN_HEADER] !== token) return json(401, { error: 'unauthorized' })
    if (request.path.startsWith(INTERNAL_PATHS.grants)) return grants(request)
    const query = new URLSearchParams(request.query)
    switch (`${request.method} ${request.path}`) {
      case `GET ${INTERNAL_PATHS.login}`:
        return show(logins, query.get('login_challenge'))
      case `PUT ${INTERNAL_PATHS.loginAccept}`:
        return settle('login accept', logins, loginAcceptSchema, request)
      case `PUT ${INTERNAL_PATHS.loginReject}`:
        return settle('login reject', logins, rejectSchema, request)
      case `GET ${INTERNAL_PATHS.consent}`:
        return show(consents, query.get('consent_challenge'))
      case `PUT ${INTERNAL_PATHS.consentAccept}`:
        return settle('consent accept', consents, consentAcceptSchema, request)
      case `PUT ${INTERNAL_PATHS.consentReject}`:
        return settle('consent reject', consents, rejectSchema, request)
      case `PUT ${INTERNAL_PATHS.deviceAccept}`:
        return approveDevice(request, query.get('user_code'))
      case `POST ${INTERNAL_PATHS.introspect}`: {
        const asked = internalIntrospectionSchema.parse(JSON.parse(request.body.toString('utf8')))
        return json(200, tokens.get(asked.token) ?? { active: false })
      }
      case `GET ${INTERNAL_PATHS.clients}`:
        return json(200, { clients: [] })
      case `PUT ${INTERNAL_PATHS.clients}`:
        told.push({ what: 'client', challenge: '', body: JSON.parse(request.body.toString('utf8')) })
        return json(200, {})
      default:
        return request.path.startsWith(INTERNAL_PATHS.clients) ? json(200, {}) : notFound
    }
  }
  const stub: IamStub = {
    get url() {
      return `http://127.0.0.1:${address.port}`
    },
    token,
    told,
    redirectTo,
    failWith: undefined,
    signInNotBefore: 0,
    forget(challenge) {
      logins.delete(challenge)
      consents.delete(challenge)
    },
    grantCalls: 'answer',
    granted: new Map(),
    grantsAsked: 0,
    openLogin(request = {}) {
      const challenge = randomBytes(32).toString('hex')
      logins.set(challenge, { challenge, client_id: 'client', prompt_none: false, reauthenticate: false, ...request })
      return challenge
    },
    openConsent(request) {
      const challenge = randomBytes(32).toString('hex')
      consents.set(challenge, {
        challenge,
        skip: false,
        subject: '1',
        requested_scope: ['api'],
        client: { client_id: 'client', client_name: 'Client', redirect_uri: 'https://client.example.test/callback' },
        ...request,
      })
      return challenge
    },
    openDevice: (userCode, state = 'open') => void devices.set(userCode, state === 'open'),
    knowToken: (value, introspection) => void tokens.set(value, introspection),
    async start() {
      server = await serve({ listen: address, handler: async (request) => answer(request), log: silentLog })
      address = server.address
    },
    async stop() {
      await server?.close(0)
    },
  }
  await stub.start()
  return stub
}

function json(status: number, body: unknown): HttpReply {
  return { status, headers: [['Content-Type', 'application/json']], body: JSON.stringify(body) }
}
