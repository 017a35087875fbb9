import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { DEFAULT_ENVIRONMENT, ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { OPERATORS, PEOPLE } from '../../access/roles/roles.ts'
import { missingFields } from '../../audit/change-context.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { readBrake, setBrake } from '../../flags/brake-writes.ts'
import { readContext } from '../../flags/request-context.ts'
import { knownGateways } from '../../gateways/gateway-health.ts'
import { sendFieldFaults, sendProblem } from '../../requests/problems.ts'
import { environmentField, namedEnvironmentField } from '../flags/flags.ts'

/** The brake of an environment. */
export const brakeSchema = z.object({
  environment: z.enum(ENVIRONMENTS),
  on: z.boolean(),
  reason: z.string(),
  version: z.int().nullable(),
  changed_by: z.string().nullable(),
  changed_at: z.string().nullable(),
  gateways: z
    .object({ all: z.int(), acting: z.int().describe('Those that have received the last change of the brake') })
    .describe('The connected gateways of the environment'),
})
/** The document of `GET /api/v1/brake`. */
export type BrakeDocument = z.infer<typeof brakeSchema>

const reasonField = z
  .string()
  .max(500)
  .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must not hold NUL or broken Unicode')
  .default('')

/** The brake: while it is on, no new flow goes to IAM, whatever the flags say. */
export function brakeRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/brake',
    {
      config: { roles: [...PEOPLE, 'gateway'] },
      schema: {
        tags: ['brake'],
        summary: 'Read the brake',
        querystring: z.object({ environment: environmentField }),
        response: { 200: brakeSchema },
      },
    },
    async (request) => brakeDocument(control, request.query.environment),
  )
  api.put(
    '/api/v1/brake',
    {
      config: { roles: OPERATORS, environment: 'named' },
      schema: {
        tags: ['brake'],
        summary: 'Switch the brake on or off',
        querystring: z.object({ environment: namedEnvironmentField.optional() }),
        body: z.strictObject({
          on: z.boolean(),
          if_version: z
            .int()
            .nonnegative()
            .optional()
            .describe('Release the brake only if it still has this version; putting it on is never refused'),
          reason: reasonField,
          change_issue_url: z.string().optional(),
          environment: namedEnvironmentField.optional(),
        }),
        response: { 200: brakeSchema },
      },
    },
    async (request, reply) => {
      const { on } = request.body
      const environment = request.body.environment ?? request.query.environment ?? DEFAULT_ENVIRONMENT
      const read = readContext(request, request.body)
      if ('errors' in read) return sendFieldFaults(reply, read.errors)
      const { context } = read
      // Setting the brake must never be refused; only releasing it is a change towards IAM.
      const missing = !on && control.reasonsRequired.includes(environment) ? missingFields(context) : []
      if (missing.length > 0) return sendFieldFaults(reply, missing)
      const reason = context.reason ?? ''
      const ifVersion = on ? undefined : request.body.if_version
      const outcome = await setBrake(control.store, environment, { on, reason }, { context, ifVersion })
      if (typeof outcome === 'object') return sendBrakeConflict(control, reply, environment, ifVersion ?? 0)
      await control.feed.catchUp()
      control.log.warn({ environment, on, outcome, ...context, reason }, 'brake changed')
      return brakeDocument(control, environment)
    },
  )
}

/** The brake of an environment as the API shows it. */
export async function brakeDocument(control: ControlContext, environment: Environment): Promise<BrakeDocument> {
  const brake = await readBrake(control.store, environment)
  const own = (await knownGateways(control)).filter((each) => each.environment === environment && each.isConnected)
  const acting = own.filter(({ snapshotVersion }) => (snapshotVersion ?? 0) >= (brake.version ?? 0)).length
  const changed_at = brake.changed_at?.toISOString() ?? null
  return { environment, ...brake, changed_at, gateways: { all: own.length, acting } }
}

/** Answers 409 with both states of a brake that someone else changed first. */
export async function sendBrakeConflict(
  { store }: ControlContext,
  reply: FastifyReply,
  environment: Environment,
  decidedOn: number,
): Promise<FastifyReply> {
  const { on, reason, version, changed_by, changed_at } = await readBrake(store, environment)
  const in_words = on ? `on${reason === '' ? '' : `: ${reason}`}` : 'off'
  const detail = `the brake of ${environment} is at version ${version ?? 0}, not ${decidedOn}`
  return sendProblem(reply, 409, 'version_conflict', {
    detail,
    conflict: {
      decided_on: { version: decidedOn, in_words: null },
      current: { version: version ?? 0, in_words, changed_by, changed_at: changed_at?.toISOString() ?? null },
    },
  })
}
