import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ENVIRONMENT_RULE, ENVIRONMENTS } from '../../../flags/index.ts'
import { OPERATORS, PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { unconfirmedInWords } from '../../flags/confirmation.ts'
import { readEnvironment, readFeatureRequest, readTerms } from '../../flags/feature-request.ts'
import {
  definitionDocument,
  definitionDocumentSchema,
  featureDocument,
  featureDocumentSchema,
} from '../../flags/flag-documents.ts'
import { changeFlag, deleteFlag, type FlagOutcome, type FlagWrite } from '../../flags/flag-writes.ts'
import { refusalOfPartialDefault } from '../../flags/iam-by-default.ts'
import { doneInWords, moveWarnings, previewOf, previewSchema } from '../../flags/preview.ts'
import {
  CHANGE_ISSUE_HEADER,
  flagWrite,
  type GivenReason,
  logFlagChange,
  REASON_HEADER,
} from '../../flags/request-context.ts'
import { faultsInWords, sendGitLabError } from '../../requests/problems.ts'
import { requestParameters } from '../../requests/request-parameters.ts'
import { flagConflict } from './flag-conflict.ts'

const READ = { roles: PEOPLE }
const WRITE = { roles: OPERATORS, environment: 'named' } as const
const nameSchema = z.object({ name: z.string().min(1).max(255) })
const environmentSchema = z.enum(ENVIRONMENTS).optional().describe(`${ENVIRONMENT_RULE}; production by default`)

const whyFields = {
  reason: z.string().optional().describe(`The reason; or in the header ${REASON_HEADER}`),
  change_issue_url: z.string().optional().describe(`The change issue; or in the header ${CHANGE_ISSUE_HEADER}`),
}

const termsFields = {
  if_version: z.int().optional().describe('Change only if the flag is still at this version'),
  confirm: z
    .union([z.boolean(), z.int()])
    .optional()
    .describe('true, or the number of applications that move; any other number is rejected with 409'),
  dry_run: z.boolean().optional().describe('Show what would happen; change nothing'),
}

/** The parameters as the OpenAPI document shows them; `readFeatureRequest` reads the actual ones. */
const setSchema = z.object({
  value: z.string().describe('true, false, a percentage, opt_out or remove_opt_out'),
  key: z.enum(['percentage_of_actors', 'percentage_of_time']).optional(),
  feature_group: z.string().optional(),
  oauth_application: z.string().optional().describe('Ids or client ids, separated by commas'),
  environment: environmentSchema,
  force: z.boolean().optional().describe('Accept a flag without a definition'),
  ...termsFields,
  ...whyFields,
})

/** GitLab's feature API, with the paths and answers that its clients expect. */
export function featureRoutes(api: Api, control: ControlContext): void {
  // Query, form and JSON all carry the parameters, so the schemas describe them and do not validate them.
  const unchecked = () => (data: unknown) => ({ value: data })
  api.get(
    '/api/v4/features',
    {
      config: READ,
      validatorCompiler: unchecked,
      schema: {
        tags: ['flags'],
        summary: 'List the flags that are set',
        querystring: z.object({ environment: environmentSchema }),
        response: { 200: z.array(featureDocumentSchema) },
      },
    },
    async (request, reply) => {
      const environment = environmentOf(request)
      if (typeof environment === 'object') return sendGitLabError(reply, 400, environment.fault)
      await control.feed.catchUp()
      const { cache } = control.feed
      const names = [...cache.storedFlags(environment).keys()].sort()
      return names.map((name) => featureDocument(cache, environment, name))
    },
  )
  api.get(
    '/api/v4/features/definitions',
    {
      config: READ,
      schema: {
        tags: ['flags'],
        summary: 'List the defined flags',
        response: { 200: z.array(definitionDocumentSchema) },
      },
    },
    async () => [...control.definitions.flags.values()].map(definitionDocument),
  )
  api.post(
    '/api/v4/features/:name',
    {
      config: WRITE,
      validatorCompiler: unchecked,
      schema: {
        tags: ['flags'],
        summary: 'Set a flag for all, for a percentage, or for specific applications',
        params: nameSchema,
        body: setSchema,
        response: { 200: previewSchema.describe('With dry_run'), 201: featureDocumentSchema },
      },
    },
    (request, reply) => setFeature(control, request, reply),
  )
  api.delete(
    '/api/v4/features/:name',
    {
      config: WRITE,
      validatorCompiler: unchecked,
      schema: {
        tags: ['flags'],
        summary: 'Delete the state of a flag; 409 if that moves applications without confirmation',
        params: nameSchema,
        querystring: z.object({ environment: environmentSchema, ...termsFields, ...whyFields }),
        response: { 200: previewSchema.describe('With dry_run'), 204: z.null() },
      },
    },
    (request, reply) => deleteFeature(control, request, reply),
  )
}

async function deleteFeature(
  control: ControlContext,
  request: FastifyRequest<{ Params: { name: string } }>,
  reply: FastifyReply,
) {
  const parameters = requestParameters(request)
  if ('fault' in parameters) return sendGitLabError(reply, 400, parameters.fault)
  const environment = readEnvironment(parameters.values.get('environment'))
  if (typeof environment === 'object') return sendGitLabError(reply, 400, environment.fault)
  const terms = readTerms(parameters.values)
  if ('fault' in terms) return sendGitLabError(reply, 400, terms.fault)
  const { name } = request.params
  if (name.includes('\0')) return sendGitLabError(reply, 400, "a flag's name holds no NUL")
  await control.feed.catchUp()
  const early = await refusalOfPartialDefault(control, environment, name)
  if (early !== undefined) return sendGitLabError(reply, 409, early)
  const write = flagWrite(control, request, saidIn(parameters.values), { environment, name, action: 'delete', terms })
  if ('errors' in write) return sendGitLabError(reply, 400, faultsInWords(write.errors))
  const outcome = await deleteFlag(control.store, write)
  if (outcome.kind === 'rehearsed') {
    const warnings = await moveWarnings(control, write, outcome)
    return reply.code(200).send({ ...previewOf(control.feed.cache, write, 'delete', outcome), warnings })
  }
  const refusal = refusalOf(outcome, write)
  if (refusal) return sendGitLabError(reply, refusal.status, refusal.why, await flagConflict(control, write, outcome))
  await control.feed.catchUp()
  logFlagChange(control, 'remove', write, { outcome })
  return reply.code(204).send(null)
}

async function setFeature(
  control: ControlContext,
  request: FastifyRequest<{ Params: { name: string } }>,
  reply: FastifyReply,
) {
  const parameters = requestParameters(request)
  if ('fault' in parameters) return sendGitLabError(reply, 400, parameters.fault)
  await control.feed.catchUp()
  const { cache } = control.feed
  const { name } = request.params
  const asked = readFeatureRequest(name, parameters.values, {
    definitions: control.definitions,
    applicationById: (id) => cache.application(id),
    applicationByClientId: (clientId) => cache.applicationByClientId(clientId),
  })
  if ('fault' in asked) return sendGitLabError(reply, 400, asked.fault)
  const { environment, terms } = asked
  const write = flagWrite(control, request, saidIn(parameters.values), { environment, name, action: 'set', terms })
  if ('errors' in write) return sendGitLabError(reply, 400, faultsInWords(write.errors))
  const outcome = await changeFlag(control.store, control.definitions, write, asked.changes)
  const warnings = await moveWarnings(control, write, outcome)
  if (outcome.kind === 'rehearsed') {
    return reply.code(200).send({ ...previewOf(cache, write, 'set', outcome), warnings })
  }
  const refusal = refusalOf(outcome, write)
  if (refusal) return sendGitLabError(reply, refusal.status, refusal.why, await flagConflict(control, write, outcome))
  await control.feed.catchUp()
  const extra = { value: parameters.values.get('value'), changes: asked.changes }
  logFlagChange(control, 'set', write, { outcome, extra })
  const document = featureDocument(control.feed.cache, environment, name)
  return reply.code(201).send({ ...document, notes: doneInWords(control.feed.cache, write, outcome), warnings })
}

/** Why nothing was written, in GitLab's format; undefined after a success. */
function refusalOf(
  outcome: FlagOutcome,
  { name, ifVersion }: FlagWrite,
): { readonly status: 400 | 409; readonly why: string } | undefined {
  switch (outcome.kind) {
    case 'refused':
      return { status: 400, why: outcome.why }
    case 'cause_missing':
      return { status: 400, why: faultsInWords(outcome.errors) }
    case 'conflict':
      return { status: 409, why: `'${name}' is at version ${outcome.version}, not ${ifVersion}` }
    case 'unconfirmed':
      return { status: 409, why: unconfirmedInWords(name, outcome) }
    default:
      return undefined
  }
}

function saidIn(values: ReadonlyMap<string, string>): GivenReason {
  return { reason: values.get('reason'), change_issue_url: values.get('change_issue_url') }
}

function environmentOf(request: FastifyRequest) {
  const parameters = requestParameters(request)
  return 'fault' in parameters ? parameters : readEnvironment(parameters.values.get('environment'))
}
