import { Link } from '@tanstack/react-router'
import type { ExplainDocument } from '../api/documents.ts'
import { sentenceIn } from '../format/sentences.ts'
import { SideBadge } from '../parts/badges/side.tsx'
import { Section } from '../parts/layout/section.tsx'
import { ApplicationName } from '../parts/text/name.tsx'
import { DecisionTable } from './decision-table.tsx'

interface RequestAnswerProps {
  readonly answer: ExplainDocument
  readonly assumption: string | undefined
}

/** Where one request goes, why, and what would be otherwise under the assumption. */
export function RequestAnswer({ answer, assumption }: RequestAnswerProps) {
  const { destination, because, gateways, application, table = [], assumed } = answer
  return (
    <div className="flex flex-col gap-4">
      <div role="status" className="flex flex-col gap-1">
        <p className="flex flex-wrap items-baseline gap-x-2 gap-y-1 text-lg">
          <span>
            It goes to <SideBadge side={destination} />
          </span>
          {assumed !== null && assumption !== undefined && (
            <span>
              {assumed.destination === destination ? 'and, with ' : 'but, with '}
              {assumption}, {assumed.destination === destination && 'still '}to <SideBadge side={assumed.destination} />
            </span>
          )}
        </p>
        <ul className="text-sm break-words">
          {because.map((words) => (
            <li key={words}>{sentenceIn(words)}</li>
          ))}
        </ul>
        {application !== null && (
          <p className="flex min-w-0 gap-2 text-sm">
            <Link
              to="/applications/$id"
              params={{ id: String(application.id) }}
              className="flex min-w-0 gap-2 underline"
            >
              <ApplicationName id={application.id} name={application.name ?? null} />
            </Link>
            <span className="text-faded">#{application.id}</span>
          </p>
        )}
        <ul className="text-sm text-faded">
          {gateways.in_words.map((words) => (
            <li key={words}>{sentenceIn(words)}</li>
          ))}
        </ul>
      </div>
      {table.length > 0 && (
        <Section title="The decision table: the first row that applies wins">
          <DecisionTable table={table} assumed={assumed?.table} assumption={assumption} />
        </Section>
      )}
    </div>
  )
}
