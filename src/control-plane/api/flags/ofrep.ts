import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { actorOf } from '../../../applications/index.ts'
import {
  DEFAULT_ENVIRONMENT,
  ENVIRONMENT_RULE,
  type Environment,
  type EvaluationReason,
  evaluateFlag,
  isEnvironment,
} from '../../../flags/index.ts'
import { MAX_CLIENT_ID_BYTES } from '../../../routing/index.ts'
import { READERS } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { findApplication } from '../../flags/feature-request.ts'
import { type ApplicationRecord, hasArrived } from '../../state/model.ts'
import { groupActors, ROUTING_FLAGS, type StateCache } from '../../state/state-cache.ts'

type ErrorCode = 'FLAG_NOT_FOUND' | 'TARGETING_KEY_MISSING' | 'PARSE_ERROR' | 'INVALID_CONTEXT'
type Failure = { readonly errorCode: ErrorCode; readonly errorDetails: string }

interface Context {
  readonly environment: Environment
  readonly targetingKey: string
  /** The application that the key names; undefined if there is none. */
  readonly application: ApplicationRecord | undefined
}

const requestSchema = z.object({
  context: z
    .record(z.string(), z.unknown())
    .describe('targetingKey: a client_id, an application id or actor; environment'),
})
const evaluationSchema = z.object({
  key: z.string(),
  value: z.boolean(),
  variant: z.enum(['on', 'off']),
  reason: z.enum(['STATIC', 'TARGETING_MATCH', 'SPLIT', 'DEFAULT', 'DISABLED']),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
})
type EvaluationDocument = z.infer<typeof evaluationSchema>

/** OpenFeature's remote evaluation protocol (OFREP 0.1), for readers of flags. */
export function ofrepRoutes(api: Api, control: ControlContext): void {
  const unchecked = () => (data: unknown) => ({ value: data })
  api.register(async (scope: Api) => {
    scope.setErrorHandler((error: { statusCode?: number }, request, reply) => {
      if ((error.statusCode ?? 500) < 500) return sendFailure(reply, keyOf(request), PARSE_ERROR)
      control.log.error({ err: error, route: request.routeOptions.url, request_id: request.id }, 'request failed')
      return reply.code(500).serializer(JSON.stringify).send({ errorDetails: 'the control plane failed' })
    })
    scope.post(
      '/ofrep/v1/evaluate/flags/:key',
      {
        config: { roles: READERS, changes: 'nothing' },
        validatorCompiler: unchecked,
        schema: {
          tags: ['ofrep'],
          summary: 'Evaluate one flag',
          params: z.object({ key: z.string() }),
          body: requestSchema,
          response: { 200: evaluationSchema },
        },
      },
      async (request, reply) => {
        const { key } = request.params
        const { cache } = control.feed
        const isKnown = control.definitions.flags.has(key)
        if (!isKnown)
          return sendFailure(reply, key, { errorCode: 'FLAG_NOT_FOUND', errorDetails: 'no such flag is defined' })
        const context = readContext(request.body, cache)
        if ('errorCode' in context) return sendFailure(reply, key, context)
        return evaluate(cache, key, context)
      },
    )
    scope.post(
      '/ofrep/v1/evaluate/flags',
      {
        config: { roles: READERS, changes: 'nothing' },
        validatorCompiler: unchecked,
        schema: {
          tags: ['ofrep'],
          summary: 'Evaluate all flags',
          body: requestSchema,
          response: { 200: z.object({ flags: z.array(evaluationSchema) }), 304: z.null() },
        },
      },
      async (request, reply) => {
        const { cache } = control.feed
        const context = readContext(request.body, cache)
        if ('errorCode' in context) return sendFailure(reply, undefined, context)
        const flags = [...control.definitions.flags.keys()].map((key) => evaluate(cache, key, context))
        const tag = `"${createHash('sha256').update(JSON.stringify(flags)).digest('base64url').slice(0, 27)}"`
        reply.header('ETag', tag)
        if (matches(request.headers['if-none-match'], tag)) return reply.code(304).send(null)
        return { flags }
      },
    )
  })
}

const PARSE_ERROR: Failure = {
  errorCode: 'PARSE_ERROR',
  errorDetails: 'the body must be JSON: {"context": {"targetingKey": …}}',
}

function readContext(body: unknown, cache: StateCache): Context | Failure {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return PARSE_ERROR
  const given = (body as { context?: unknown }).context
  if (given === undefined)
    return { errorCode: 'TARGETING_KEY_MISSING', errorDetails: 'context.targetingKey must be given' }
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    return { errorCode: 'INVALID_CONTEXT', errorDetails: 'context must be an object' }
  }
  const { targetingKey, environment = DEFAULT_ENVIRONMENT } = given as Record<string, unknown>
  if (targetingKey === undefined || targetingKey === '') {
    return { errorCode: 'TARGETING_KEY_MISSING', errorDetails: 'context.targetingKey must be given' }
  }
  if (typeof targetingKey !== 'string' || Buffer.byteLength(targetingKey) > MAX_CLIENT_ID_BYTES) {
    return { errorCode: 'INVALID_CONTEXT', errorDetails: 'context.targetingKey must be text of at most 255 bytes' }
  }
  if (typeof environment !== 'string' || !isEnvironment(environment)) {
    return { errorCode: 'INVALID_CONTEXT', errorDetails: `context.environment ${ENVIRONMENT_RULE}` }
  }
  const found = findApplication(targetingKey, {
    applicationById: (id) => cache.application(id),
    applicationByClientId: (clientId) => cache.applicationByClientId(clientId),
  })
  return { environment, targetingKey, application: 'fault' in found ? undefined : found }
}

function evaluate(cache: StateCache, key: string, context: Context): EvaluationDocument {
  const { environment, application } = context
  const routes = ROUTING_FLAGS.includes(key)
  const actor = application ? actorOf(application) : undefined
  const { value, reason } = evaluateFlag(key, cache.flagState(environment, key), {
    targetingKey: actor ?? (routes ? undefined : context.targetingKey),
    isMember: (group) => actor !== undefined && groupActors(cache.definitions, group).includes(actor),
    ...(routes ? {} : { draw: Math.random() }),
  })
  const metadata: EvaluationDocument['metadata'] = { environment, version: cache.version }
  if (application) metadata['application_id'] = application.id
  if (routes && application && !hasArrived(application)) {
    // The flag may be on, but no application is routed by it yet.
    return { key, value: false, variant: 'off', reason: 'DISABLED', metadata: { ...metadata, arrived: false } }
  }
  return { key, value, variant: value ? 'on' : 'off', reason: reason satisfies EvaluationReason, metadata }
}

function sendFailure(reply: FastifyReply, key: string | undefined, failure: Failure): FastifyReply {
  const status = failure.errorCode === 'FLAG_NOT_FOUND' ? 404 : 400
  return reply
    .code(status)
    .type('application/json')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(key === undefined ? failure : { key, ...failure })
}

function keyOf(request: FastifyRequest): string | undefined {
  return (request.params as { key?: string }).key
}

function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag || candidate.trim() === '*')
}
