import { useQuery } from '@tanstack/react-query'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Time } from '../parts/text/time.tsx'
import { correlationQuery } from './explain-queries.ts'

/** What a request with this correlation id changed, and where to find a request that was only routed. */
export function CorrelationAnswer({ id }: { id: string }) {
  const entries = useQuery(correlationQuery(id))
  return (
    <QueryPart query={entries} of="what this request changed">
      {({ entries: all }) => (
        <div role="status" className="flex max-w-prose flex-col gap-2">
          {all.length === 0 ? (
            <p className="text-lg">The audit log has no change under this correlation id.</p>
          ) : (
            <ul className="text-lg">
              {all.map(({ number, sentence, at }) => (
                <li key={number} className="break-words">
                  <bdi>{sentence}</bdi>{' '}
                  <span className="text-sm text-faded">
                    <Time at={at} />
                  </span>
                </li>
              ))}
            </ul>
          )}
          <p className="text-sm text-faded">
            Only the audit log was searched. Requests that changed nothing here, such as every routed OAuth request, are
            in the logs of the gateways alone. Search those for <span className="font-mono break-all">{id}</span>, and
            paste the line here: it names the client, and the table shows where that client goes now.
          </p>
        </div>
      )}
    </QueryPart>
  )
}
