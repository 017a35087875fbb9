import { z } from 'zod'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import { OPERATORS, PEOPLE } from '../../access/roles/roles.ts'
import {
  COMPONENTS,
  latestDeployments,
  type RecordedDeployment,
  recordDeployment,
  STAGES,
} from '../../chatops/releases/deployments.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { callerContext } from '../../flags/request-context.ts'
import { namedEnvironmentField } from '../flags/flags.ts'

const sha = z
  .string()
  .regex(/^[0-9a-f]{7,64}$/, 'must be 7 to 64 lower-case hexadecimal digits')
  .describe('A commit')

const recordSchema = z.strictObject({
  environment: namedEnvironmentField,
  component: z.enum(COMPONENTS),
  stage: z.enum(STAGES).default('main').describe('A canary is a stage of its environment, such as gprd-cny'),
  version: z.string().regex(/^[\w.:+/-]{1,128}$/, 'must be a plain version, at most 128 characters'),
  commit: sha.nullable().default(null),
  contains: z.array(sha).max(5_000).default([]).describe('Commits that are new in it, if no other source knows them'),
})

const deploymentSchema = z.object({
  id: z.int(),
  environment: z.enum(ENVIRONMENTS),
  component: z.enum(COMPONENTS),
  stage: z.enum(STAGES),
  version: z.string(),
  commit: z.string().nullable(),
  contains: z.int().describe('Number of commits given'),
  deployed_at: z.string(),
  recorded_by: z.string(),
})

/** Which commits are deployed where: written by deployment jobs, read by `auto_deploy status`. */
export function deploymentRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/deployments',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['chatops'],
        summary: 'The latest deployment of each part in each environment',
        response: { 200: z.object({ deployments: z.array(deploymentSchema) }) },
      },
    },
    async () => ({ deployments: (await latestDeployments(control.store)).map(deploymentDocument) }),
  )
  api.post(
    '/api/v1/deployments',
    {
      config: { roles: OPERATORS, environment: 'named' },
      schema: {
        tags: ['chatops'],
        summary: 'Record the deployment of a part to an environment',
        body: recordSchema,
        response: { 201: deploymentSchema },
      },
    },
    async (request, reply) => {
      const context = callerContext(request)
      const recorded = await recordDeployment(control.store, request.body, context)
      const { environment, component, version } = recorded
      control.log.info({ environment, component, version, ...context }, 'deployment recorded')
      return reply.code(201).send(deploymentDocument(recorded))
    },
  )
}

function deploymentDocument(deployment: RecordedDeployment): z.infer<typeof deploymentSchema> {
  const { contains, deployed_at, ...rest } = deployment
  return { ...rest, contains: contains.length, deployed_at: deployed_at.toISOString() }
}
