import type { Environment, FlagState } from '../../flags/index.ts'
import type { StateCache } from '../state/state-cache.ts'
import { countOf, type Impact, impactInWords, impactOf } from './impact.ts'

/** What the caller confirms: that any number of applications may move, or exactly this number. */
export type Confirm = true | number | undefined

/**
 * The kind of change to a flag. A `set` states what the flag becomes and needs no confirmation; a `delete` and a
 * `restore` do not state it, so the caller may not know what they move.
 */
export type ChangeAction = 'set' | 'delete' | 'restore'

/**
 * How many applications may move before a change must be confirmed. A restore undoes the flip of one without a
 * confirmation, and outside production a delete may move the one test application of the checklist.
 */
function mayMove(action: ChangeAction, environment: Environment): number {
  if (action === 'set') return Number.POSITIVE_INFINITY
  return action === 'delete' && environment === 'production' ? 0 : 1
}

/** Reads `confirm` from a parameter or an option: true, or a number of applications. */
export function readConfirm(text: string | undefined): Confirm | { readonly fault: string } {
  if (text === undefined || text === 'false') return undefined
  if (text === 'true') return true
  if (/^(0|[1-9]\d{0,14})$/.test(text)) return Number(text)
  return { fault: 'confirm must be true, or the number of applications that move' }
}

/** The number with which a change must be confirmed, or undefined if it needs no confirmation. */
export function neededConfirmation(action: ChangeAction, environment: Environment, impact: Impact): number | undefined {
  const count = countOf(impact)
  const concerned = action === 'delete' ? count + impact.waiting : count
  return concerned > mayMove(action, environment) ? count : undefined
}

/** Why a change is refused: it moves `count` applications, and the confirmation is missing or has another number. */
export interface Unconfirmed {
  readonly count: number
  /** A sentence that names the applications. */
  readonly why: string
}

/** Checks a change against its confirmation; undefined if it may be made. */
export function judgeConfirmation(
  action: ChangeAction,
  environment: Environment,
  impact: Impact,
  confirm: Confirm,
): Unconfirmed | undefined {
  const count = countOf(impact)
  const would = `would move ${impactInWords(impact).join('; ') || 'no application'}`
  if (typeof confirm === 'number' && confirm !== count) return { count, why: `${would}, and ${confirm} were confirmed` }
  const isAsked = confirm === undefined && neededConfirmation(action, environment, impact) !== undefined
  return isAsked ? { count, why: would } : undefined
}

/**
 * The same as a check for a write, with the states that the write really goes from and to; null is a flag that is not
 * set.
 */
export function confirmationRule(
  cache: StateCache,
  { environment, name }: { readonly environment: Environment; readonly name: string },
  action: ChangeAction,
  confirm: Confirm,
) {
  const otherwise = cache.defaultState(environment, name)
  return (before: FlagState | null, after: FlagState | null): Unconfirmed | undefined =>
    judgeConfirmation(action, environment, impactOf(cache, name, before ?? otherwise, after ?? otherwise), confirm)
}

/** The API's answer to a write without the required confirmation. */
export function unconfirmedInWords(flag: string, { why, count }: Unconfirmed): string {
  return `the change of '${flag}' ${why}; nothing was changed. To make it, send confirm=${count}, or confirm=true for any number`
}
