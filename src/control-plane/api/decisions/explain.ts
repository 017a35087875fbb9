import { z } from 'zod'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { ROUTING_FLAG, WIRE_DESTINATION } from '../../../routing/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import {
  type DescribedRequest,
  decideDescribed,
  flagStatus,
  reasonsInWords,
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
})

/** `POST /api/v1/explain`: where a request would go, why, and on what basis, decided by the gateway's own functions. */
export function explainRoutes(api: Api, control: ControlContext): void {
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
      return answer(cache, environment, outcome, health)
    },
  )
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
