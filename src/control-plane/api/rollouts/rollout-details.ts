import { z } from 'zod'
import { ROLLOUT_ACTIONS, type ShownEvidence, shownEvidence } from '../../../rollouts/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { callerContext } from '../../flags/request-context.ts'
import { sendProblem } from '../../requests/problems.ts'

const MOST_WAITING = 200

const detailsSchema = z.object({
  version: z.int().describe('The version of the rollout that this is about'),
  refused: z
    .array(z.object({ action: z.enum(ROLLOUT_ACTIONS), reason: z.string() }))
    .describe('What the caller cannot do with it now'),
  evidence: z
    .object({
      applications: z.int(),
      enough: z.int().describe('How many have shown what the step requires'),
      shared: z.boolean().describe('They show it all together, not each for itself'),
      waiting: z.array(z.object({ application_id: z.int(), outcomes: z.int(), failures: z.int() })),
    })
    .nullable()
    .describe(`What the applications of the step in force have shown, at most ${MOST_WAITING} of those that wait`),
  approvals: z.array(z.object({ step: z.int(), by: z.string(), at: z.string() })),
  names: z
    .record(z.string(), z.string().nullable())
    .describe('By id: the names of the applications in it, where known'),
})
/** What the page of a rollout shows besides the rollout itself. */
export type RolloutDetailsDocument = z.infer<typeof detailsSchema>

/** `GET /api/v1/rollouts/:id/details`: what its people and its applications have done, and what the caller can do. */
export function rolloutDetailsRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/rollouts/:id/details',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['rollouts'],
        summary: 'What the caller can do with a rollout now, what its step has shown, and who approved it',
        params: z.object({ id: z.coerce.number().pipe(z.int().positive().max(2_147_483_647)) }),
        response: { 200: detailsSchema },
      },
    },
    async (request, reply) => {
      const rollout = await control.rollouts.read(request.params.id)
      if (rollout === undefined) return sendProblem(reply, 404, 'not_found', { detail: 'there is no such rollout' })
      await control.feed.catchUp()
      const { by, role, channel, from } = callerContext(request)
      const refused = await control.rollouts.refused(rollout, { by, role, channel, from })
      const shown = shownEvidence(rollout, await control.guards.storedReadings(rollout.plan.environment))
      const evidence = shown === undefined ? null : evidenceDocument(shown)
      const named = [...rollout.excluded, ...(evidence?.waiting ?? [])].map(({ application_id }) => application_id)
      return {
        version: rollout.version,
        refused: [...refused].map(([action, reason]) => ({ action, reason })),
        evidence,
        approvals: rollout.approvals.map((each) => ({ ...each })),
        names: Object.fromEntries(named.map((id) => [id, control.feed.cache.application(id)?.name ?? null])),
      }
    },
  )
}

function evidenceDocument({ applications, enough, isShared, waiting }: ShownEvidence) {
  return {
    ...{ applications, enough, shared: isShared },
    waiting: waiting.slice(0, MOST_WAITING).map(({ applicationId, ...counts }) => ({
      application_id: applicationId,
      ...counts,
    })),
  }
}
