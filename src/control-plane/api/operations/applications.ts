import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { applicationSchema } from '../../../applications/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { ChangeContext } from '../../audit/change-context.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { passwordServed, passwordUse } from '../../flags/password-grant.ts'
import { callerContext, readContext } from '../../flags/request-context.ts'
import { sendFieldFaults, sendProblem } from '../../requests/problems.ts'
import {
  type ApplicationOutcome,
  confirmApplication,
  putApplication,
  readApplication,
  removeApplication,
} from '../../state/application-writes.ts'
import { hasArrived } from '../../state/model.ts'
import { ApplicationPages } from './application-page.ts'
import { listAnswerSchema, listQuerySchema } from './listed-application.ts'

const REPLICATION = { roles: ['replication', 'administrator'] as const }
const READ = { roles: [...PEOPLE, 'replication'] as const }

const idField = z
  .string()
  .regex(/^[1-9]\d{0,15}$/, 'must be a positive integer')
  .transform(Number)
  .refine(Number.isSafeInteger, 'must be a positive integer')
const idSchema = z.object({ id: idField })

const recordSchema = z.object({
  id: z.int(),
  client_id: z.string(),
  name: z.string().optional().describe('As announced by its platform: untrusted text'),
  version: z.int(),
  iam_version: z.int().nullable(),
})
const outcomeSchema = z.object({
  /** Whether the announcement was applied; false if the same or a newer version was known. */
  applied: z.boolean(),
  application: recordSchema.nullable(),
  /** For a stale announcement: the known version, or that of the recorded removal. */
  version: z.int().optional(),
})

/** PostgreSQL's text cannot store NUL, and a lone surrogate from JSON is not valid text. */
const announcedApplicationSchema = applicationSchema.refine(
  (application) => isStorable(JSON.stringify(application)),
  'must not hold NUL or broken Unicode',
)

/** An application as all readers see it: without even the digest of its secret. */
const knownApplicationSchema = applicationSchema.omit({ secret_digest: true }).extend({ has_secret: z.boolean() })

const passwordGrantSchema = z
  .object({
    application: z.enum(['allowed', 'refused', 'unknown']).describe('Whether its registration allows the grant'),
    iam: z.enum(['yes', 'no', 'unknown']).describe('Whether the IAM of this control plane can serve it'),
  })
  .describe('The resource owner password credentials grant (RFC 6749 §4.3)')

/** Applications, as replication announces them and as people look them up. */
export function applicationRoutes(api: Api, control: ControlContext): void {
  putAndRemove(api, control)
  listRoute(api, control)
  api.get(
    '/api/v1/applications/:id',
    {
      config: READ,
      schema: {
        tags: ['applications'],
        summary: 'One application, and whether it may be routed to IAM',
        params: z.object({ id: z.string().min(1).max(255).describe('The id or the client_id') }),
        response: {
          200: recordSchema.extend({
            arrived: z.boolean(),
            password_grant: passwordGrantSchema,
            application: knownApplicationSchema,
          }),
        },
      },
    },
    async (request, reply) => {
      await control.feed.catchUp()
      const { id } = request.params
      const { cache } = control.feed
      const byId = /^[1-9]\d{0,15}$/.test(id) ? cache.application(Number(id)) : undefined
      const found = byId ?? cache.applicationByClientId(id)
      const document = found && (await readApplication(control.store, found.id))
      if (!found || !document) return sendUnknown(reply, id)
      const password_grant = {
        application: passwordUse(document.policy),
        iam: passwordServed(await control.iamGrants.current()),
      }
      return { ...found, arrived: hasArrived(found), password_grant, application: document }
    },
  )
}

/** A page of the list, with the reports of an environment's gateways. */
function listRoute(api: Api, control: ControlContext): void {
  const pages = new ApplicationPages(control)
  api.get(
    '/api/v1/applications',
    {
      config: READ,
      schema: {
        tags: ['applications'],
        summary: 'List applications page by page, filtered, searched and sorted',
        querystring: listQuerySchema,
        response: { 200: listAnswerSchema },
      },
    },
    async (request, reply) => {
      const page = await pages.read(request.query)
      return 'faults' in page ? sendFieldFaults(reply, page.faults) : page
    },
  )
}

