import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import { movedBy, ROLLOUT_ACTIONS, ROLLOUT_STATES } from '../../../rollouts/index.ts'
import { OPERATORS, PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { readContext } from '../../flags/request-context.ts'
import { type Conflict, sendFieldFaults, sendProblem } from '../../requests/problems.ts'
import type { RolloutRefusal } from '../../rollouts/rollouts.ts'
import type { StoredRollout } from '../../rollouts/store/rollout-store.ts'
import { callerOf } from '../hooks/authentication.ts'
import { planField, sendPlanFaults } from './plan-check.ts'
import { eventDocument, eventSchema, rolloutDocument, rolloutSchema } from './rollout-document.ts'

const idParams = z.object({ id: z.coerce.number().pipe(z.int().positive().max(2_147_483_647)) })
const reason = z.string().max(500).optional().describe('Why; stored with the change')
const changeIssue = z.string().optional().describe('The change issue; by default that of the plan')
const tags = ['rollouts']

const actionSchema = z.strictObject({
  action: z.enum(ROLLOUT_ACTIONS),
  version: z.int().nonnegative().describe('The version that the rollout must still have'),
  reason,
  change_issue_url: changeIssue,
  step: z
    .int()
    .nonnegative()
    .optional()
    .describe('back: the step to go back to; approve: the step, by default the next'),
  application_id: z.int().positive().optional().describe('exclude, retry: the application'),
  oauth_application: z
    .union([z.int().positive(), z.string().min(1).max(255)])
    .optional()
    .describe('The same, by id or client_id'),
  keep: z.boolean().optional().describe('abort: leave the flag as it is'),
  overrides: z
    .array(z.enum(['production_check', 'consistency_check', 'step_limit']))
    .max(3)
    .optional()
    .describe('start: rules of ChatOps that do not apply to this rollout'),
})

/** Rollouts: plans that the control plane carries out by itself, and what people do with them. */
export function rolloutRoutes(api: Api, control: ControlContext): void {
  readingRoutes(api, control)
  api.post(
    '/api/v1/rollouts',
    {
      config: { roles: OPERATORS, environment: 'judged' },
      schema: {
        tags,
        summary: 'Create a rollout from a plan; nothing starts',
        body: z.strictObject({
          plan: planField,
          reason,
        }),
        response: { 201: rolloutSchema },
      },
    },
    async (request, reply) => {
      const read = readContext(request, request.body)
      if ('errors' in read) return sendFieldFaults(reply, read.errors)
      const created = await control.rollouts.create(request.body.plan, read.context, callerOf(request).environments)
      if ('kind' in created) return sendRefusal(reply, created)
      return reply.code(201).send(documentOf(created))
    },
  )
  api.post(
    '/api/v1/rollouts/:id/actions',
    {
      config: { roles: OPERATORS, environment: 'judged' },
      schema: {
        tags,
        summary: 'Start, steer or end a rollout',
        params: idParams,
        body: actionSchema,
        response: { 200: rolloutSchema },
      },
    },
    async (request, reply) => {
      const { body } = request
      const read = readContext(request, body)
      if ('errors' in read) return sendFieldFaults(reply, read.errors)
      const application = applicationOf(control, body)
      if (application === 'unknown') {
        return sendFieldFaults(reply, [{ field: 'oauth_application', rule: 'must be a known application' }])
      }
      const { action, version, step, keep, overrides } = body
      const asked = { action, version, step, keep, overrides, applicationId: application, context: read.context }
      const done = await control.rollouts.act(request.params.id, asked, callerOf(request).environments)
      if (!('kind' in done)) return documentOf(done)
      const conflict = done.kind === 'conflict' ? await rolloutConflict(control, request.params.id, version) : undefined
      return sendRefusal(reply, done, conflict)
    },
  )
}

function readingRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/rollouts',
    {
      config: { roles: PEOPLE },
      schema: {
        tags,
        summary: 'Rollouts, the newest first',
        querystring: z.object({
          environment: z.enum(ENVIRONMENTS).optional(),
          state: z.enum(ROLLOUT_STATES).optional(),
          limit: z.coerce.number().pipe(z.int().min(1).max(200)).default(50),
        }),
        response: { 200: z.object({ rollouts: z.array(rolloutSchema) }) },
      },
    },
    async ({ query }) => {
      const { environment, state, limit } = query
      const listed = await control.rollouts.list({
        environment,
        limit,
        states: state === undefined ? undefined : [state],
      })
      return { rollouts: listed.map(documentOf) }
    },
  )
  api.get(
    '/api/v1/rollouts/:id',
    {
      config: { roles: PEOPLE },
      schema: { tags, summary: 'A rollout', params: idParams, response: { 200: rolloutSchema } },
    },
    async (request, reply) => {
      const found = await control.rollouts.read(request.params.id)
      return found === undefined ? sendRefusal(reply, { kind: 'unknown' }) : documentOf(found)
    },
  )
  api.get(
    '/api/v1/rollouts/:id/events',
    {
      config: { roles: PEOPLE },
      schema: {
        tags,
        summary: 'The timeline of a rollout',
        params: idParams,
        querystring: z.object({
          after: z.coerce.number().pipe(z.int().nonnegative()).default(0).describe('Events after this number'),
          before: z.coerce.number().pipe(z.int().positive()).optional().describe('Events before this number'),
          order: z.enum(['oldest', 'newest']).default('oldest').describe('Which event comes first'),
          limit: z.coerce.number().pipe(z.int().min(1).max(1_000)).default(200),
        }),
        response: { 200: z.object({ events: z.array(eventSchema) }) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      if ((await control.rollouts.read(id)) === undefined) return sendRefusal(reply, { kind: 'unknown' })
      return { events: (await control.rollouts.events(id, request.query)).map(eventDocument) }
    },
  )
}

/** A rollout as the API shows it. */
export function documentOf(rollout: StoredRollout) {
  return rolloutDocument(rollout, movedBy(rollout).length)
}

function applicationOf(control: ControlContext, body: z.infer<typeof actionSchema>): number | undefined | 'unknown' {
  const { application_id, oauth_application: named } = body
  return named === undefined ? application_id : (control.feed.cache.applicationNamed(named)?.id ?? 'unknown')
}

/** What became of a rollout that someone else, or the engine, changed first. */
async function rolloutConflict(
  { rollouts }: ControlContext,
  id: number,
  version: number,
): Promise<Conflict | undefined> {
  const current = await rollouts.read(id)
  if (current === undefined) return undefined
  const [newest] = await rollouts.events(id, { order: 'newest', limit: 1 })
  const { state, step, plan } = current
  const place = step === 0 ? 'before the first step' : `at step ${step} of ${plan.steps.length}`
  const said = newest === undefined ? '' : `: ${newest.sentence}`
  return {
    decided_on: { version, in_words: null },
    current: {
      version: current.version,
      in_words: `${state}, ${place}${said}`,
      changed_by: newest?.by ?? null,
      changed_at: newest?.at ?? null,
    },
  }
}

function sendRefusal(reply: FastifyReply, refusal: RolloutRefusal, conflict?: Conflict): FastifyReply {
  switch (refusal.kind) {
    case 'unknown':
      return sendProblem(reply, 404, 'not_found', { detail: 'there is no such rollout' })
    case 'forbidden':
      return sendProblem(reply, 403, 'forbidden', { detail: refusal.why })
    case 'conflict':
      return sendProblem(reply, 409, 'version_conflict', {
        detail: `the rollout has version ${refusal.version} by now; look at it and try again`,
        ...(conflict && { conflict }),
      })
    case 'faults':
      return sendPlanFaults(reply, refusal.faults)
    case 'refused':
      return refusal.field === undefined
        ? sendProblem(reply, 409, 'change_refused', { detail: refusal.why })
        : sendFieldFaults(reply, [{ field: refusal.field, rule: refusal.why }])
  }
}
