import { z } from 'zod'
import { conditionOf, ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { ROUTING_FLAG } from '../../../routing/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import type { ListedApplication } from '../../explain/application-list.ts'
import { Joined } from '../../explain/joined.ts'
import { MOST_LISTED, readStatus } from '../../explain/read-status.ts'
import { attentionNeeded, gatesInFewWords, iamReachability } from '../../explain/status.ts'
import { readBrake } from '../../flags/brake-writes.ts'
import { environmentField } from '../flags/flags.ts'
import { gatewayDocument, gatewaySchema } from '../gateways/gateways.ts'
import { listedApplicationSchema, listedDocument } from './listed-application.ts'

/** Every open console asks again after each change. */
const GAP_MS = 250

const statusSchema = z.object({
  environment: z.enum(ENVIRONMENTS),
  version: z.int(),
  healthy: z.boolean(),
  attention: z.array(z.string()).describe('What needs attention, most urgent first; empty if nothing does'),
  brake: z.object({
    on: z.boolean(),
    reason: z.string(),
    changed_by: z.string().nullable(),
    changed_at: z.string().nullable(),
  }),
  flag: z.object({
    name: z.literal(ROUTING_FLAG),
    state: z.enum(['on', 'conditional', 'off']),
    in_words: z.string(),
    version: z.int().describe('The version of its last change; 0 if it is not set'),
  }),
  applications: z.object({
    all: z.int(),
    on_iam: z.int(),
    on_rails: z.int(),
    waiting: z.int().describe('The flag is on for them, but IAM does not hold their current version'),
    not_arrived: z.int(),
    failing: z.int(),
  }),
  failing: z.array(listedApplicationSchema).describe(`The first ${MOST_LISTED} of them`),
  waiting: z.array(listedApplicationSchema).describe(`The first ${MOST_LISTED} of them`),
  gateways: z.array(gatewaySchema),
  iam: z
    .object({ state: z.enum(['reachable', 'partly', 'unreachable', 'unknown']), in_words: z.string() })
    .describe('As reported by connected gateways'),
  side_effects: z
    .object({ waiting: z.int(), dead: z.int() })
    .nullable()
    .describe('Side effects of changes; null if the database does not answer'),
  history_lost_at: z
    .string()
    .nullable()
    .describe('When this replica last found that the database had lost committed changes'),
})
/** The document of `GET /api/v1/status`. */
export type StatusDocument = z.infer<typeof statusSchema>

/** `GET /api/v1/status`: the state of an environment, and what needs attention. */
export function statusRoutes(api: Api, control: ControlContext): void {
  const documents = new Joined((environment: Environment) => statusDocument(control, environment), GAP_MS)
  api.get(
    '/api/v1/status',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['status'],
        summary: 'The state of an environment, and what needs attention',
        querystring: z.object({ environment: environmentField }),
        response: { 200: statusSchema },
      },
    },
    async (request) => documents.get(request.query.environment),
  )
}

async function statusDocument(
  control: ControlContext,
  environment: Environment,
): Promise<z.infer<typeof statusSchema>> {
  const facts = await readStatus(control, environment)
  const { applications, failing, waiting, gateways, sideEffects } = facts
  const { cache } = control.feed
  const moved = await readBrake(control.store, environment).catch(() => undefined)
  const attention = attentionNeeded(facts).map(({ sentence }) => sentence)
  const state = cache.flagState(environment, ROUTING_FLAG)
  const documents = (listed: readonly ListedApplication[]) => listed.map((one) => listedDocument(one, {}))
  return {
    ...{ environment, version: cache.version, healthy: attention.length === 0, attention },
    brake: {
      ...facts.brake,
      changed_by: moved?.changed_by ?? null,
      changed_at: moved?.changed_at?.toISOString() ?? null,
    },
    flag: {
      ...{ name: ROUTING_FLAG, state: conditionOf(state), in_words: gatesInFewWords(cache, state) },
      version: cache.storedFlags(environment).get(ROUTING_FLAG)?.version ?? 0,
    },
    applications,
    ...{ failing: documents(failing), waiting: documents(waiting), gateways: gateways.map(gatewayDocument) },
    iam: iamReachability(gateways.filter(({ isConnected }) => isConnected)),
    side_effects: sideEffects ?? null,
    history_lost_at: facts.historyLostAt === undefined ? null : new Date(facts.historyLostAt).toISOString(),
  }
}
