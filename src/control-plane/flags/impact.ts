import { applicationInWords } from '../../applications/index.ts'
import { compileFlag, type FlagState } from '../../flags/index.ts'
import { ROUTING_FLAG } from '../../routing/index.ts'
import { type ApplicationRecord, hasArrived } from '../state/model.ts'
import { gatesOf, ROUTING_FLAGS, type StateCache } from '../state/state-cache.ts'
import { firstOf } from './notes.ts'

/** The applications whose new flows begin on the other side after a change. */
export interface Impact {
  readonly toIam: readonly ApplicationRecord[]
  readonly toRails: readonly ApplicationRecord[]
  /**
   * How many more applications the change covers that stay on legacy for now, because IAM does not hold their current
   * version.
   */
  readonly waiting: number
}

const NONE: Impact = { toIam: [], toRails: [], waiting: 0 }

/** The applications that a change of a flag moves from one of its states to another. */
export function impactOf(cache: StateCache, flag: string, before: FlagState, after: FlagState): Impact {
  if (flag !== ROUTING_FLAG) return NONE
  const was = compileFlag(flag, gatesOf(cache.definitions, before))
  const is = compileFlag(flag, gatesOf(cache.definitions, after))
  const toIam: ApplicationRecord[] = []
  const toRails: ApplicationRecord[] = []
  let waiting = 0
  for (const application of cache.applications()) {
    const { id } = application
    if (was(id) === is(id)) continue
    if (!hasArrived(application)) waiting++
    else (is(id) ? toIam : toRails).push(application)
  }
  return { toIam, toRails, waiting }
}

/** How many applications move. */
export function countOf({ toIam, toRails }: Impact): number {
  return toIam.length + toRails.length
}

/** Lists which applications move, from where to where, one line per direction; empty if none does. */
export function impactInWords({ toIam, toRails, waiting }: Impact): string[] {
  return [
    ...group(toIam, 'rails → iam'),
    ...group(toRails, 'iam → rails'),
    ...(waiting > 0 ? [`${waiting} more as soon as IAM holds their current version`] : []),
  ]
}

/** The same for a dry run, which also says that none would move. */
export function rehearsalInWords(flag: string, impact: Impact): string[] {
  if (!ROUTING_FLAGS.includes(flag)) return ['the flag routes nothing, so no application moves']
  const lines = impactInWords(impact)
  return countOf(impact) === 0 ? ['no application moves', ...lines] : lines
}

function group(applications: readonly ApplicationRecord[], direction: string): string[] {
  if (applications.length === 0) return []
  const noun = applications.length === 1 ? 'application' : 'applications'
  return [`${applications.length} ${noun} ${direction}: ${firstOf(applications.map(applicationInWords))}`]
}
