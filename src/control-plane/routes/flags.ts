import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { DEFAULT_ENVIRONMENT, ENVIRONMENT_RULE, ENVIRONMENTS, type FlagState } from '../../flags/index.ts'
import { OPERATORS, PEOPLE } from '../access/roles.ts'
import { flagWrite, logFlagChange } from '../audit/request-cause.ts'
import { faultOfUnknownFlag } from '../feature-request.ts'
import { featureDocument, featureDocumentSchema } from '../flag-documents.ts'
import { flagHistory, restoreFlag } from '../flag-writes.ts'
import type { Api, Plane } from '../plane.ts'
import { sendFieldFaults, sendProblem } from '../problems.ts'

/** A word that the database is asked for; its text holds no NUL. */
export const wordField = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !text.includes('\0'), 'must not hold NUL')
const nameSchema = z.object({ name: wordField })

/** An environment as a field of `/api/v1`. */
export const namedEnvironmentField = z.enum(ENVIRONMENTS, { error: ENVIRONMENT_RULE })
/** The same; production where none is given. */
export const environmentField = namedEnvironmentField.default(DEFAULT_ENVIRONMENT)

/** The state of a flag: its gates. */
export const stateSchema = z.object({
  boolean: z.boolean(),
  actors: z.array(z.string()),
  percentage_of_actors: z.number(),
  percentage_of_time: z.number(),
  feature_groups: z.array(z.string()),
  opted_out: z.array(z.string()),
  switched_off: z.array(z.string()).optional(),
})

const causeSchema = z.object({
  door: z.string(),
  correlation_id: z.string(),
  reason: z.string().optional(),
  change_issue_url: z.string().optional(),
  proposed_by: z.string().optional(),
  overrides: z.array(z.string()).optional().describe('Checks that were passed over'),
})

const historySchema = z.object({
  environment: z.enum(ENVIRONMENTS),
  name: z.string(),
  entries: z.array(
    z.object({
      version: z.int(),
      action: z.string(),
      before: stateSchema.nullable(),
      after: stateSchema.nullable(),
      changed_by: z.string(),
      changed_at: z.string(),
      cause: causeSchema.nullable().describe('Why and how, where somebody said so'),
    }),
  ),
})

/** What GitLab's feature API has no words for: a flag's history, and the way back. */
export function flagRoutes(api: Api, plane: Plane): void {
  api.get(
    '/api/v1/flags/:name/history',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['flags'],
        summary: 'What was changed of a flag, by whom, newest first',
        params: nameSchema,
        querystring: z.object({
          environment: environmentField,
          limit: z.coerce.number().pipe(z.int().min(1).max(1_000)).default(100),
        }),
        response: { 200: historySchema },
      },
    },
    async (request) => {
      const { environment, limit } = request.query
      const { name } = request.params
      const entries = await flagHistory(plane.store, environment, name, limit)
      const document = { environment, name, entries: [] as z.infer<typeof historySchema>['entries'] }
      for (const entry of entries) {
        const { version, action, changed_by } = entry
        const [before, after] = [mutable(entry.before), mutable(entry.after)]
        document.entries.push({
          version,
          action,
          before,
          after,
          changed_by,
          changed_at: entry.changed_at.toISOString(),
          cause: causeSchema.nullable().parse(entry.cause),
        })
      }
      return document
    },
  )
  api.post(
    '/api/v1/flags/:name/restore',
    {
      config: { roles: OPERATORS, environment: 'named' },
      schema: {
        tags: ['flags'],
        summary: 'Put a flag back to what it was, before its last change or at a version',
        params: nameSchema,
        body: z.strictObject({
          environment: environmentField,
          to_version: z.int().nonnegative().optional(),
          if_version: z.int().nonnegative().optional(),
          reason: z.string().optional(),
          change_issue_url: z.string().optional(),
        }),
        response: { 200: featureDocumentSchema },
      },
    },
    async (request, reply) => {
      const { environment, to_version: toVersion, if_version: ifVersion } = request.body
      const { name } = request.params
      const write = flagWrite(plane, request, request.body, { environment, name, ifVersion })
      if ('errors' in write) return sendFieldFaults(reply, write.errors)
      const outcome = await restoreFlag(plane.store, write, toVersion)
      if (outcome.kind === 'cause_missing') return sendFieldFaults(reply, outcome.errors)
      if (outcome.kind === 'no_history') return sendNoHistory(plane, reply, name, environment)
      if (outcome.kind === 'refused') {
        return sendFieldFaults(reply, [{ field: 'to_version', rule: outcome.why }])
      }
      if (outcome.kind === 'conflict') {
        const detail = `flag ${name} is at version ${outcome.version}, not ${ifVersion}`
        return sendProblem(reply, 409, 'version_conflict', { detail })
      }
      await plane.feed.catchUp()
      logFlagChange(plane, 'restore', write, outcome)
      return featureDocument(plane.feed.view, environment, name)
    },
  )
}

function sendNoHistory(plane: Plane, reply: FastifyReply, name: string, environment: string): FastifyReply {
  const unknown = faultOfUnknownFlag(name, plane.definitions)
  if (unknown) return sendProblem(reply, 404, 'unknown_flag', { detail: unknown.fault })
  const detail = `flag ${name} has never been changed in ${environment}, so there is nothing to restore`
  return sendProblem(reply, 409, 'no_history', { detail })
}

/** A copy whose lists may be changed, as the schema's type has them. */
function mutable(state: FlagState | null): z.infer<typeof stateSchema> | null {
  return state && structuredClone(state as z.infer<typeof stateSchema>)
}
