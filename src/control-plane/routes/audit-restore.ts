import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Environment } from '../../flags/index.ts'
import { callerOf } from '../access/authentication.ts'
import { OPERATORS } from '../access/roles.ts'
import { readEntry } from '../audit/audit-log.ts'
import { missingFields } from '../audit/cause.ts'
import { flagWrite, logFlagChange, requestCause, type SaidCause } from '../audit/request-cause.ts'
import { type Restorable, restorable, SIDES } from '../audit/restore.ts'
import { setBrake } from '../brake-writes.ts'
import { restoreFlagState } from '../flag-writes.ts'
import type { Api, Plane } from '../plane.ts'
import { sendFieldFaults, sendProblem } from '../problems.ts'

const restoreSchema = z.strictObject({
  to: z.enum(SIDES).default('before').describe('The state before the entry, or after it'),
  if_version: z.int().nonnegative().optional().describe('Only if the flag is still at this version'),
  reason: z.string().optional(),
  change_issue_url: z.string().optional(),
})

const outcomeSchema = z.object({
  outcome: z.enum(['written', 'unchanged']),
  environment: z.string(),
  subject: z.string(),
  state: z.unknown().describe('As it is now; null for a flag that is not set'),
})

type Target<Kind extends Restorable['kind']> = Extract<Restorable, { readonly kind: Kind }>

/** The way back to any state that the audit log tells of. */
export function auditRestoreRoute(api: Api, plane: Plane): void {
  api.post(
    '/api/v1/audit/:number/restore',
    {
      config: { roles: OPERATORS, environment: 'judged' },
      schema: {
        tags: ['audit'],
        summary: 'Put a flag, or the brake, back to what an entry tells of; that is an entry of its own',
        params: z.object({ number: z.coerce.number().pipe(z.int().positive()) }),
        body: restoreSchema,
        response: { 200: outcomeSchema },
      },
    },
    async (request, reply) => {
      const { number } = request.params
      const { to, if_version: ifVersion } = request.body
      const stored = await readEntry(plane.store, number)
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
          return restoreFlagOf(plane, request, reply, { target, details, ifVersion, said: request.body })
        case 'brake':
          return restoreBrakeOf(plane, request, reply, { target, details, said: request.body })
      }
    },
  )
}

interface Asked<Kind extends Restorable['kind']> {
  readonly target: Target<Kind>
  readonly details: Readonly<Record<string, unknown>>
  readonly said: SaidCause
  readonly ifVersion?: number | undefined
}

async function restoreFlagOf(
  plane: Plane,
  request: FastifyRequest,
  reply: FastifyReply,
  { target, details, said, ifVersion }: Asked<'flag'>,
) {
  const { environment, name, state } = target
  const write = flagWrite(plane, request, said, { environment, name, ifVersion })
  if ('errors' in write) return sendFieldFaults(reply, write.errors)
  const outcome = await restoreFlagState(plane.store, write, state, details)
  switch (outcome.kind) {
    case 'cause_missing':
      return sendFieldFaults(reply, outcome.errors)
    case 'conflict': {
      const detail = `flag ${name} is at version ${outcome.version}, not ${ifVersion}`
      return sendProblem(reply, 409, 'version_conflict', { detail })
    }
    case 'refused':
      return sendProblem(reply, 409, 'change_refused', { detail: outcome.why })
    case 'no_history':
      throw new Error('a state that was given has no need of a history')
    case 'written':
    case 'unchanged':
      await plane.feed.catchUp()
      logFlagChange(plane, 'restore', write, outcome, details)
      return done(environment, name, outcome.kind, outcome.after)
  }
}

async function restoreBrakeOf(
  plane: Plane,
  request: FastifyRequest,
  reply: FastifyReply,
  { target, details, said }: Asked<'brake'>,
) {
  const { environment, brake } = target
  const read = requestCause(request, said)
  if ('errors' in read) return sendFieldFaults(reply, read.errors)
  const missing = !brake.on && plane.reasonsRequired.includes(environment) ? missingFields(read.cause) : []
  if (missing.length > 0) return sendFieldFaults(reply, missing)
  const outcome = await setBrake(plane.store, environment, brake, read.cause, details)
  await plane.feed.catchUp()
  plane.log.warn({ environment, on: brake.on, outcome, ...read.cause, ...details }, 'brake moved')
  return done(environment, 'brake', outcome, brake)
}

function done(environment: Environment, subject: string, outcome: 'written' | 'unchanged', state: unknown) {
  return { outcome, environment, subject, state }
}
