import { useCaller } from '../api/caller.ts'
import type { RolloutDetailsDocument, RolloutDocument } from '../api/rollouts.ts'
import { inDuration } from '../format/numbers.ts'
import { Section } from '../parts/layout/section.tsx'
import { Empty } from '../parts/states/states.tsx'
import { Time } from '../parts/text/time.tsx'
import { ActionLink } from './actions/action-link.tsx'
import { refusalInWords } from './actions/action-words.ts'

interface PeopleSectionProps {
  readonly rollout: RolloutDocument
  readonly details: RolloutDetailsDocument | undefined
}

/** What the rollout needs of people: approvals of steps, and someone who watches. */
export function PeopleSection({ rollout, details }: PeopleSectionProps) {
  const { steps, state, environment, watch, plan, next_step } = rollout
  const { may } = useCaller()
  const isOver = state === 'completed' || state === 'aborted'
  const isActive = state !== 'draft' && !isOver
  const mayAct = isActive && may('rollouts.act', environment)
  const asked = steps.filter(({ approval }) => (isOver ? approval === 'given' : approval !== 'none'))
  const needsWatch = plan['watch'] === undefined ? environment === 'production' : plan['watch'] !== 'unattended'
  if (!isActive && asked.length === 0) return null
  return (
    <Section title="Approvals and watch">
      <ul className="divide-y divide-line text-sm">
        {asked.map(({ number, moves, approval }) => {
          const given = details?.approvals.find((each) => each.step === number)
          return (
            <li key={number} className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1 py-2">
              <span className="min-w-0 wrap-anywhere">
                <span aria-hidden="true" className="font-bold">
                  {approval === 'given' ? '✓ ' : '? '}
                </span>
                Step {number} ({moves}):{' '}
                {given !== undefined ? (
                  <>
                    approved by <bdi>{given.by}</bdi>, <Time at={given.at} />
                  </>
                ) : approval === 'given' ? (
                  'approved'
                ) : (
                  'needs an approval'
                )}
              </span>
              {mayAct && approval === 'required' && number === next_step && (
                <ActionLink ask="approve" weight="primary" reason={refusalInWords(details, 'approve', state)}>
                  Approve …
                </ActionLink>
              )}
            </li>
          )
        })}
        {isActive && (
          <li className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1 py-2">
            <span>
              {watch !== null ? (
                <>
                  <span aria-hidden="true" className="font-bold">
                    ✓{' '}
                  </span>
                  <bdi>{watch.by}</bdi> watches for {inDuration(watch.seconds_left * 1_000)} more
                </>
              ) : needsWatch ? (
                <>
                  <span aria-hidden="true" className="font-bold">
                    ?{' '}
                  </span>
                  No one watches; steps wait for that
                </>
              ) : (
                'No one watches; the plan does not require it'
              )}
            </span>
            {mayAct && (
              <ActionLink
                ask="acknowledge"
                weight={needsWatch && watch === null ? 'primary' : 'plain'}
                reason={refusalInWords(details, 'acknowledge', state)}
              >
                Acknowledge the watch …
              </ActionLink>
            )}
          </li>
        )}
      </ul>
      {asked.length === 0 && <Empty>No step of this plan needs an approval.</Empty>}
    </Section>
  )
}
