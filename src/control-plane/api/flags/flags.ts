import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { DEFAULT_ENVIRONMENT, ENVIRONMENT_RULE, ENVIRONMENTS, type FlagState } from '../../../flags/index.ts'
import { OPERATORS, PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { unconfirmedInWords } from '../../flags/confirmation.ts'
import { faultOfUnknownFlag, type WriteTerms } from '../../flags/feature-request.ts'
import { featureDocument, featureDocumentSchema } from '../../flags/flag-documents.ts'
import { type FlagOutcome, type FlagWrite, flagHistory, restoreFlag } from '../../flags/flag-writes.ts'
import { doneInWords, moveWarnings, previewOf, previewSchema } from '../../flags/preview.ts'
import { flagWrite, logFlagChange } from '../../flags/request-context.ts'
import { type Conflict, sendFieldFaults, sendProblem } from '../../requests/problems.ts'
import { flagConflict } from './flag-conflict.ts'

/** Text that is used in a database query; it must not contain NUL. */
export const wordField = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !text.includes('\0'), 'must not hold NUL')
const nameSchema = z.object({ name: wordField })

/** An environment as a field of `/api/v1`. */
export const namedEnvironmentField = z.enum(ENVIRONMENTS, { error: ENVIRONMENT_RULE })
/** The same, with production as the default. */
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

/** The fields that every restore accepts in addition to its target. */
export const restoreFields = {
  if_version: z.int().nonnegative().optional().describe('Only if the flag is still at this version'),
  confirm: z
    .union([z.boolean(), z.int().nonnegative()])
    .optional()
    .describe('true, or the number of applications that move; required if more than one moves'),
  dry_run: z.boolean().default(false).describe('Show what would happen; change nothing'),
  reason: z.string().optional(),
  change_issue_url: z.string().optional(),
}

const causeSchema = z.object({
  door: z.string(),
  correlation_id: z.string(),
  reason: z.string().optional(),
  change_issue_url: z.string().optional(),
  proposed_by: z.string().optional(),
  overrides: z.array(z.string()).optional().describe('Checks that were overridden'),
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
      cause: causeSchema.nullable().describe('The reason and channel of the change, if they were recorded'),
    }),
  ),
})

/** The history of a flag in one environment, in a document of the API. */
export type FlagHistoryDocument = z.infer<typeof historySchema>

/** What GitLab's feature API does not cover: a flag's history and its restore. */
export function flagRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/flags',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['flags'],
        summary: 'Every defined or set flag with its effective state, by name',
        querystring: z.object({ environment: environmentField }),
        response: { 200: z.object({ flags: z.array(featureDocumentSchema) }) },
      },
    },
    async (request) => {
      const { environment } = request.query
      await control.feed.catchUp()
      const { cache } = control.feed
      const names = new Set([...control.definitions.flags.keys(), ...cache.storedFlags(environment).keys()])
      return { flags: [...names].sort().map((name) => featureDocument(cache, environment, name)) }
    },
  )
  api.get(
    '/api/v1/flags/:name/history',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['flags'],
        summary: 'Changes of a flag, newest first',
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
      const entries = await flagHistory(control.store, environment, name, limit)
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
        summary: 'Restore a flag to the state before its last change, or to a version',
        params: nameSchema,
        body: z.strictObject({
          environment: environmentField,
          to_version: z.int().nonnegative().optional(),
          ...restoreFields,
        }),
        response: { 200: z.union([featureDocumentSchema, previewSchema]) },
      },
    },
    async (request, reply) => {
      const { environment, to_version: toVersion } = request.body
      const { name } = request.params
      await control.feed.catchUp()
      const asked = { environment, name, action: 'restore' as const, terms: termsOf(request.body) }
      const write = flagWrite(control, request, request.body, asked)
      if ('errors' in write) return sendFieldFaults(reply, write.errors)
      const outcome = await restoreFlag(control.store, write, toVersion)
      if (outcome.kind === 'no_history') return sendNoHistory(control, reply, name, environment)
      if (outcome.kind === 'refused') return sendFieldFaults(reply, [{ field: 'to_version', rule: outcome.why }])
      const refused = sendRestoreRefusal(reply, write, outcome, await flagConflict(control, write, outcome))
      if (refused) return refused
      const warnings = await moveWarnings(control, write, outcome)
      if (outcome.kind === 'rehearsed') return { ...previewOf(control.feed.cache, write, 'restore', outcome), warnings }
      await control.feed.catchUp()
      logFlagChange(control, 'restore', write, { outcome })
      const document = featureDocument(control.feed.cache, environment, name)
      return { ...document, notes: doneInWords(control.feed.cache, write, outcome), warnings }
    },
  )
}

/** The conditions of a restore, from the fields of its body. */
export function termsOf(body: {
  readonly if_version?: number | undefined
  readonly confirm?: boolean | number | undefined
  readonly dry_run: boolean
}): WriteTerms {
  const { if_version: ifVersion, confirm, dry_run: isDryRun } = body
  return { ifVersion, confirm: confirm === false ? undefined : confirm, isDryRun }
}

/** Sends the refusals that all kinds of restore share; undefined if the restore was not refused. */
export function sendRestoreRefusal(
  reply: FastifyReply,
  { name, ifVersion }: FlagWrite,
  outcome: FlagOutcome,
  conflict: Conflict | undefined,
): FastifyReply | undefined {
  switch (outcome.kind) {
    case 'cause_missing':
      return sendFieldFaults(reply, outcome.errors)
    case 'conflict':
      return sendProblem(reply, 409, 'version_conflict', {
        detail: `flag ${name} is at version ${outcome.version}, not ${ifVersion}`,
        ...(conflict && { conflict }),
      })
    case 'unconfirmed':
      return sendProblem(reply, 409, 'confirmation_required', { detail: unconfirmedInWords(name, outcome) })
    case 'just_restored': {
      const { version, by, at } = outcome
      const detail =
        `the last change of flag ${name} is a restore already: version ${version}, by ${by} at ${at.toISOString()}; nothing was changed. ` +
        `To undo that restore, send if_version=${version}, or name a state by to_version`
      return sendProblem(reply, 409, 'already_restored', { detail })
    }
    default:
      return undefined
  }
}

function sendNoHistory(control: ControlContext, reply: FastifyReply, name: string, environment: string): FastifyReply {
  const unknown = faultOfUnknownFlag(name, control.definitions)
  if (unknown) return sendProblem(reply, 404, 'unknown_flag', { detail: unknown.fault })
  const detail = `flag ${name} has never been changed in ${environment}, so there is nothing to restore`
  return sendProblem(reply, 409, 'no_history', { detail })
}

/** A mutable copy, as the schema's type requires. */
function mutable(state: FlagState | null): z.infer<typeof stateSchema> | null {
  return state && structuredClone(state as z.infer<typeof stateSchema>)
}
