import { compileFlag, type FlagState } from '../../flags/index.ts'
import { applicationInWords, firstOf } from '../change-notes.ts'
import { hasArrived } from '../model.ts'
import { gatesOf, ROUTING_FLAGS, type View } from '../view.ts'

/** Says which applications a change of a flag would move, from where to where; `before` and `after` are its states. */
export function movesInWords(view: View, flag: string, before: FlagState, after: FlagState): string[] {
  if (!ROUTING_FLAGS.includes(flag)) return ['the flag routes nothing, so no application moves']
  const was = compileFlag(flag, gatesOf(view.definitions, before))
  const is = compileFlag(flag, gatesOf(view.definitions, after))
  const toIam: string[] = []
  const toLegacy: string[] = []
  let waiting = 0
  for (const application of view.applications()) {
    const { id } = application
    if (was(id) === is(id)) continue
    if (!hasArrived(application)) waiting++
    else (is(id) ? toIam : toLegacy).push(applicationInWords(application))
  }
  const lines = [...group(toIam, 'rails → iam'), ...group(toLegacy, 'iam → rails')]
  if (lines.length === 0) lines.push('no application moves')
  if (waiting > 0) lines.push(`${waiting} more as soon as IAM holds their current version`)
  return lines
}

function group(applications: readonly string[], direction: string): string[] {
  if (applications.length === 0) return []
  const noun = applications.length === 1 ? 'application' : 'applications'
  return [`${applications.length} ${noun} ${direction}: ${firstOf(applications)}`]
}
