import type { Definitions } from '../../../flags/index.ts'
import { type ChecklistEntry, movedBy, type RolloutEvent } from '../../../rollouts/index.ts'
import type { Checklists } from '../../rollouts/checklist/checklists.ts'
import type { IssueSource } from '../../rollouts/notifications/rollout-issue.ts'
import type { Rollouts } from '../../rollouts/rollouts.ts'
import { rolloutDocument } from './rollout-document.ts'

const PAGE = 1_000
const MOST_EVENTS = 10_000

/** Where the parts of an issue are read. */
export interface IssueParts {
  readonly rollouts: Pick<Rollouts, 'read' | 'events'>
  readonly definitions: Definitions
  readonly checklists: Checklists
}

/** Reads what the issue of a rollout is written from; undefined for a rollout that does not exist. */
export async function issueSource(
  { rollouts, definitions, checklists }: IssueParts,
  id: number,
): Promise<IssueSource | undefined> {
  const found = await rollouts.read(id)
  if (found === undefined) return undefined
  const events: RolloutEvent[] = []
  for (let page = await rollouts.events(id, { limit: PAGE }); page.length > 0 && events.length < MOST_EVENTS; ) {
    events.push(...page)
    page = await rollouts.events(id, { after: page.at(-1)?.number ?? 0, limit: PAGE })
  }
  const { plan } = found
  const changeIssueUrl = found.changeIssueUrl ?? plan.changeIssueUrl
  const entries = await checklists({ environment: plan.environment, rollout: id, changeIssue: changeIssueUrl, plan })
  return {
    rollout: rolloutDocument(found, movedBy(found).length),
    events,
    definition: definitions.flags.get(plan.flag),
    plan: {
      ...{ rolloutIssueUrl: plan.rolloutIssueUrl, milestone: plan.milestone, responsible: plan.notify.responsible },
    },
    changeIssueUrl,
    checklist: entries.map(checkOf),
  }
}

/** An item of the checklist as a line of the issue. */
function checkOf({ title, sentence, state }: ChecklistEntry): IssueSource['checklist'][number] {
  return { line: `${title}: ${sentence}`, isDone: state === 'done' }
}
