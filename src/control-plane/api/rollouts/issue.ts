import { z } from 'zod'
import { OPERATORS, PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendProblem } from '../../requests/problems.ts'
import { callerOf } from '../hooks/authentication.ts'

const idParams = z.object({ id: z.coerce.number().pipe(z.int().positive().max(2_147_483_647)) })
const issueSchema = z.object({
  markdown: z.string().describe('A new issue, with the part that Handover keeps current'),
  url: z.string().nullable().describe('The issue in GitLab that is kept current; null where there is none'),
})

/** The rollout issue: as Markdown, and the one in GitLab. */
export function rolloutIssueRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/rollouts/:id/issue',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['rollouts'],
        summary: 'The rollout issue as Markdown',
        params: idParams,
        response: { 200: issueSchema },
      },
    },
    async (request, reply) => {
      const issue = await control.rolloutIssues.text(request.params.id)
      return issue ?? sendProblem(reply, 404, 'not_found', { detail: 'there is no such rollout' })
    },
  )
  api.post(
    '/api/v1/rollouts/:id/issue',
    {
      config: { roles: OPERATORS, environment: 'judged' },
      schema: {
        tags: ['rollouts'],
        summary: 'Bring the rollout issue in GitLab up to date; what people wrote in it stays',
        params: idParams,
        response: { 200: issueSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const found = await control.rollouts.read(id)
      const issue = found && (await control.rolloutIssues.text(id))
      if (found === undefined || issue === undefined) {
        return sendProblem(reply, 404, 'not_found', { detail: 'there is no such rollout' })
      }
      const { environment } = found.plan
      if (!callerOf(request).environments.includes(environment)) {
        return sendProblem(reply, 403, 'forbidden', { detail: `you may not change ${environment}` })
      }
      const outcome = await control.rolloutIssues.update(id)
      if (outcome.kind === 'delivered') return issue
      const detail =
        outcome.kind === 'none'
          ? 'the rollout has no issue in the GitLab of side_effects.gitlab: name it in the plan as rollout_issue_url'
          : `GitLab: ${outcome.why}`
      return sendProblem(
        reply,
        outcome.kind === 'none' ? 409 : 503,
        outcome.kind === 'none' ? 'change_refused' : 'unavailable',
        { detail },
      )
    },
  )
}
