import { z } from 'zod'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { type Facts, ROUTING_FLAG, WIRE_DESTINATION } from '../../../routing/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { decisionTable } from '../../explain/decision-table.ts'
import {
  type DescribedRequest,
  decideDescribed,
  decideFacts,
  factsOfClient,
  flagStatus,
  reasonsInWords,
  routingContext,
  type WhatIf,
} from '../../explain/what-if.ts'
import {
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
})

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
  table: z
    .array(
      z.object({
        when: z.string(),
        reason: z.string(),
        destination: z.enum(['rails', 'iam']).nullable().describe('Null where it depends on the request'),
        outcome: z.enum(['does_not_apply', 'wins', 'not_reached']),
        because: z.string().describe('Why it does not apply, or wins'),
      }),
    )
    .optional()
    .describe('The decision table in its order; empty for a path that is not routed'),
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
})

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
        table: outcome.facts ? tableOf(cache, environment, outcome.facts, health) : [],
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
        }),
        response: { 200: z.object({ environment: z.enum(ENVIRONMENTS), clients: z.array(clientSchema) }) },
      },
    },
    async (request) => {
      await control.feed.catchUp()
      const { cache } = control.feed
      const { environment, clients } = request.body
      const common = commonState(gatewayHealth(await knownGateways(control), environment))
      return {
        environment,
        clients: clients.map((named) => {
          const application = cache.applicationNamed(named)
          const facts = factsOfClient(application?.client_id ?? named, undefined)
          const decision = decideFacts(cache, environment, facts, common)
          return {
            named,
            application: application ? { id: application.id, name: application.name ?? null } : null,
            destination: WIRE_DESTINATION[decision.destination],
            reason: decision.reason,
            because: reasonsInWords(cache, environment, { decision, facts }),
          }
        }),
      }
    },
  )
}

function tableOf(cache: StateCache, environment: Environment, facts: Facts, health: GatewayHealth) {
  const rows = decisionTable(facts, routingContext(cache, environment, facts, commonState(health)))
  return rows.map(({ destination, ...row }) => {
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
): z.infer<typeof answerSchema> {
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
