import { z } from 'zod'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import { cookieOf, giveCookie } from '../../access/browser-request.ts'
import { PEOPLE, subjectOf } from '../../access/roles/roles.ts'
import type { SessionRecord } from '../../access/sessions/session-store.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { callerContext } from '../../flags/request-context.ts'
import { sendProblem } from '../../requests/problems.ts'
import { callerOf } from '../hooks/authentication.ts'

const OWN = { roles: PEOPLE, changes: 'own' } as const

const meSchema = z.object({
  name: z.string(),
  role: z.enum(PEOPLE),
  environments: z.array(z.enum(ENVIRONMENTS)).describe('The environments that the caller may change'),
  by: z.enum(['token', 'session']),
  expires_at: z.string().nullable(),
  csrf_token: z.string().nullable().describe('The X-CSRF-Token for changes with the session; null for a token'),
})

const sessionSchema = z.object({
  id: z.int(),
  name: z.string(),
  address: z.string(),
  browser: z.string(),
  created_at: z.string(),
  last_seen_at: z.string(),
  expires_at: z.string(),
  current: z.boolean(),
})

/** A session, in a document of the API. */
export type SessionDocument = z.infer<typeof sessionSchema>

/** Who the caller is, and the sessions of people. */
export function sessionRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/session',
    {
      config: { roles: PEOPLE },
      schema: { tags: ['access'], summary: 'The caller and its rights', response: { 200: meSchema } },
    },
    async (request, reply) => {
      const { name, role, environments, by } = callerOf(request)
      reply.header('Cache-Control', 'no-store')
      return {
        ...{ name, role: z.enum(PEOPLE).parse(role), environments: [...environments], by: by.kind },
        expires_at: by.expiresAt?.toISOString() ?? null,
        csrf_token: by.kind === 'session' ? by.csrfToken : null,
      }
    },
  )
  api.get(
    '/api/v1/sessions',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['access'],
        summary: "The caller's sessions; for an administrator, everyone's",
        response: { 200: z.object({ sessions: z.array(sessionSchema) }) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const isAll = caller.role === 'administrator'
      const sessions = await control.access.sessions.list(isAll ? undefined : subjectOf(caller))
      const own = caller.by.kind === 'session' ? caller.by.id : undefined
      return { sessions: sessions.map((session) => sessionDocument(session, session.id === own)) }
    },
  )
  endings(api, control)
}

function endings(api: Api, control: ControlContext): void {
  const { sessions, place } = control.access
  api.delete(
    '/api/v1/sessions/:id',
    {
      config: OWN,
      schema: {
        tags: ['access'],
        summary: "End one of the caller's sessions; an administrator can end anyone's",
        params: z.object({ id: z.coerce.number().pipe(z.int().positive().max(2_147_483_647)) }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { id } = request.params
      const subject = caller.role === 'administrator' ? undefined : subjectOf(caller)
      if ((await sessions.end({ id, subject }, callerContext(request))) === 0) {
        return sendProblem(reply, 404, 'not_found', { detail: `the caller can end no session with the id ${id}` })
      }
      return reply.code(204).send(null)
    },
  )
  api.delete(
    '/api/v1/sessions',
    {
      config: OWN,
      schema: { tags: ['access'], summary: "End all of the caller's sessions", response: { 204: z.null() } },
    },
    async (request, reply) => {
      await sessions.end({ subject: subjectOf(callerOf(request)) }, callerContext(request))
      if (cookieOf(place, request, 'session') !== undefined)
        giveCookie(place, reply, { name: 'session', secret: '', maxAgeS: 0 })
      return reply.code(204).send(null)
    },
  )
}

function sessionDocument(session: SessionRecord, current: boolean): SessionDocument {
  const { id, name, address, browser } = session
  return {
    ...{ id, name, address, browser, current },
    created_at: session.created_at.toISOString(),
    last_seen_at: session.last_seen_at.toISOString(),
    expires_at: session.expires_at.toISOString(),
  }
}
