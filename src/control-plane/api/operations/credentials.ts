import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { actorOf } from '../../../applications/index.ts'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { type ApplicationCredentials, applicationCredentialsSchema } from '../../../handoff/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { readContext } from '../../flags/request-context.ts'
import { type RevocationRefusal, refuseRevocation } from '../../iam-state/revocation.ts'
import { sendFieldFaults, sendProblem } from '../../requests/problems.ts'
import { recordEvent } from '../../state/store.ts'
import { namedEnvironmentField } from '../flags/flags.ts'

const applicationField = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !text.includes('\0'), 'must not hold NUL')
  .describe('The id or the client_id')

const applicationSchema = applicationCredentialsSchema.extend({
  /** Null for an application that the control plane does not know. */
  id: z.int().nullable(),
  /** What the flag says now, whether or not IAM holds the application. */
  flag: z.enum(['on', 'off', 'unknown_application']),
})
const liveCredentialsSchema = z.object({
  environment: z.enum(ENVIRONMENTS),
  as_of: z.string(),
  applications: z.array(applicationSchema),
  next: z.int().nullable().describe('The `after` of the next page; null on the last page'),
})
const revocationSchema = z.object({
  environment: z.enum(ENVIRONMENTS),
  client_id: z.string(),
  may_revoke: z.boolean(),
  refusal: z.string().nullable(),
  credentials: applicationCredentialsSchema.nullable().describe('Null if no valid credential remains'),
  revoked: z.object({ tokens: z.int(), codes: z.int(), device_codes: z.int() }).nullable(),
  done: z.boolean().describe('No valid credential remains; until then, repeat the request to revoke the next batch'),
})
/** The document of `POST /api/v1/credentials/revoke`. */
export type RevocationDocument = z.infer<typeof revocationSchema>

/** Lists IAM's credentials that remain valid after a rollback, and revokes them. */
export function credentialRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/credentials',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['credentials'],
        summary: 'Valid credentials from IAM by application, and where new flows go',
        querystring: z.object({
          environment: namedEnvironmentField.optional(),
          application: applicationField.optional(),
          after: z
            .string()
            .regex(/^\d{1,15}$/, 'must be an integer')
            .transform(Number)
            .default(0),
        }),
        response: { 200: liveCredentialsSchema },
      },
    },
    async (request, reply) => {
      const { application, after } = request.query
      const environment = request.query.environment ?? control.environment
      await control.feed.catchUp()
      const named = application === undefined ? undefined : clientIdOf(control, application)
      const answer = await control.iamCredentials.list({ after, clientId: named })
      if (answer.kind === 'unavailable') return sendUnavailable(reply, answer.why)
      const { as_of, applications, next } = answer.value
      return { environment, as_of, applications: applications.map((one) => withFlag(control, environment, one)), next }
    },
  )
  addRevocation(api, control)
}

function addRevocation(api: Api, control: ControlContext): void {
  api.post(
    '/api/v1/credentials/revoke',
    {
      config: { roles: ['administrator'] },
      schema: {
        tags: ['credentials'],
        summary: 'Show what revocation would end for an application; with `confirm`, its client_id, revoke one batch',
        body: z.strictObject({
          application: applicationField,
          environment: namedEnvironmentField.optional(),
          confirm: z.string().max(255).optional(),
        }),
        response: { 200: revocationSchema },
      },
    },
    async (request, reply) => {
      const { application, confirm, environment = control.environment } = request.body
      await control.feed.catchUp()
      const clientId = clientIdOf(control, application)
      const known = control.feed.cache.applicationByClientId(clientId)
      if (!known) return sendUnknown(reply, application)
      const refusal = refuseRevocation({
        clientId,
        environment,
        ownEnvironment: control.environment,
        isFlagOn: control.feed.cache.isFlagOn(environment, known.id),
        confirm,
      })
      if (confirm === undefined) return plan(control, reply, { environment, clientId, refusal })
      if (refusal) {
        return refusal.code === 'invalid_request'
          ? sendProblem(reply, 400, 'invalid_request', {
              detail: refusal.why,
              errors: [{ field: 'confirm', rule: 'must repeat the client_id' }],
            })
          : sendProblem(reply, 409, 'change_refused', { detail: refusal.why })
      }
      const read = readContext(request)
      if ('errors' in read) return sendFieldFaults(reply, read.errors)
      // Recorded first: the revocation at IAM and the entry cannot share a transaction.
      await recordEvent(control.store, {
        ...{ context: read.context, action: 'credentials.revoke', environment, subject: actorOf(known) },
        ...{ before: null, after: null, details: { client_id: clientId } },
      })
      const answer = await control.iamCredentials.revoke(clientId)
      if (answer.kind === 'unavailable') return sendUnavailable(reply, answer.why)
      const revoked = answer.value?.revoked ?? { tokens: 0, codes: 0, device_codes: 0 }
      const done = answer.value?.done ?? true
      control.log.warn({ environment, client_id: clientId, revoked, done, ...read.context }, 'credentials revoked')
      return { environment, client_id: clientId, may_revoke: true, refusal: null, credentials: null, revoked, done }
    },
  )
}

async function plan(
  control: ControlContext,
  reply: FastifyReply,
  asked: {
    readonly environment: Environment
    readonly clientId: string
    readonly refusal: RevocationRefusal | undefined
  },
): Promise<z.infer<typeof revocationSchema> | FastifyReply> {
  const { environment, clientId, refusal } = asked
  const answer = await control.iamCredentials.list({ after: 0, clientId })
  if (answer.kind === 'unavailable') return sendUnavailable(reply, answer.why)
  const credentials = answer.value.applications.find((one) => one.client_id === clientId) ?? null
  const may = { may_revoke: refusal === undefined, refusal: refusal?.why ?? null }
  return { environment, client_id: clientId, ...may, credentials, revoked: null, done: credentials === null }
}

function withFlag(
  control: ControlContext,
  environment: Environment,
  one: ApplicationCredentials,
): z.infer<typeof applicationSchema> {
  const known = control.feed.cache.applicationByClientId(one.client_id)
  if (!known) return { ...one, id: null, flag: 'unknown_application' }
  return { ...one, id: known.id, flag: control.feed.cache.isFlagOn(environment, known.id) ? 'on' : 'off' }
}

/** The client_id of an application that is named by it or by its id. */
function clientIdOf(control: ControlContext, name: string): string {
  const byId = /^[1-9]\d{0,15}$/.test(name) ? control.feed.cache.application(Number(name)) : undefined
  return byId?.client_id ?? name
}

function sendUnknown(reply: FastifyReply, name: string): FastifyReply {
  const detail = `no application has the id or client_id ${JSON.stringify(name)}`
  return sendProblem(reply, 404, 'unknown_application', { detail })
}

function sendUnavailable(reply: FastifyReply, why: string): FastifyReply {
  return sendProblem(reply, 503, 'unavailable', { detail: why })
}
