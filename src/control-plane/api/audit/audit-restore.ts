import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Environment } from '../../../flags/index.ts'
import { OPERATORS } from '../../access/roles/roles.ts'
import { readEntry } from '../../audit/audit-log.ts'
import { missingFields } from '../../audit/change-context.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { setBrake } from '../../flags/brake-writes.ts'
import { restoreFlagState } from '../../flags/flag-writes.ts'
import { doneInWords, moveWarnings, type Preview, previewOf, previewSchema } from '../../flags/preview.ts'
import { flagWrite, logFlagChange, readContext } from '../../flags/request-context.ts'
import { type Restorable, restorable, SIDES } from '../../flags/restore.ts'
import { type FieldFault, faultsInWords, sendFieldFaults, sendProblem } from '../../requests/problems.ts'
import type { Brake } from '../../state/model.ts'
import { flagConflict } from '../flags/flag-conflict.ts'
import { restoreFields, sendRestoreRefusal, termsOf } from '../flags/flags.ts'
import { callerOf } from '../hooks/authentication.ts'
import { sendBrakeConflict } from '../operations/brake.ts'

const restoreSchema = z.strictObject({
  to: z.enum(SIDES).default('before').describe('The state before the entry, or after it'),
  ...restoreFields,
})

const outcomeSchema = z.object({
  outcome: z.enum(['written', 'unchanged']),
  environment: z.string(),
  subject: z.string(),
  state: z.unknown().describe('The current state; null for a flag that is not set'),
  notes: z.array(z.string()).describe('The applications that moved'),
})

type Target<Kind extends Restorable['kind']> = Extract<Restorable, { readonly kind: Kind }>

/** Restores any state that the audit log records. */
export function auditRestoreRoute(api: Api, control: ControlContext): void {
  api.post(
    '/api/v1/audit/:number/restore',
    {
      config: { roles: OPERATORS, environment: 'judged' },
      schema: {
        tags: ['audit'],
        summary: 'Restore a flag or the brake to the state in an entry; this adds an entry',
        params: z.object({ number: z.coerce.number().pipe(z.int().positive()) }),
        body: restoreSchema,
        response: { 200: z.union([outcomeSchema, previewSchema]) },
      },
    },
    async (request, reply) => {
      const { number } = request.params
      const { to } = request.body
      const stored = await readEntry(control.store, number)
      if (stored === undefined) {
        return sendProblem(reply, 404, 'not_found', { detail: `the audit log has no entry ${number}` })
      }
      const target = restorable(stored, to)
      if (target.kind !== 'refused' && !callerOf(request).environments.includes(target.environment)) {
        const detail = `${callerOf(request).name} may not change ${target.environment}`
        return sendProblem(reply, 403, 'forbidden', { detail })
      }
      const details = { restores: { number, to } }
      switch (target.kind) {
        case 'refused':
          return sendProblem(reply, 409, 'change_refused', { detail: target.why })
        case 'flag':
          return restoreFlagOf(control, request, reply, { target, details, said: request.body })
        case 'brake':
          return restoreBrakeOf(control, request, reply, { target, details, said: request.body })
      }
    },
  )
}

interface Asked<Kind extends Restorable['kind']> {
  readonly target: Target<Kind>
  readonly details: Readonly<Record<string, unknown>>
  readonly said: z.infer<typeof restoreSchema>
}

async function restoreFlagOf(
  control: ControlContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { target, details, said }: Asked<'flag'>,
) {
  const { environment, name, state } = target
  await control.feed.catchUp()
  const write = flagWrite(control, request, said, { environment, name, action: 'restore', terms: termsOf(said) })
  if ('errors' in write) return sendFieldFaults(reply, write.errors)
  const outcome = await restoreFlagState(control.store, write, state, details)
  const refused = sendRestoreRefusal(reply, write, outcome, await flagConflict(control, write, outcome))
  if (refused) return refused
  switch (outcome.kind) {
    case 'refused':
      return sendProblem(reply, 409, 'change_refused', { detail: outcome.why })
    case 'rehearsed':
      return {
        ...previewOf(control.feed.cache, write, 'restore', outcome),
        warnings: await moveWarnings(control, write, outcome),
      }
    case 'written':
    case 'unchanged':
      await control.feed.catchUp()
      logFlagChange(control, 'restore', write, { outcome, extra: details })
      return done(environment, name, outcome.kind, outcome.after, doneInWords(control.feed.cache, write, outcome))
    default:
      throw new Error('a given state needs no history')
  }
}

async function restoreBrakeOf(
  control: ControlContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { target, details, said }: Asked<'brake'>,
) {
  const { environment, brake } = target
  const read = readContext(request, said)
  if ('errors' in read) return sendFieldFaults(reply, read.errors)
  const missing = !brake.on && control.reasonsRequired.includes(environment) ? missingFields(read.context) : []
  if (said.dry_run) return previewOfBrake(control, environment, brake, missing)
  if (missing.length > 0) return sendFieldFaults(reply, missing)
  // Putting the brake on is never refused.
  const ifVersion = brake.on ? undefined : said.if_version
  const outcome = await setBrake(control.store, environment, brake, { context: read.context, details, ifVersion })
  if (typeof outcome === 'object') return sendBrakeConflict(control, reply, environment, ifVersion ?? 0)
  await control.feed.catchUp()
  control.log.warn({ environment, on: brake.on, outcome, ...read.context, ...details }, 'brake changed')
  return done(environment, 'brake', outcome, brake, [])
}

function done(
  environment: Environment,
  subject: string,
  outcome: 'written' | 'unchanged',
  state: unknown,
  notes: readonly string[],
) {
  return { outcome, environment, subject, state, notes: [...notes] }
}

/** A brake moves no single application; it affects all of them: while it is on, no new flow goes to IAM. */
function previewOfBrake(
  control: ControlContext,
  environment: Environment,
  brake: Brake,
  missing: readonly FieldFault[],
): Preview {
  const words = ({ on, reason }: Brake) => `${on ? 'on' : 'off'}${reason === '' ? '' : `: ${reason}`}`
  return {
    ...{ dry_run: true, name: 'brake', environment, version: null },
    before: words(control.feed.cache.brake(environment)),
    after: words(brake),
    after_state: brake.on ? 'on' : 'off',
    impact: { to_iam: 0, to_rails: 0, waiting: 0 },
    confirm: null,
    notes: missing.length > 0 ? [`would be refused: ${faultsInWords(missing)}`] : [],
  }
}
