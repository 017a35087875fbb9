import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type RolloutEventDocument, rolloutEventsQuery } from '../api/rollouts.ts'
import { Button } from '../parts/actions/button.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Time } from '../parts/text/time.tsx'

const FEW = 8

/** Everything that happened to it, the newest first. */
export function Timeline({ id }: { id: string }) {
  const events = useInfiniteQuery(rolloutEventsQuery(id))
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = events
  const [isShort, setShort] = useState(true)
  const loaded = events.data?.pages.reduce((sum, page) => sum + page.events.length, 0) ?? 0
  const isCut = isShort && loaded > FEW
  return (
    <Section title="Timeline">
      <QueryPart query={events} of="the timeline">
        {({ pages }) => (
          <ol className="divide-y divide-line text-sm">
            {pages
              .flatMap((page) => page.events)
              .slice(0, isShort ? FEW : undefined)
              .map((event) => (
                <Event key={event.number} event={event} />
              ))}
          </ol>
        )}
      </QueryPart>
      {(isCut || hasNextPage) && (
        <Button isBusy={isFetchingNextPage} onClick={() => (isCut ? setShort(false) : void fetchNextPage())}>
          Show earlier events
        </Button>
      )}
    </Section>
  )
}

function Event({ event: { at, by, sentence } }: { event: RolloutEventDocument }) {
  return (
    <li className="py-2">
      <p className="wrap-anywhere">{sentence}</p>
      <p className="text-faded">
        <Time at={at} />, by <bdi>{by}</bdi>
      </p>
    </li>
  )
}