function putAndRemove(api: Api, control: ControlContext): void {
  api.put(
    '/api/v1/applications/:id',
    {
      config: REPLICATION,
      schema: {
        tags: ['applications'],
        summary: 'Announce an application and the version of it that IAM holds',
        params: idSchema,
        body: z.strictObject({
          application: announcedApplicationSchema,
          iam_version: z
            .int()
            .positive()
            .nullable()
            .describe(
              'The version that IAM holds, or null; ignored where the platform creates applications at IAM itself',
            ),
        }),
        response: { 200: outcomeSchema },
      },
    },
    async (request, reply) => {
      const { application } = request.body
      const iamVersion = control.platformCreatesAtIam ? application.version : request.body.iam_version
      if (application.id !== request.params.id) {
        const errors = [{ field: 'application.id', rule: 'must be the id in the path' }]
        return sendProblem(reply, 400, 'invalid_request', {
          detail: 'application.id: must be the id in the path',
          errors,
        })
      }
      const outcome = await putApplication(control.store, application, iamVersion, contextOfManualChange(request))
      if (outcome.kind === 'client_id_taken') {
        const detail = `client_id ${application.client_id} belongs to application ${outcome.by}`
        // Not 409: the sender would conclude that a newer version is known and all is well.
        return sendProblem(reply, 422, 'client_id_taken', { detail })
      }
      await control.feed.catchUp()
      return outcomeDocument(outcome)
    },
  )
  api.patch(
    '/api/v1/applications/:id',
    {
      config: REPLICATION,
      schema: {
        tags: ['applications'],
        summary: 'Report which version of an application IAM holds, if replication does not deliver applications there',
        params: idSchema,
        body: z.strictObject({
          iam_version: z
            .int()
            .positive()
            .nullable()
            .describe(
              "The application's `version` when IAM holds what the platform has now; null when it holds nothing",
            ),
        }),
        response: { 200: outcomeSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const outcome = await confirmApplication(
        control.store,
        id,
        request.body.iam_version,
        contextOfManualChange(request),
      )
      if (outcome.kind === 'unknown') return sendUnknown(reply, String(id))
      if (outcome.kind === 'too_new') {
        const rule = `must be at most ${outcome.version}, the version that the platform has announced`
        return sendFieldFaults(reply, [{ field: 'iam_version', rule }])
      }
      await control.feed.catchUp()
      return { applied: outcome.kind === 'stored', application: outcome.application }
    },
  )
  api.delete(
    '/api/v1/applications/:id',
    {
      config: REPLICATION,
      schema: {
        tags: ['applications'],
        summary: 'Remove an application as of a version',
        params: idSchema,
        querystring: z.object({ version: idField }),
        response: { 200: outcomeSchema },
      },
    },
    async (request) => {
      const { params, query } = request
      const outcome = await removeApplication(control.store, params.id, query.version, contextOfManualChange(request))
      await control.feed.catchUp()
      return outcomeDocument(outcome)
    },
  )
}

/** Replication reports changes made elsewhere; every other caller makes a change. */
function contextOfManualChange(request: FastifyRequest): ChangeContext | undefined {
  if (request.caller?.role === 'replication') return undefined
  const said = readContext(request)
  return 'context' in said ? said.context : callerContext(request)
}

function outcomeDocument(outcome: ApplicationOutcome): z.infer<typeof outcomeSchema> {
  const applied = outcome.kind === 'stored' || outcome.kind === 'removed'
  const application = ('application' in outcome ? outcome.application : undefined) ?? null
  return outcome.kind === 'stale' ? { applied, application, version: outcome.version } : { applied, application }
}

function sendUnknown(reply: FastifyReply, id: string): FastifyReply {
  const detail = `no application has the id or client_id ${JSON.stringify(id.slice(0, 255))}`
  return sendProblem(reply, 404, 'unknown_application', { detail })
}

function isStorable(text: string): boolean {
  return !text.includes('\\u0000') && text.isWellFormed() && !/\\ud[89a-f]/i.test(text)
}
