import { z } from 'zod'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { gatesInFewWords } from '../../explain/status.ts'
import { faultOfUnknownFlag } from '../../flags/feature-request.ts'
import { definitionDocument, definitionDocumentSchema, featureDocument } from '../../flags/flag-documents.ts'
import { flagHistory } from '../../flags/flag-writes.ts'
import { sendProblem } from '../../requests/problems.ts'
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
      }),
    )
    .describe('Every environment'),
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
      const environments = await Promise.all(
        ENVIRONMENTS.map((environment) => environmentOf(control, environment, name)),
      )
      const different = new Set(environments.map(({ gates }) => JSON.stringify(gates)))
      const definition = control.definitions.flags.get(name)
      return {
        name,
        definition: definition ? definitionDocument(definition) : null,
        environments: environments.map((each) => ({ ...each, is_as_others: different.size === 1 })),
      }
    },
  )
}

async function environmentOf(
  { store, feed: { cache } }: ControlContext,
  environment: (typeof ENVIRONMENTS)[number],
  name: string,
) {
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
