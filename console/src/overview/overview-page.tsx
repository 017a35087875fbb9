import { useQuery } from '@tanstack/react-query'
import { statusQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Page } from '../parts/layout/page.tsx'
import { Section } from '../parts/layout/section.tsx'
import { ShareBar } from '../parts/shares/share-bar.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { stateInWords } from './state-in-words.ts'

/** Is the migration well, and does it need me? */
export function OverviewPage() {
  const environment = useEnvironment()
  const status = useQuery(statusQuery(environment))
  return (
    <Page title="Overview">
      <QueryPart query={status} of="the state of the migration">
        {({ applications, attention }) => (
          <div className="flex flex-col gap-5">
            <p className="text-lg">{stateInWords(applications, attention.length)}</p>
            <ShareBar iam={applications.all === 0 ? 0 : applications.on_iam / applications.all} of="applications" />
            <Section title="Needs you">
              {attention.length === 0 ? (
                <Empty>Nothing needs you.</Empty>
              ) : (
                <ul className="flex flex-col gap-2">
                  {attention.map((sentence) => (
                    <li key={sentence}>{sentence}</li>
                  ))}
                </ul>
              )}
            </Section>
          </div>
        )}
      </QueryPart>
    </Page>
  )
}
