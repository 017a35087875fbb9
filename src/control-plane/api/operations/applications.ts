import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { ChangeContext } from '../../audit/change-context.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { applicationHistory } from '../../explain/application-history.ts'
import { callerContext, readContext } from '../../flags/request-context.ts'
import { sendFieldFaults, sendProblem } from '../../requests/problems.ts'
import {
  type ApplicationOutcome,
  confirmApplication,
  putApplication,
  removeApplication,
} from '../../state/application-writes.ts'
import { environmentField, wordField } from '../flags/flags.ts'
import { callerOf } from '../hooks/authentication.ts'
import { announcementSchema } from './announcement.ts'
import {
  applicationDocument,
  applicationDocumentSchema,
  historyDocument,
  historySchema,
  recordSchema,
} from './application-document.ts'
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

const outcomeSchema = z.object({
  /** Whether the announcement was applied; false if the same or a newer version was known. */
  applied: z.boolean(),
  application: recordSchema.nullable(),
  /** For a stale announcement: the known version, or that of the recorded removal. */
  version: z.int().optional(),
})

/** Applications, as replication announces them and as people look them up. */
export function applicationRoutes(api: Api, control: ControlContext): void {
  const pages = new ApplicationPages(control)
  putAndRemove(api, control)
  listRoute(api, pages)
  oneRoute(api, control, pages)
  historyRoute(api, control)
}

const namedSchema = z.object({ id: wordField.describe('The id or the client_id') })

function oneRoute(api: Api, control: ControlContext, pages: ApplicationPages): void {
  api.get(
    '/api/v1/applications/:id',
    {
      config: READ,
      schema: {
        tags: ['applications'],
        summary: 'One application: its registration, side, verdict, history and the sensible next action',
        params: namedSchema,
        querystring: z.object({ environment: environmentField }),
        response: { 200: applicationDocumentSchema },
      },
    },
    async (request, reply) => {
      await control.feed.catchUp()
      const { id } = request.params
      const { environment } = request.query
      const found = control.feed.cache.applicationNamed(id)
      const document =
        found && (await applicationDocument(control, pages, { found, environment, caller: callerOf(request) }))
      return document ?? sendUnknown(reply, id)
    },
  )
}

function historyRoute(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/applications/:id/history',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['applications'],
        summary: 'What happened to an application: flags, rollouts, exclusions, reports, registration; newest first',
        params: namedSchema,
        querystring: z.object({
          environment: environmentField,
          before: z.iso.datetime({ precision: 6, error: 'must be a moment, as `next` gives it' }).optional(),
          limit: z.coerce.number().pipe(z.int().min(1).max(200)).default(50),
        }),
        response: { 200: historySchema },
      },
    },
    async (request, reply) => {
      await control.feed.catchUp()
      const { id } = request.params
      const application = control.feed.cache.applicationNamed(id)
      if (application === undefined) return sendUnknown(reply, id)
      const { environment, before, limit } = request.query
      const asked = { environment, applicationId: application.id, before, limit }
      return historyDocument(await applicationHistory(control, asked))
    },
  )
}

/** A page of the list, with the reports of an environment's gateways. */
function listRoute(api: Api, pages: ApplicationPages): void {
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
        body: announcementSchema,
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
