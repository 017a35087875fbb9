import { z } from 'zod'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { decide, type Facts, ROUTING_FLAG, type RoutingContext, WIRE_DESTINATION } from '../../../routing/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { assume } from '../../explain/assumption.ts'
import { decisionTable } from '../../explain/decision-table.ts'
import {
  type DescribedRequest,
  decideDescribed,
  factsOfClient,
  flagStatus,
  reasonsInWords,
  routingContext,
  type WhatIf,
} from '../../explain/what-if.ts'
import {
  type CommonState,
  commonState,
  type GatewayHealth,
  gatewayHealth,
  healthInWords,
  knownGateways,
} from '../../gateways/gateway-health.ts'
import { hasArrived } from '../../state/model.ts'
import type { StateCache } from '../../state/state-cache.ts'
import { environmentField } from '../flags/flags.ts'

/** The most clients in one question. */
const MOST_CLIENTS = 1_000

const headerSchema = z.record(
  z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'must be header names'),
  z.string().max(16_384),
)

const assumptionSchema = z
  .strictObject({
    brake: z.boolean().optional(),
    everyone: z.boolean().optional().describe('Whether the routing flag is on for all'),
    percentage_of_actors: z.number().min(0).max(100).optional().describe('Such as in a step of a plan'),
  })
  .describe('Another state, under which the decision is tried as well; what is left out stays as it is')

const questionSchema = z.strictObject({
  environment: environmentField,
  method: z
    .string()
    .regex(/^[A-Za-z]{1,20}$/, 'must be an HTTP method')
    .default('GET'),
  path: z
    .string()
    .max(16_384)
    .regex(
      /^\/[\x21-\x7e]*$/,
      'must be a path with its query, as it would be sent: it begins with a slash and is percent-encoded',
    )
    .default('/oauth/authorize'),
  headers: headerSchema.default({}),
  body: z
    .string()
    .max(1 << 20)
    .optional(),
  client_id: z.string().min(1).max(1_024).optional().describe('Added to the query of the path'),
  assume: assumptionSchema.optional(),
})

const tableSchema = z.array(
  z.object({
    when: z.string(),
    reason: z.string(),
    destination: z.enum(['rails', 'iam']).nullable().describe('Null where it depends on the request'),
    outcome: z.enum(['does_not_apply', 'wins', 'not_reached']),
    because: z.string().describe('Why it does not apply, or wins'),
  }),
)

const answerSchema = z.object({
  environment: z.enum(ENVIRONMENTS),
  version: z.int(),
  destination: z.enum(['rails', 'iam']),
  reason: z.string(),
  /** What the decision is based on, in words. */
  because: z.array(z.string()),
  /** The state of the gateways that decide, by name; the decision is the one that all of them would take. */
  gateways: z.object({
    connected: z.int(),
    circuit_open: z.array(z.string()),
    application_circuit_open: z.array(z.string()),
    brake_on: z.array(z.string()),
    behind: z.array(z.string()),
    in_words: z.array(z.string()),
  }),
  endpoint: z.string().nullable(),
  client_id: z.string().nullable(),
  starts_flow: z.boolean().nullable(),
  brake: z.boolean(),
  application: z
    .object({
      id: z.int(),
      client_id: z.string(),
      name: z.string().optional().describe('As announced by its platform: untrusted text'),
      version: z.int(),
      iam_version: z.int().nullable(),
      arrived: z.boolean(),
    })
    .nullable(),
  flag: z
    .object({
      name: z.literal(ROUTING_FLAG),
      on: z.boolean(),
      gate: z.string(),
      bucket: z.int(),
      percentage_of_actors: z.number(),
      version: z.int(),
    })
    .nullable(),
  table: tableSchema.optional().describe('The decision table in its order; empty for a path that is not routed'),
  assumed: z
    .object({ destination: z.enum(['rails', 'iam']), reason: z.string(), table: tableSchema })
    .nullable()
    .describe('The decision under the assumption; null without one, or for a path that is not routed'),
})
/** The document of `POST /api/v1/explain`. */
export type ExplainDocument = z.infer<typeof answerSchema>

const clientSchema = z.object({
  named: z.string(),
  application: z
    .object({ id: z.int(), name: z.string().nullable().describe('Untrusted text') })
    .nullable()
    .describe('Null for an unknown client'),
  destination: z.enum(['rails', 'iam']),
  reason: z.string(),
  because: z.array(z.string()),
  assumed: z
    .object({ destination: z.enum(['rails', 'iam']), reason: z.string() })
    .nullable()
    .describe('The decision under the assumption; null without one'),
})
const clientsSchema = z.object({ environment: z.enum(ENVIRONMENTS), clients: z.array(clientSchema) })
/** The document of `POST /api/v1/explain/clients`. */
export type ExplainedClientsDocument = z.infer<typeof clientsSchema>

