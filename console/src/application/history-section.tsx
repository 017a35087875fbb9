import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { HistoryDocument } from '../api/documents.ts'
import { historyQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Button } from '../parts/actions/button.tsx'
import { Section } from '../parts/layout/section.tsx'
import { Empty, Failure } from '../parts/states/states.tsx'
import { Time } from '../parts/text/time.tsx'

type Entry = HistoryDocument['entries'][number]

/** What happened to the application over flags, rollouts, exclusions, reports and its registration, newest first. */
export function HistorySection({ id, newest }: { id: string; newest: HistoryDocument }) {
  const environment = useEnvironment()
  // Where the older part begins stays fixed while it is read, even when something new happens.
  const [from, setFrom] = useState<string>()
  const older = useInfiniteQuery({ ...historyQuery(environment, id, from ?? ''), enabled: from !== undefined })
  const more = older.data?.pages.flatMap(({ entries }) => entries) ?? []
  const hasMore = from === undefined ? newest.next !== null : older.hasNextPage
  const read = () => {
    if (from === undefined) setFrom(newest.next ?? undefined)
    else void older.fetchNextPage()
  }
  return (
    <Section title="History">
      {newest.entries.length === 0 ? (
        <Empty>Nothing has happened to it yet.</Empty>
      ) : (
        <ol className="divide-y divide-line text-sm">
          {withoutRepeats([...newest.entries, ...more]).map((entry) => (
            <li key={keyOf(entry)} className="flex flex-wrap justify-between gap-x-4 py-1.5">
              <span className="min-w-0 flex-1 basis-64 break-words">{entry.sentence}</span>
              <span className="text-faded">
                <Time at={entry.at} /> · <bdi>{entry.by}</bdi>
              </span>
            </li>
          ))}
        </ol>
      )}
      {older.error !== null && <Failure of="the older part" error={older.error} onRetry={() => void older.refetch()} />}
      {hasMore && (
        <Button weight="quiet" isBusy={older.isFetching} onClick={read}>
          Show older
        </Button>
      )}
    </Section>
  )
}

function keyOf({ at, kind, sentence }: Entry): string {
  return `${at} ${kind} ${sentence}`
}

/** A new entry moves the end of the newest part, which then overlaps with the older one. */
function withoutRepeats(entries: readonly Entry[]): Entry[] {
  return [...new Map(entries.map((entry) => [keyOf(entry), entry])).values()]
}
