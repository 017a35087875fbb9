import { z } from 'zod'
import { OPERATORS } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { readContext } from '../../flags/request-context.ts'
import { sendFieldFaults } from '../../requests/problems.ts'
import { namedEnvironmentField } from '../flags/flags.ts'

const problemSchema = z.object({
  id: z.int(),
  environment: z.string(),
  application_id: z.int(),
  reason: z.string(),
  reported_by: z.string(),
})

/** Problems that customers report: each holds its application until a person tries it again. */
export function problemRoutes(api: Api, control: ControlContext): void {
  api.post(
    '/api/v1/problems',
    {
      config: { roles: OPERATORS, environment: 'named' },
      schema: {
        tags: ['rollouts'],
        summary: "Record a customer's report; rollouts take the application back and do not move it",
        body: z.strictObject({
          environment: namedEnvironmentField,
          oauth_application: z
            .union([z.int().positive(), z.string().min(1).max(255)])
            .describe('The application, by id or client_id'),
          reason: z.string().optional().describe('What the customer reports; required, here or in the header'),
          change_issue_url: z.string().optional(),
        }),
        response: { 201: problemSchema },
      },
    },
    async (request, reply) => {
      const { environment, oauth_application: named } = request.body
      const read = readContext(request, request.body)
      if ('errors' in read) return sendFieldFaults(reply, read.errors)
      const { reason, by } = read.context
      if (reason === undefined) return sendFieldFaults(reply, [{ field: 'reason', rule: 'must be given' }])
      const application = control.feed.cache.applicationNamed(named)
      if (application === undefined) {
        return sendFieldFaults(reply, [{ field: 'oauth_application', rule: 'must be a known application' }])
      }
      const id = await control.rollouts.reportProblem(environment, application.id, read.context)
      control.log.info(
        { problem: id, environment, application_id: application.id, ...read.context },
        'problem reported',
      )
      return reply.code(201).send({ id, environment, application_id: application.id, reason, reported_by: by })
    },
  )
}
