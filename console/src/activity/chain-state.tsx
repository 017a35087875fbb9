import { useQuery } from '@tanstack/react-query'
import { sentenceOf } from '../api/problem.ts'
import { inFull } from '../format/numbers.ts'
import { Button } from '../parts/actions/button.tsx'
import { ConditionBadge } from '../parts/badges/condition.tsx'
import { Time } from '../parts/text/time.tsx'
import { verificationQuery } from './activity-queries.ts'

const WHY = {
  missing: 'it is missing',
  altered: 'its content was altered',
  unlinked: 'it does not follow the entry before it',
  not_as_remembered: 'it is not the entry that was remembered elsewhere',
} as const

/** Until which entry the chain of the log is intact, and when that was verified. */
export function ChainState() {
  const { data, error, isFetching, dataUpdatedAt, refetch } = useQuery(verificationQuery)
  return (
    <div role="status" className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <p className="text-lg">
        {data === undefined ? (
          <ConditionBadge condition="pending">
            {error === null ? 'Verifying the whole log …' : `The log was not verified. ${sentenceOf(error)}`}
          </ConditionBadge>
        ) : data.broken === null ? (
          <ConditionBadge condition="well">
            The chain is intact: all {inFull(data.sound)} entries until <Time at={new Date(dataUpdatedAt)} />.
          </ConditionBadge>
        ) : (
          <ConditionBadge condition="broken">
            The chain is broken at entry {inFull(data.broken.number)}: {WHY[data.broken.why]}. The {inFull(data.sound)}{' '}
            entries before it are intact.
          </ConditionBadge>
        )}
      </p>
      <Button isBusy={isFetching} onClick={() => void refetch()}>
        {isFetching ? 'Verifying' : 'Verify again'}
      </Button>
    </div>
  )
}
