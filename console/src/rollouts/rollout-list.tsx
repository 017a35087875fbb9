import { MOST_ROLLOUTS, type RolloutDocument } from '../api/rollouts.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Section } from '../parts/layout/section.tsx'
import { Empty, TooMany } from '../parts/states/states.tsx'
import { RolloutLine } from './rollout-line.tsx'
import type { Shown } from './rollouts-search.ts'

const ENDED: ReadonlyArray<RolloutDocument['state']> = ['completed', 'aborted']

interface Group {
  readonly title: string
  readonly empty: string
  readonly rollouts: readonly RolloutDocument[]
}

/** The rollouts by what they ask of a person: those in progress, drafts, and those that ended. */
export function RolloutList({ rollouts, show }: { rollouts: readonly RolloutDocument[]; show: Shown }) {
  const environment = useEnvironment()
  const isEnded = ({ state }: RolloutDocument) => ENDED.includes(state)
  const moving: Group = {
    ...{ title: 'In progress', empty: `No rollout is in progress in ${environment}.` },
    rollouts: rollouts.filter((each) => !isEnded(each) && each.state !== 'draft'),
  }
  const drafts: Group = {
    ...{ title: 'Drafts', empty: '' },
    rollouts: rollouts.filter(({ state }) => state === 'draft'),
  }
  const ended: Group = { title: 'Ended', empty: 'No rollout has ended yet.', rollouts: rollouts.filter(isEnded) }
  const groups = show === 'ended' ? [ended] : show === 'active' ? [moving] : [moving, drafts, ended]
  return (
    <div className="flex flex-col gap-4">
      {groups
        .filter((group) => group.rollouts.length > 0 || (group.empty !== '' && (group !== ended || show === 'ended')))
        .map((group) => (
          <Section
            key={group.title}
            title={group.title}
            aside={<span className="text-sm text-faded">{group.rollouts.length || ''}</span>}
          >
            {group.rollouts.length === 0 ? (
              <Empty>{group.empty}</Empty>
            ) : (
              <ul className="divide-y divide-line">
                {group.rollouts.map((rollout) => (
                  <li key={rollout.id} className="py-3">
                    <RolloutLine rollout={rollout} />
                  </li>
                ))}
              </ul>
            )}
          </Section>
        ))}
      {rollouts.length >= MOST_ROLLOUTS && (
        <TooMany
          shown={`the newest ${MOST_ROLLOUTS}`}
          all="the rollouts"
          how="handover rollout list shows older ones by state."
        />
      )}
    </div>
  )
}
