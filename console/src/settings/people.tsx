import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useCaller } from '../api/caller.ts'
import type { SessionDocument } from '../api/documents.ts'
import { Button } from '../parts/actions/button.tsx'
import { PlainConfirmation } from '../parts/dialogs/plain-confirmation.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { ShortTable } from '../parts/tables/short-table.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'
import { Time } from '../parts/text/time.tsx'
import { browserInWords } from './browser-in-words.ts'
import { sessionsQuery, useSessionEnd } from './settings-queries.ts'

/** Who is signed in in a browser; everyone may end their own sessions. */
export function People() {
  const sessions = useQuery(sessionsQuery)
  const { me } = useCaller()
  const [ending, setEnding] = useState<SessionDocument>()
  const { mutateAsync } = useSessionEnd()
  const columns: Column<SessionDocument>[] = [
    {
      key: 'name',
      head: 'Person',
      cell: ({ name, current }) => (
        <>
          <bdi className="font-medium">{name}</bdi> {current && <span className="text-faded">(this session)</span>}
        </>
      ),
    },
    { key: 'browser', head: 'Browser', cell: ({ browser }) => browserInWords(browser) },
    { key: 'address', head: 'Address', cell: ({ address }) => address },
    { key: 'seen', head: 'Last seen', cell: ({ last_seen_at: at }) => <Time at={at} show="age" /> },
    { key: 'ends', head: 'Ends', cell: ({ expires_at: at }) => <Time at={at} show="moment" /> },
    { key: 'end', head: 'Action', cell: (one) => <Button onClick={() => setEnding(one)}>End …</Button> },
  ]
  return (
    <Section title={me?.role === 'administrator' ? 'People who are signed in' : 'Your sessions'}>
      <QueryPart query={sessions} of="the sessions">
        {({ sessions: all }) =>
          all.length === 0 ? (
            <Empty>No one is signed in with a browser.</Empty>
          ) : (
            <ShortTable caption="Sessions" columns={columns} rows={all} keyOf={({ id }) => id} />
          )
        }
      </QueryPart>
      {ending !== undefined && (
        <PlainConfirmation
          action={`End the session of ${ending.name}`}
          onClose={() => setEnding(undefined)}
          onConfirm={() => mutateAsync(ending.id)}
        >
          {ending.current
            ? 'This is the session of this browser: you sign in again afterwards.'
            : 'That browser has to sign in again. Changes that it has made remain.'}
        </PlainConfirmation>
      )}
    </Section>
  )
}
