import type { Definitions } from '../../../flags/index.ts'
import { movedBy, type RolloutEvent } from '../../../rollouts/index.ts'
import type { IssueSource } from '../../rollouts/notifications/rollout-issue.ts'
import type { Rollouts } from '../../rollouts/rollouts.ts'
import { rolloutDocument } from './rollout-document.ts'

const PAGE = 1_000
const MOST_EVENTS = 10_000

/** Reads what the issue of a rollout is written from; undefined for a rollout that does not exist. */
export async function issueSource(
  rollouts: Pick<Rollouts, 'read' | 'events'>,
  definitions: Definitions,
  id: number,
): Promise<IssueSource | undefined> {
  const found = await rollouts.read(id)
  if (found === undefined) return undefined
  const events: RolloutEvent[] = []
  for (let page = await rollouts.events(id, 0, PAGE); page.length > 0 && events.length < MOST_EVENTS; ) {
    events.push(...page)
    page = await rollouts.events(id, page.at(-1)?.number ?? 0, PAGE)
  }
  const { plan } = found
  return {
    rollout: rolloutDocument(found, movedBy(found).length),
    events,
    definition: definitions.flags.get(plan.flag),
    plan: {
      ...{ rolloutIssueUrl: plan.rolloutIssueUrl, milestone: plan.milestone, responsible: plan.notify.responsible },
    },
    changeIssueUrl: found.changeIssueUrl ?? plan.changeIssueUrl,
    checklist: [],
  }
}
