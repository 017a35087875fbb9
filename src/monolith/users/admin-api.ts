import { createHash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { jsonReply, type RequestLimits, tooManyRequests } from '../../authorization-server/index.ts'
import { storableText, userClaimsSchema } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import type { Accounts } from './accounts.ts'
import type { PlatformUser, Users } from './users.ts'

/** What the API depends on. */
export interface AdminApiOptions {
  /** The token that callers send in `PRIVATE-TOKEN`. */
  readonly token: string
  readonly users: Users
  readonly accounts: Accounts
  readonly limits: RequestLimits
  readonly log: Log
}

const changeSchema = z.strictObject({
  username: storableText(1, 255).optional(),
  name: storableText(0, 255).optional(),
  email: storableText(0, 255).optional(),
  claims: userClaimsSchema.optional(),
  password: z.string().min(1).max(1_024).optional(),
  /** Ends all of the user's credentials: sessions, tokens, codes and devices, here and at IAM. */
  sign_out: z.boolean().default(false),
})

const PASSWORD_LENGTH = 8
const newUserSchema = z.strictObject({
  username: storableText(1, 255),
  name: storableText(0, 255),
  email: storableText(0, 255),
  claims: userClaimsSchema.optional(),
  password: z.string().min(PASSWORD_LENGTH, `must be at least ${PASSWORD_LENGTH} characters`).max(1_024),
})
const whole = (max: number) => z.coerce.number().int().min(1).max(max)
const pageSchema = z.strictObject({
  username: storableText(1, 255).optional(),
  page: whole(100_000).default(1),
  per_page: whole(100).default(20),
})

const ALL = /^\/api\/v4\/users\/?$/
const PATH = /^\/api\/v4\/users\/([1-9]\d{0,17})(?:\/(block|unblock|sign_out))?\/?$/
const NO_STORE = [['Cache-Control', 'no-store']] as const

/**
 * The user administration API, modelled on GitLab's: GET and POST `/api/v4/users`, GET, PUT and DELETE
 * `/api/v4/users/:id`, POST `/api/v4/users/:id/block`, `/unblock` and `/sign_out`. Undefined for another path.
 */
export function adminApi(options: AdminApiOptions) {
  const { users, accounts, limits, log } = options
  return async (request: HttpRequest): Promise<HttpReply | undefined> => {
    const [, id = '', action] = PATH.exec(request.path) ?? []
    if (id === '' && !ALL.test(request.path)) return undefined
    const caller = limits.callerOf(request)
    const held = limits.admitGuess(caller)
    if (held !== undefined) return tooManyRequests(held.waitMs)
    const given = request.headers['private-token']
    if (typeof given !== 'string' || !isSame(given, options.token)) {
      if (typeof given === 'string') limits.wrongCredential(caller, given)
      return jsonReply(401, { message: '401 Unauthorized' }, NO_STORE)
    }
    const isForAll = id === ''
    const reply = isForAll
      ? await answerForAll(request)
      : await answer(`${request.method}${action === undefined ? '' : ` ${action}`}`, id, request)
    if (request.method !== 'GET')
      log.info(
        { user_id: isForAll ? undefined : id, method: request.method, action, status: reply.status },
        'users: changed by API',
      )
    return reply
  }

  async function answerForAll(request: HttpRequest): Promise<HttpReply> {
    if (request.method === 'POST') return create(request.body)
    if (request.method !== 'GET') return jsonReply(405, { message: '405 Method Not Allowed' }, NO_STORE)
    const read = pageSchema.safeParse(Object.fromEntries(new URLSearchParams(request.query)))
    if (!read.success) return invalid(read.error)
    const { username, page, per_page: perPage } = read.data
    return jsonReply(200, (await users.list({ username, page, perPage })).map(documentOf), NO_STORE)
  }

  async function create(body: Buffer): Promise<HttpReply> {
    const read = newUserSchema.safeParse(parseJson(body))
    if (!read.success) return invalid(read.error)
    const user = await users.create(read.data)
    return user ? shown(user, 201) : nameTaken()
  }

  async function answer(what: string, id: string, request: HttpRequest): Promise<HttpReply> {
    switch (what) {
      case 'GET':
        return shown(await users.findAny(id))
      case 'PUT':
        return change(id, request.body)
      case 'DELETE':
        return (await accounts.remove(id)) ? { status: 204, headers: [...NO_STORE], body: '' } : unknown()
      case 'POST block':
        return (await accounts.block(id)) ? shown(await users.findAny(id), 201) : unknown()
      case 'POST unblock':
        return (await accounts.unblock(id)) ? shown(await users.findAny(id), 201) : unknown()
      case 'POST sign_out':
        return (await accounts.signOut(id)) ? shown(await users.findAny(id), 201) : unknown()
      default:
        return jsonReply(405, { message: '405 Method Not Allowed' }, NO_STORE)
    }
  }

  async function change(id: string, body: Buffer): Promise<HttpReply> {
    const read = changeSchema.safeParse(parseJson(body))
    if (!read.success) return invalid(read.error)
    const { sign_out, ...change } = read.data
    const outcome = await accounts.change(id, change, sign_out)
    if (outcome === 'username_taken') return nameTaken()
    return outcome ? shown(await users.findAny(id)) : unknown()
  }
}

function shown(user: PlatformUser | undefined, status = 200): HttpReply {
  return user ? jsonReply(status, documentOf(user), NO_STORE) : unknown()
}

function documentOf({ id, username, name, email, claims, isBlocked }: PlatformUser) {
  return { id: Number(id), username, name, email, claims, state: isBlocked ? 'blocked' : 'active' }
}

/** 400 with the name of each invalid field and its rule; never a value. */
function invalid({ issues }: z.ZodError): HttpReply {
  const faults = issues.map((issue) => `${issue.path.join('.') || '(request)'}: ${issue.message}`)
  return jsonReply(400, { message: faults.join('; ').slice(0, 1_000) }, NO_STORE)
}

function nameTaken(): HttpReply {
  return jsonReply(409, { message: 'username: has been taken' }, NO_STORE)
}

function unknown(): HttpReply {
  return jsonReply(404, { message: '404 User Not Found' }, NO_STORE)
}

function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
