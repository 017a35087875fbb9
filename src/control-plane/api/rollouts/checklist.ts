import { z } from 'zod'
import type { Environment } from '../../../flags/index.ts'
import {
  CHECKLIST_ITEMS,
  CHECKLIST_PHASES,
  type ChecklistEntry,
  type ChecklistPhase,
  openItemInWords,
  openItems,
} from '../../../rollouts/index.ts'
import { OPERATORS, PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { readContext } from '../../flags/request-context.ts'
import { sendFieldFaults } from '../../requests/problems.ts'
import { setTick } from '../../rollouts/checklist/ticks.ts'
import { environmentField } from '../flags/flags.ts'

const text = (most: number) =>
  z
    .string()
    .max(most)
    .refine((value) => !value.includes('\0') && value.isWellFormed(), 'must not hold NUL or broken Unicode')

const subjectFields = {
  environment: environmentField,
  rollout: z.coerce
    .number()
    .pipe(z.int().positive())
    .optional()
    .describe('The id of a rollout. Default: the environment'),
}

const entrySchema = z.object({
  item: z.string().describe(`One of ${CHECKLIST_ITEMS.join(', ')}, or an item of the rollout's plan`),
  title: z.string(),
  phases: z.array(z.enum(CHECKLIST_PHASES)),
  automatic: z.boolean(),
  state: z.enum(['done', 'open', 'unknown']).describe('unknown: it cannot be checked here, so it waits for a tick'),
  sentence: z.string(),
  command: z.string().describe('The command that does or shows it'),
  before_step: z
    .int()
    .nullable()
    .describe('The step that waits for it by the plan, one more than there are steps for the end; null if none does'),
  ticked_by: z.string().nullable(),
  ticked_at: z.string().nullable(),
})
export const listSchema = z.object({
  items: z.array(entrySchema),
  waiting_for: z
    .record(z.enum(CHECKLIST_PHASES), z.array(z.string()))
    .describe('What is open before, between and after the steps, in sentences'),
})

/** The checklist: what has to be done before, between and after the steps of a rollout. */
export function checklistRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/checklist',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['rollouts'],
        summary: 'The items of the checklist and their state',
        querystring: z.object({
          ...subjectFields,
          commit: z
            .string()
            .regex(/^[0-9a-f]{7,64}$/, 'must be 7 to 64 lower-case hexadecimal digits')
            .optional(),
          change_issue: text(2_048).optional().describe('The address of the change issue'),
        }),
        response: { 200: listSchema },
      },
    },
    async (request) => {
      const { environment, rollout, commit, change_issue: changeIssue } = request.query
      const plan = await planOf(control, environment, rollout)
      const entries = await control.checklists({ environment, rollout, commit, changeIssue, plan })
      return listDocument(entries)
    },
  )
  api.post(
    '/api/v1/checklist/ticks',
    {
      config: { roles: OPERATORS, environment: 'named' },
      schema: {
        tags: ['rollouts'],
        summary: 'Tick an item by hand, or remove its tick',
        body: z.strictObject({
          ...subjectFields,
          item: text(300).min(1).describe("An item of the checklist, or of the rollout's plan"),
          done: z.boolean().default(true),
          note: text(500).default(''),
        }),
        response: { 200: listSchema },
      },
    },
    async (request, reply) => {
      const { environment, rollout, item, done: isDone, note } = request.body
      const plan = await planOf(control, environment, rollout)
      const known = [...CHECKLIST_ITEMS, ...(plan?.checklist ?? []).map((one) => one.item)]
      if (!known.includes(item))
        return sendFieldFaults(reply, [{ field: 'item', rule: `must be one of ${known.join(', ')}` }])
      const read = readContext(request)
      if ('errors' in read) return sendFieldFaults(reply, read.errors)
      await setTick(control.store, { environment, rollout }, { item, isDone, note }, read.context)
      return listDocument(await control.checklists({ environment, rollout, plan }))
    },
  )
}

/** The plan of a rollout of that environment. */
async function planOf({ rollouts }: ControlContext, environment: Environment, rollout: number | undefined) {
  const plan = rollout === undefined ? undefined : (await rollouts.read(rollout))?.plan
  return plan?.environment === environment ? plan : undefined
}

function listDocument(entries: readonly ChecklistEntry[]): z.infer<typeof listSchema> {
  const openIn = (phase: ChecklistPhase) => openItems(entries, phase).map(openItemInWords)
  const waiting_for = { before: openIn('before'), between: openIn('between'), after: openIn('after') }
  return { items: entries.map(entryDocument), waiting_for }
}

function entryDocument({
  isAutomatic,
  tick,
  phases,
  beforeStep,
  ...entry
}: ChecklistEntry): z.infer<typeof entrySchema> {
  const { item, title, state, sentence, command } = entry
  return {
    ...{ item, title, state, sentence, command, phases: [...phases], automatic: isAutomatic },
    ...{ ticked_by: tick?.by ?? null, ticked_at: tick?.at.toISOString() ?? null },
    before_step: beforeStep ?? null,
  }
}
