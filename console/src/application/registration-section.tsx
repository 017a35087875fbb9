import type { ReactNode } from 'react'
import type { ApplicationDocument } from '../api/documents.ts'
import { Section } from '../parts/layout/section.tsx'
import { Time } from '../parts/text/time.tsx'

const MOST_URIS = 5

/** How the platform has registered it, and which version of that iam holds. */
export function RegistrationSection({ application }: { application: ApplicationDocument }) {
  const { application: registered, arrived, version, iam_version: held, registered_at: at } = application
  const { redirect_uris: uris, scopes, confidential, trusted, has_secret } = registered
  return (
    <Section title="Registration">
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
        <Fact term="Held by iam">
          {arrived
            ? `the current version, ${version}`
            : held === null
              ? 'not yet'
              : `version ${held}, and the current version is ${version}`}
        </Fact>
        <Fact term="Client">
          {confidential ? 'confidential' : 'public'}
          {trusted && ', trusted'}
          {has_secret ? ', with a secret' : ', without a secret'}
        </Fact>
        <Fact term="Scopes">{scopes.length === 0 ? 'none' : scopes.join(' ')}</Fact>
        <Fact term="Redirect URIs">
          <ul>
            {uris.slice(0, MOST_URIS).map((uri) => (
              <li key={uri} className="break-all">
                {uri}
              </li>
            ))}
            {uris.length > MOST_URIS && <li className="text-faded">and {uris.length - MOST_URIS} more</li>}
            {uris.length === 0 && <li>none</li>}
          </ul>
        </Fact>
        {at !== null && (
          <Fact term="Changed">
            <Time at={at} />
          </Fact>
        )}
      </dl>
    </Section>
  )
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-faded">{term}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  )
}
