import { useQuery } from '@tanstack/react-query'
import type { Environment, FlagHistoryDocument } from '../api/documents.ts'
import { Button } from '../parts/actions/button.tsx'
import { EnvironmentBadge } from '../parts/badges/environment.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { Time } from '../parts/text/time.tsx'
import { flagHistoryQuery } from './flag-queries.ts'
import { type FlagWish, restoreWish } from './flag-wish.ts'
import { stateInWords } from './state-in-words.ts'

type Entry = FlagHistoryDocument['entries'][number]

interface FlagHistoryProps {
  readonly name: string
  readonly environment: Environment
  /** Called with the wish to restore a state; undefined for those who may not. */
  readonly onRestore: ((wish: FlagWish) => void) | undefined
}

/** The latest changes of the flag in the environment of the page, newest first, each with the state that it made. */
export function FlagHistory({ name, environment, onRestore }: FlagHistoryProps) {
  const history = useQuery(flagHistoryQuery(name, environment))
  return (
    <Section title="History" aside={<EnvironmentBadge environment={environment} />}>
      <QueryPart query={history} of="the history">
        {({ entries }) =>
          entries.length === 0 ? (
            <Empty>The flag has never been changed in {environment}.</Empty>
          ) : (
            <ol className="divide-y divide-line text-sm">
              {entries.map((entry, at) => (
                <li
                  key={entry.version}
                  className="flex flex-col items-start justify-between gap-x-6 gap-y-2 py-2 sm:flex-row sm:items-center"
                >
                  <Change entry={entry} />
                  {onRestore !== undefined && (
                    <span className="shrink-0 whitespace-nowrap">
                      <Button
                        onClick={() => onRestore(restoreWish(name, environment, at === 0 ? undefined : entry.version))}
                      >
                        {at === 0 ? 'Take back …' : 'Restore …'}
                      </Button>
                    </span>
                  )}
                </li>
              ))}
            </ol>
          )
        }
      </QueryPart>
    </Section>
  )
}

function Change({ entry: { version, before, after, changed_by: by, changed_at: at, cause } }: { entry: Entry }) {
  return (
    <div className="min-w-0 break-words">
      <p>
        {stateInWords(before)} → <span className="font-medium">{stateInWords(after)}</span>
      </p>
      <p className="text-faded">
        <Time at={at} /> by <bdi>{by}</bdi>, version {version}
        {cause?.reason !== undefined && cause.reason !== '' && (
          <>
            {' '}
            · <bdi>{cause.reason}</bdi>
          </>
        )}
      </p>
    </div>
  )
}
