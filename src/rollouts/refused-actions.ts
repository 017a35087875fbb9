import { type ActionFacts, actOn, ROLLOUT_ACTIONS, type RolloutAction } from './actions.ts'
import { movedBy, type PendingAuthor, type Rollout } from './rollout.ts'

/**
 * The actions that would be refused if this person asked for them now, each with the reason as a clause. What a person
 * still has to enter is no refusal: a reason counts as given, and an application as chosen where there is one.
 */
export function refusedActions(
  rollout: Rollout,
  author: PendingAuthor,
  facts: ActionFacts,
): ReadonlyMap<RolloutAction, string> {
  const refused = new Map<RolloutAction, string>()
  for (const action of ROLLOUT_ACTIONS) {
    const [excluded, moved] = [rollout.excluded[0]?.application_id, movedBy(rollout)[0]]
    const applicationId = action === 'retry' ? excluded : action === 'exclude' ? moved : undefined
    const result = actOn(rollout, { action, applicationId, reason: 'asked', author }, facts)
    if (!('refused' in result)) continue
    const isWithoutApplication = result.field === 'application'
    const none = action === 'retry' ? 'no application was taken back' : 'the rollout has moved no application'
    refused.set(action, isWithoutApplication ? none : result.refused)
  }
  return refused
}