/** `POST /api/v1/explain`: where a request would go, why, and on what basis, decided by the gateway's own functions. */
export function explainRoutes(api: Api, control: ControlContext): void {
  clientsRoute(api, control)
  api.post(
    '/api/v1/explain',
    {
      config: { roles: [...PEOPLE, 'gateway'], changes: 'nothing' },
      schema: {
        tags: ['routing'],
        summary: 'Explain where a request would be routed, and why',
        body: questionSchema,
        response: { 200: answerSchema },
      },
    },
    async (request) => {
      await control.feed.catchUp()
      const { cache } = control.feed
      const { environment } = request.body
      const health = gatewayHealth(await knownGateways(control), environment)
      const now = Date.now() / 1_000
      const outcome = decideDescribed(cache, environment, describe(request.body), control, now, commonState(health))
      return {
        ...answer(cache, environment, outcome, health),
        ...tablesOf(cache, request.body, outcome.facts, commonState(health)),
      }
    },
  )
}

/** Where new flows of many clients would go. */
function clientsRoute(api: Api, control: ControlContext): void {
  api.post(
    '/api/v1/explain/clients',
    {
      config: { roles: PEOPLE, changes: 'nothing' },
      schema: {
        tags: ['routing'],
        summary: 'Where a new flow of each of these clients would go, and why',
        body: z.strictObject({
          environment: environmentField,
          clients: z
            .array(z.string().min(1).max(1_024))
            .min(1)
            .max(MOST_CLIENTS, `must be at most ${MOST_CLIENTS} clients`)
            .describe('client_ids, or ids of applications'),
          assume: assumptionSchema.optional(),
        }),
        response: { 200: clientsSchema },
      },
    },
    async (request) => {
      await control.feed.catchUp()
      const { cache } = control.feed
      const { environment, clients, assume: assumption } = request.body
      const common = commonState(gatewayHealth(await knownGateways(control), environment))
      const assumed = assumption && assume(cache, environment, assumption)
      return {
        environment,
        clients: clients.map((named) => {
          const application = cache.applicationNamed(named)
          const facts = factsOfClient(application?.client_id ?? named, undefined)
          const context = routingContext(cache, environment, facts, common)
          const decision = decide(facts, context)
          const other = assumed && decide(facts, assumed(context))
          return {
            named,
            application: application ? { id: application.id, name: application.name ?? null } : null,
            destination: WIRE_DESTINATION[decision.destination],
            reason: decision.reason,
            because: reasonsInWords(cache, environment, { decision, facts }),
            assumed: other ? { destination: WIRE_DESTINATION[other.destination], reason: other.reason } : null,
          }
        }),
      }
    },
  )
}

/** The decision table, and the same under the assumption of the question. */
function tablesOf(
  cache: StateCache,
  { environment, assume: assumption }: Pick<z.infer<typeof questionSchema>, 'environment' | 'assume'>,
  facts: Facts | undefined,
  common: CommonState,
): Required<Pick<ExplainDocument, 'table' | 'assumed'>> {
  if (facts === undefined) return { table: [], assumed: null }
  const context = routingContext(cache, environment, facts, common)
  const table = tableOf(facts, context)
  if (assumption === undefined) return { table, assumed: null }
  const other = assume(cache, environment, assumption)(context)
  const { destination, reason } = decide(facts, other)
  return { table, assumed: { destination: WIRE_DESTINATION[destination], reason, table: tableOf(facts, other) } }
}

function tableOf(facts: Facts, context: RoutingContext) {
  return decisionTable(facts, context).map(({ destination, ...row }) => {
    return { ...row, destination: destination === undefined ? null : WIRE_DESTINATION[destination] }
  })
}

function describe(question: z.infer<typeof questionSchema>): DescribedRequest {
  const headers = Object.entries(question.headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  const find = (wanted: string) => headers.find(([name]) => name === wanted)?.[1]
  const { path, client_id: clientId } = question
  const separator = path.includes('?') ? '&' : '?'
  return {
    method: question.method.toUpperCase(),
    target:
      clientId === undefined ? path : `${path}${separator}client_id=${encodeURIComponent(clientId.toWellFormed())}`,
    contentType: find('content-type') ?? (question.body === undefined ? undefined : guessType(question.body)),
    authorization: find('authorization'),
    hasRepeatedHeader: new Set(headers.map(([name]) => name)).size < headers.length,
    body: question.body === undefined ? undefined : Buffer.from(question.body),
  }
}

function guessType(body: string): string {
  return body.trimStart().startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded'
}

function answer(
  cache: StateCache,
  environment: Environment,
  outcome: WhatIf,
  health: GatewayHealth,
): Omit<ExplainDocument, 'table' | 'assumed'> {
  const { decision, facts } = outcome
  const application = facts?.clientId === undefined ? undefined : cache.applicationByClientId(facts.clientId)
  return {
    environment,
    version: cache.version,
    destination: WIRE_DESTINATION[decision.destination],
    reason: decision.reason,
    because: reasonsInWords(cache, environment, outcome),
    gateways: {
      connected: health.connected,
      circuit_open: [...health.circuitOpen],
      application_circuit_open: [...health.applicationCircuitOpen(application?.id)],
      brake_on: [...health.brakeOn],
      behind: [...health.behind],
      in_words: healthInWords(health, application?.id),
    },
    endpoint: facts?.endpoint ?? null,
    client_id: facts?.clientId?.slice(0, 255) ?? null,
    starts_flow: facts?.startsFlow ?? null,
    brake: cache.brake(environment).on,
    application: application ? { ...application, arrived: hasArrived(application) } : null,
    flag: application ? { ...flagStatus(cache, environment, application), name: ROUTING_FLAG } : null,
  }
}
