import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { sentenceOf } from '../api/problem.ts'
import { counted, inFull } from '../format/numbers.ts'
import { Button } from '../parts/actions/button.tsx'
import { ConditionBadge } from '../parts/badges/condition.tsx'
import { Time } from '../parts/text/time.tsx'
import { lastVerificationQuery, verificationQuery } from './activity-queries.ts'

const WHY = {
  missing: 'it is missing',
  altered: 'its content was altered',
  unlinked: 'it does not follow the entry before it',
  not_as_remembered: 'it is not the entry that was remembered elsewhere',
} as const

/** Until which entry the chain of the log is intact, and when that was verified. */
export function ChainState() {
  const last = useQuery(lastVerificationQuery)
  const [isAsked, setAsked] = useState(false)
  // Before the control plane has verified the log for the first time, this page does it.
  const isNeeded = isAsked || last.isError || (last.data !== undefined && last.data.found === null)
  const now = useQuery({ ...verificationQuery, enabled: isNeeded })
  const found = now.data ?? last.data?.found ?? undefined
  const at = now.data === undefined ? (last.data?.at ?? null) : new Date(now.dataUpdatedAt)
  return (
    <div role="status" className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <p className="text-lg">
        {found === undefined ? (
          <ConditionBadge condition="pending">
            {now.error === null ? 'Verifying the whole log …' : `The log was not verified. ${sentenceOf(now.error)}`}
          </ConditionBadge>
        ) : found.broken === null ? (
          <ConditionBadge condition="well">
            The chain is intact
            {at !== null && (
              <>
                {' '}
                until <Time at={at} />
              </>
            )}
            : {counted(found.sound, 'entry', 'entries')} verified.
          </ConditionBadge>
        ) : (
          <ConditionBadge condition="broken">
            The chain is broken at entry {inFull(found.broken.number)}: {WHY[found.broken.why]}. The{' '}
            {inFull(found.sound)} entries before it are intact.
          </ConditionBadge>
        )}
      </p>
      <Button isBusy={now.isFetching} onClick={() => (isAsked ? void now.refetch() : setAsked(true))}>
        {now.isFetching ? 'Verifying' : 'Verify now'}
      </Button>
      {found !== undefined && now.error !== null && (
        <p className="text-sm text-broken">✗ It was not verified again. {sentenceOf(now.error)}</p>
      )}
    </div>
  )
}
