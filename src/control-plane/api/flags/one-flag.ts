import { z } from 'zod'
import { actorOf } from '../../../applications/index.ts'
import { bucketOf, ENVIRONMENTS, type Environment, evaluateFlag } from '../../../flags/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { gatesInFewWords } from '../../explain/status.ts'
import { faultOfUnknownFlag, findApplication } from '../../flags/feature-request.ts'
import { definitionDocument, definitionDocumentSchema, featureDocument } from '../../flags/flag-documents.ts'
import { flagHistory } from '../../flags/flag-writes.ts'
import { sendFieldFaults, sendProblem } from '../../requests/problems.ts'
import type { ApplicationRecord } from '../../state/model.ts'
import { groupActors, type StateCache } from '../../state/state-cache.ts'
import { stateSchema, wordField } from './flags.ts'

const flagSchema = z.object({
  name: z.string(),
  definition: definitionDocumentSchema.nullable().describe('Null for a flag that is set and no longer defined'),
  environments: z
    .array(
      z.object({
        environment: z.enum(ENVIRONMENTS),
        state: z.enum(['on', 'conditional', 'off']),
        is_set: z.boolean().describe('Otherwise its default applies'),
        gates: stateSchema,
        in_words: z.string(),
        version: z.int().describe('Send it as `if_version` with a change; 0 for one that is not set'),
        changed_by: z.string().nullable(),
        changed_at: z.string().nullable(),
        waiting_applications: z.int().describe('Those that it is on for and that IAM does not hold yet'),
        is_as_others: z.boolean().describe('Whether it has the same gates in every environment'),
        preview: z
          .object({ on: z.boolean(), gate: z.string().describe('The gate that decides; none if no gate enables it') })
          .nullable()
          .describe('What the flag says of the application that was asked for'),
      }),
    )
    .describe('Every environment'),
  application: z
    .object({
      id: z.int(),
      client_id: z.string(),
      name: z.string().nullable().describe('As announced by its platform: untrusted text'),
      bucket: z.number().describe('The percentage of applications from which on the flag includes this one'),
    })
    .nullable()
    .describe('The application that was asked for'),
})
/** The document of `GET /api/v1/flags/:name`. */
export type FlagDocument = z.infer<typeof flagSchema>

/** `GET /api/v1/flags/:name`: one flag in every environment, side by side. */
export function oneFlagRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/flags/:name',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['flags'],
        summary: 'A flag in every environment, side by side',
        params: z.object({ name: wordField }),
        querystring: z.object({
          oauth_application: wordField.optional().describe('An id or client_id: says what the flag says of it'),
        }),
        response: { 200: flagSchema },
      },
    },
    async (request, reply) => {
      const { name } = request.params
      await control.feed.catchUp()
      const { cache } = control.feed
      const isSet = ENVIRONMENTS.some((environment) => cache.storedFlags(environment).has(name))
      const unknown = isSet ? undefined : faultOfUnknownFlag(name, control.definitions)
      if (unknown) return sendProblem(reply, 404, 'unknown_flag', { detail: unknown.fault })
      const { oauth_application: named } = request.query
      const application =
        named === undefined
          ? undefined
          : findApplication(named, {
              applicationById: (id) => cache.application(id),
              applicationByClientId: (clientId) => cache.applicationByClientId(clientId),
            })
      if (application !== undefined && 'fault' in application) {
        return sendFieldFaults(reply, [{ field: 'oauth_application', rule: 'must be a known application' }])
      }
      const environments = await Promise.all(
        ENVIRONMENTS.map(async (environment) => ({
          ...(await environmentOf(control, environment, name)),
          preview: application ? previewFor(cache, environment, name, application) : null,
        })),
      )
      const different = new Set(environments.map(({ gates }) => JSON.stringify(gates)))
      const definition = control.definitions.flags.get(name)
      return {
        name,
        definition: definition ? definitionDocument(definition) : null,
        environments: environments.map((each) => ({ ...each, is_as_others: different.size === 1 })),
        application: application
          ? {
              ...{ id: application.id, client_id: application.client_id, name: application.name ?? null },
              bucket: bucketOf(name, actorOf(application)) / 1_000,
            }
          : null,
      }
    },
  )
}

async function environmentOf({ store, feed: { cache } }: ControlContext, environment: Environment, name: string) {
  const gates = cache.flagState(environment, name)
  const { state, version, waiting_applications } = featureDocument(cache, environment, name)
  const [last] = await flagHistory(store, environment, name, 1)
  return {
    ...{ environment, state, version, waiting_applications },
    is_set: cache.storedFlags(environment).has(name),
    gates: structuredClone(gates) as FlagDocument['environments'][number]['gates'],
    in_words: gatesInFewWords(cache, gates),
    changed_by: last?.changed_by ?? null,
    changed_at: last?.changed_at.toISOString() ?? null,
  }
}

/** What the flag says of an application; a percentage of time decides again each time, so it counts as off. */
function previewFor(cache: StateCache, environment: Environment, name: string, application: ApplicationRecord) {
  const actor = actorOf(application)
  const { value, gate } = evaluateFlag(name, cache.flagState(environment, name), {
    targetingKey: actor,
    isMember: (group) => groupActors(cache.definitions, group).includes(actor),
  })
  return { on: value, gate }
}
