import { z } from 'zod'
import { ENVIRONMENTS, type Environment, type FlagState, isEnvironment } from '../../flags/index.ts'
import type { StoredEntry } from '../audit/audit-log.ts'
import { isUnaltered } from '../audit/verification.ts'
import type { Brake } from '../state/model.ts'

/** The two states that an entry records. */
export const SIDES = ['before', 'after'] as const
export type Side = (typeof SIDES)[number]

/** The state to which an entry can be restored, or why it cannot. */
export type Restorable =
  | {
      readonly kind: 'flag'
      readonly environment: Environment
      readonly name: string
      readonly state: FlagState | null
    }
  | { readonly kind: 'brake'; readonly environment: Environment; readonly brake: Brake }
  | { readonly kind: 'refused'; readonly why: string }

const stateSchema = z.strictObject({
  boolean: z.boolean(),
  actors: z.array(z.string()),
  percentage_of_actors: z.number(),
  percentage_of_time: z.number(),
  feature_groups: z.array(z.string()),
  opted_out: z.array(z.string()),
  switched_off: z.array(z.string()).optional(),
})
const brakeSchema = z.strictObject({ on: z.boolean(), reason: z.string() })

/** Reads one side of an entry. An altered entry is never used. */
export function restorable(stored: StoredEntry, side: Side): Restorable {
  const { number, entry } = stored
  const refused = (why: string): Restorable => ({ kind: 'refused', why })
  if (!isUnaltered(stored)) return refused(`entry ${number} is not as it was written: see the verification`)
  const { action, environment, subject } = entry
  if (environment === null || !isEnvironment(environment)) return notRestorable(number, action)
  if (action.startsWith('flag.')) {
    const state = stateSchema.nullable().safeParse(entry[side])
    return state.success
      ? { kind: 'flag', environment, name: subject, state: state.data }
      : refused(`entry ${number} tells of a state that this version does not know`)
  }
  if (action.startsWith('brake.')) {
    const brake = brakeSchema.safeParse(entry[side])
    if (brake.success) return { kind: 'brake', environment, brake: brake.data }
  }
  return notRestorable(number, action)
}

function notRestorable(number: number, action: string): Restorable {
  const why = `entry ${number} is of ${action}: only flags and brakes, in ${ENVIRONMENTS.join(', ')}, can be put back`
  return { kind: 'refused', why }
}
