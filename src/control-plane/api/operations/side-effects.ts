import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { flagHistory } from '../../flags/flag-writes.ts'
import { callerContext } from '../../flags/request-context.ts'
import { sendProblem } from '../../requests/problems.ts'
import { SIDE_EFFECT_KINDS } from '../../side-effects/adapter.ts'
import { SIDE_EFFECT_STATES, type StoredSideEffect } from '../../side-effects/outbox.ts'
import { recordOf } from '../../side-effects/record.ts'
import { recordEvent } from '../../state/store.ts'
import { environmentField, wordField } from '../flags/flags.ts'

const ADMINISTRATOR = { roles: ['administrator'] as const }
const idSchema = z.object({
  id: z.coerce.number().pipe(
    z
      .int()
      .positive()
      .max(2 ** 31),
  ),
})

const sideEffectSchema = z.object({
  id: z.int(),
  kind: z.enum(SIDE_EFFECT_KINDS),
  state: z.enum(SIDE_EFFECT_STATES),
  environment: z.string(),
  name: z.string(),
  version: z.int(),
  attempts: z.int(),
  last_error: z.string().nullable(),
  created_at: z.string(),
  next_attempt_at: z.string().nullable(),
})

/** A side effect, in a document of the API. */
export type SideEffectDocument = z.infer<typeof sideEffectSchema>

/** The external side effects of changes: pending, given up, and the record of a change as text. */
export function sideEffectRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/side-effects',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['side-effects'],
        summary: 'Side effects of changes, newest first',
        querystring: z.object({
          state: z.enum(SIDE_EFFECT_STATES).optional(),
          limit: z.coerce.number().pipe(z.int().min(1).max(1_000)).default(100),
        }),
        response: { 200: z.object({ side_effects: z.array(sideEffectSchema) }) },
      },
    },
    async ({ query: { state, limit } }) => ({
      side_effects: (await control.sideEffects.list(state, limit)).map(sideEffectDocument),
    }),
  )
  api.post(
    '/api/v1/side-effects/:id/retry',
    {
      config: ADMINISTRATOR,
      schema: {
        tags: ['side-effects'],
        summary: 'Retry a failed side effect from its last step',
        params: idSchema,
        response: { 200: sideEffectSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const effect = await control.sideEffects.retry(id)
      if (effect === undefined)
        return sendProblem(reply, 404, 'not_found', { detail: `no failed side effect has the id ${id}` })
      await recordDecision(control, request, 'side_effect.retry', id)
      control.log.info(
        { side_effect: id, by: request.caller?.name, correlation_id: request.id },
        'side effect tried again',
      )
      control.dispatcher.wake()
      return sideEffectDocument(effect)
    },
  )
  api.delete(
    '/api/v1/side-effects/:id',
    {
      config: ADMINISTRATOR,
      schema: {
        tags: ['side-effects'],
        summary: 'Drop a failed side effect',
        params: idSchema,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await control.sideEffects.drop(id))) {
        return sendProblem(reply, 404, 'not_found', { detail: `no failed side effect has the id ${id}` })
      }
      await recordDecision(control, request, 'side_effect.drop', id)
      control.log.info({ side_effect: id, by: request.caller?.name, correlation_id: request.id }, 'side effect dropped')
      return reply.code(204).send(null)
    },
  )
  recordRoute(api, control)
}

async function recordDecision(
  control: ControlContext,
  request: FastifyRequest,
  action: 'side_effect.retry' | 'side_effect.drop',
  id: number,
) {
  const what = { environment: null, subject: `side effect ${id}`, before: null, after: null }
  await recordEvent(control.store, { context: callerContext(request), action, ...what })
}

function recordRoute(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/flags/:name/record',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['side-effects'],
        summary: 'The record of a flag change as the text of an issue (Markdown); by default the last change',
        params: z.object({ name: wordField }),
        querystring: z.object({
          environment: environmentField,
          version: z.coerce.number().pipe(z.int().positive()).optional(),
        }),
        response: { 200: z.object({ title: z.string(), labels: z.array(z.string()), description: z.string() }) },
      },
    },
    async (request, reply) => {
      const { name } = request.params
      const { environment, version } = request.query
      const entries = await flagHistory(control.store, environment, name, version === undefined ? 1 : 1_000)
      const entry = entries.find((one) => version === undefined || one.version === version)
      if (entry === undefined) {
        const detail = `flag ${name} has no such change in ${environment}`
        return sendProblem(reply, 404, 'not_found', { detail })
      }
      const { action, before, after, changed_by: by, cause } = entry
      const event = { kind: 'flag', environment, name, action, before, after, by, version: entry.version } as const
      const record = recordOf({ ...event, cause: cause ?? undefined }, control.definitions.flags.get(name))
      return { ...record, labels: [...record.labels] }
    },
  )
}

function sideEffectDocument(effect: StoredSideEffect): SideEffectDocument {
  const { id, kind, state, event, attempts, last_error, created_at, next_attempt_at } = effect
  const { environment, name, version } = event
  const due = state === 'waiting' ? next_attempt_at.toISOString() : null
  const times = { created_at: created_at.toISOString(), next_attempt_at: due }
  return { id, kind, state, environment, name, version, attempts, last_error, ...times }
}
