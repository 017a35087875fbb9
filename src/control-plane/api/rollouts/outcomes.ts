import { z } from 'zod'
import {
  linesIn,
  MOST_OBSERVATIONS,
  OUTCOME_BATCH_PATH,
  OUTCOME_CAUSES,
  OUTCOME_KINDS,
  OUTCOME_SIDES,
} from '../../../outcomes/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendFieldFaults, sendProblem } from '../../requests/problems.ts'
import { environmentField, namedEnvironmentField, wordField } from '../flags/flags.ts'
import { isOutOfBounds, refuseFollower } from '../hooks/followers.ts'

/** The most counts in one answer. */
const MOST_COUNTS = 50_000
/** The default range. */
const DEFAULT_RANGE_MS = { minute: 3_600_000, hour: 86_400_000 } as const

const momentField = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], {
    error: 'must be a date, or a moment such as 2026-11-23T06:00:00Z',
  })
  .transform((text) => Date.parse(text))

const batchSchema = z.strictObject({
  instance: z.string().regex(/^[\w.:+-]{1,64}$/, 'must be a plain name'),
  environment: namedEnvironmentField,
  first: z.int().positive(),
  oldest: z.int().positive(),
  sentAt: z.number().positive(),
  isComplete: z.boolean(),
  lines: z
    .string()
    .refine((text) => linesIn(text) <= MOST_OBSERVATIONS, `must hold at most ${MOST_OBSERVATIONS} observations`),
})

const countSchema = z.object({
  application_id: z.int(),
  side: z.enum(OUTCOME_SIDES),
  kind: z.enum(OUTCOME_KINDS),
  cause: z.enum(OUTCOME_CAUSES),
  at: z.string().describe('The beginning of the minute or hour'),
  count: z.int(),
})

/** What became of flows: the door for gateways, and the counts. */
export function outcomeRoutes(api: Api, control: ControlContext): void {
  api.post(
    OUTCOME_BATCH_PATH,
    {
      config: { roles: ['gateway'] },
      schema: {
        tags: ['gateways'],
        summary: 'A gateway sends what it observed of flows, without any credential',
        body: batchSchema,
        response: { 200: z.object({ next: z.int(), stored: z.int() }) },
      },
    },
    async (request, reply) => {
      const batch = request.body
      if (isOutOfBounds(request, batch.environment)) return refuseFollower(reply, batch.environment)
      const receipt = await control.outcomes.take(batch)
      if (receipt === undefined) return sendProblem(reply, 503, 'unavailable', { detail: 'no room for outcomes now' })
      return receipt
    },
  )
  countRoute(api, control)
}

function countRoute(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/outcomes',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['rollouts'],
        summary: 'How many flows had which outcome, by application, side, kind and cause',
        querystring: z.strictObject({
          environment: environmentField,
          oauth_application: wordField.optional().describe('The id or the client_id'),
          side: z.enum(OUTCOME_SIDES).optional(),
          kind: z.enum(OUTCOME_KINDS).optional(),
          from: momentField.optional().describe('Default: an hour ago, or a day with resolution=hour'),
          to: momentField.optional().describe('Up to this moment, and not with it. Default: now'),
          resolution: z
            .enum(['minute', 'hour'])
            .default('minute')
            .describe('Minutes are kept for 2 days, hours for 90'),
        }),
        response: { 200: z.object({ outcomes: z.array(countSchema) }) },
      },
    },
    async (request, reply) => {
      const { environment, oauth_application: named, side, kind, resolution } = request.query
      const until = request.query.to ?? Date.now()
      const from = request.query.from ?? until - DEFAULT_RANGE_MS[resolution]
      if (from >= until) return sendFieldFaults(reply, [{ field: 'from', rule: 'must be before `to`' }])
      const application = named === undefined ? undefined : control.feed.cache.applicationNamed(named)
      if (named !== undefined && application === undefined) {
        return sendProblem(reply, 404, 'unknown_application', {
          detail: `no application has the id or client_id ${named}`,
        })
      }
      const counts = await control.outcomes.read({
        ...{ environment, side, kind, resolution, from, until, limit: MOST_COUNTS + 1 },
        applicationId: application?.id,
      })
      if (counts.length > MOST_COUNTS) {
        const rule = `must select at most ${MOST_COUNTS} counts: name an application, a side or a kind, or a shorter range`
        return sendFieldFaults(reply, [{ field: 'from', rule }])
      }
      return { outcomes: counts.map((count) => ({ ...count, at: new Date(count.at).toISOString() })) }
    },
  )
}
