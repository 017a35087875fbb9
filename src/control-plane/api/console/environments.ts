import { z } from 'zod'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'

const environmentsSchema = z.object({
  environments: z
    .array(
      z.object({
        environment: z.enum(ENVIRONMENTS),
        reason_required: z.boolean().describe('Whether a change towards IAM requires a reason'),
      }),
    )
    .describe('Every environment, in the order in which changes are applied'),
})
/** The document of `GET /api/v1/environments`. */
export type EnvironmentsDocument = z.infer<typeof environmentsSchema>

/** The environments, and what each of them demands of a change. */
export function environmentRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/environments',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['access'],
        summary: 'The environments, and which of them require a reason',
        response: { 200: environmentsSchema },
      },
    },
    async () => ({
      environments: ENVIRONMENTS.map((environment) => ({
        environment,
        reason_required: control.reasonsRequired.includes(environment),
      })),
    }),
  )
}
