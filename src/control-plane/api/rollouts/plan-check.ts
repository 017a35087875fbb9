import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import { evidenceInWords, movesInWords, type PlanFault, planFaultInWords } from '../../../rollouts/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendProblem } from '../../requests/problems.ts'

/** A plan as it is sent. */
export const planField = z.union([z.string(), z.record(z.string(), z.unknown())]).describe('An object, or YAML as text')

const faultSchema = z.object({
  field: z.string().describe('Empty for the plan as a whole'),
  line: z.int().nullable().describe('From 1; null for a plan that is an object'),
  column: z.int().nullable(),
  rule: z.string(),
})

const checkSchema = z.object({
  valid: z.boolean(),
  faults: z.array(faultSchema),
  plan: z
    .object({
      name: z.string(),
      flag: z.string(),
      environment: z.enum(ENVIRONMENTS),
      mode: z.enum(['act', 'advise']),
      soak_seconds: z.number(),
      steps: z.array(
        z.object({
          number: z.int(),
          moves: z.string(),
          dwell_seconds: z.number(),
          evidence: z.string(),
          needs_approval: z.boolean(),
        }),
      ),
    })
    .nullable()
    .describe('What the plan says; null while it has faults'),
})
/** The document of `POST /api/v1/rollouts/validate`. */
export type PlanCheckDocument = z.infer<typeof checkSchema>

/** `POST /api/v1/rollouts/validate`: the faults of a plan with their places, quickly enough to check while typing. */
export function planCheckRoutes(api: Api, control: ControlContext): void {
  api.post(
    '/api/v1/rollouts/validate',
    {
      config: { roles: PEOPLE, changes: 'nothing' },
      schema: {
        tags: ['rollouts'],
        summary: 'The faults of a plan with line and column, or what it says',
        body: z.strictObject({ plan: planField }),
        response: { 200: checkSchema },
      },
    },
    async (request): Promise<PlanCheckDocument> => {
      const read = await control.rollouts.readPlan(request.body.plan)
      if ('faults' in read) return { valid: false, faults: read.faults.map((fault) => ({ ...fault })), plan: null }
      const { name, flag, environment, mode, soakMs, steps } = read.plan
      return {
        valid: true,
        faults: [],
        plan: {
          ...{ name, flag, environment, mode, soak_seconds: soakMs / 1_000 },
          steps: steps.map(({ number, moves, dwellMs, evidence, needsApproval }) => ({
            ...{ number, moves: movesInWords(moves), dwell_seconds: dwellMs / 1_000 },
            ...{ evidence: evidenceInWords(evidence), needs_approval: needsApproval },
          })),
        },
      }
    },
  )
}

/** Answers 400 with the faults of a plan, each with its place. */
export function sendPlanFaults(reply: FastifyReply, faults: readonly PlanFault[]): FastifyReply {
  return sendProblem(reply, 400, 'invalid_request', {
    detail: faults.map(planFaultInWords).join('; '),
    errors: faults.map(({ field, ...fault }) => ({ field: field === '' ? 'plan' : field, ...fault })),
  })
}
