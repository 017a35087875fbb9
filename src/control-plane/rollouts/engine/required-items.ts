import { type ChecklistEntry, openBefore, openItemInWords } from '../../../rollouts/index.ts'
import type { Checklists } from '../checklist/checklists.ts'
import type { ObstacleSource } from './facts.ts'

/** The checks ask other systems: a rollout that waits does not ask them each second. */
const KEPT_MS = 5_000

/** The items that a plan requires before its next step, or before its end, and that are not done. */
export function requiredItems(checklists: Checklists): ObstacleSource {
  const kept = new Map<
    number,
    { readonly at: number; readonly about: string; readonly open: readonly ChecklistEntry[] }
  >()
  return async (rollout, next) => {
    const { id, plan, version } = rollout
    const { environment, checklist, steps } = plan
    const step = next === undefined ? steps.length + 1 : rollout.step + 1
    if (!checklist.some(({ beforeStep }) => beforeStep <= step)) return { waits: [] }
    const about = `${version} ${step}`
    let found = kept.get(id)
    if (found === undefined || found.about !== about || performance.now() - found.at > KEPT_MS) {
      const changeIssue = rollout.changeIssueUrl ?? plan.changeIssueUrl
      const applicationIds = next?.applications
      const entries = await checklists({ environment, rollout: id, changeIssue, applicationIds, plan })
      found = { at: performance.now(), about, open: openBefore(entries, step) }
      kept.set(id, found)
    }
    return {
      waits: found.open.map((one) => openItemInWords({ ...one, command: one.command.replace(/ ID$/, ` ${id}`) })),
    }
  }
}
