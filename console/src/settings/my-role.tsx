import { useQuery } from '@tanstack/react-query'
import type { MeDocument } from '../api/documents.ts'
import { meQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { EnvironmentBadge } from '../parts/badges/environment.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Time } from '../parts/text/time.tsx'
import { listed, splitRights } from './rights-in-words.ts'

/** The caller's own role, and above all what it does not allow. */
export function MyRole() {
  const me = useQuery(meQuery)
  return (
    <Section title="You">
      <QueryPart query={me} of="your role">
        {(document) => <Rights me={document} />}
      </QueryPart>
    </Section>
  )
}

function Rights({ me }: { me: MeDocument }) {
  const environment = useEnvironment()
  const here = me.environments.find((one) => one.environment === environment)
  if (here === undefined) return null
  const { allowed, denied } = splitRights(here)
  const elsewhere = me.environments.filter(({ may }) => may.length !== here.may.length)
  return (
    <div className="flex max-w-prose flex-col gap-2">
      <p className="text-lg">
        You are <strong className="font-semibold">{me.name}</strong>, {article(here.role)}{' '}
        <strong className="font-semibold">{here.role}</strong> in <EnvironmentBadge environment={environment} />.
      </p>
      <p>
        {denied.length === 0
          ? 'Your role allows everything.'
          : `Your role does not allow you to ${listed(denied).replace(/ and ([^,]*)$/, ' or $1')}.`}
      </p>
      <p className="text-sm text-faded">
        {allowed.length === 0
          ? 'You may read everything and change nothing.'
          : `You may read everything, and you may ${listed(allowed)}.`}
      </p>
      {elsewhere.length > 0 && (
        <p className="text-sm text-faded">
          Other rights apply in{' '}
          {elsewhere.map((one) => (
            <span key={one.environment} className="mr-2 inline-flex items-baseline gap-1">
              <EnvironmentBadge environment={one.environment} /> {one.role}
            </span>
          ))}
        </p>
      )}
      {me.expires_at !== null && (
        <p className="text-sm text-faded">
          Your session ends <Time at={me.expires_at} />, or earlier without activity. An administrator can change your
          role.
        </p>
      )}
    </div>
  )
}

const article = (word: string) => (/^[aeiou]/.test(word) ? 'an' : 'a')
