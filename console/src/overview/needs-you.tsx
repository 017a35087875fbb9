import type { OverviewDocument } from '../api/documents.ts'
import { ConsoleLink } from '../parts/layout/console-link.tsx'
import { Section } from '../parts/layout/section.tsx'
import { Empty } from '../parts/states/states.tsx'
import { Time } from '../parts/text/time.tsx'

type Need = OverviewDocument['needs_you'][number]

const SEVERITIES: Readonly<Record<Need['severity'], { mark: string; words: string; form: string }>> = {
  broken: { mark: '✗', words: 'Broken', form: 'text-broken' },
  waiting: { mark: '?', words: 'Waits for you', form: 'text-ink' },
  notice: { mark: '!', words: 'Notice', form: 'text-faded' },
}

/** What waits for a person, the most severe first; each leads to the page where something can be done about it. */
export function NeedsYou({ needs }: { needs: readonly Need[] }) {
  return (
    <Section
      title="Needs you"
      aside={<span className="text-sm text-faded">{needs.length === 0 ? '' : needs.length}</span>}
    >
      {needs.length === 0 ? (
        <Empty>Nothing needs you.</Empty>
      ) : (
        <ul className="divide-y divide-line">
          {needs.map((need) => (
            <li key={`${need.kind} ${need.path} ${need.sentence}`}>
              <NeedLine need={need} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

function NeedLine({ need: { severity, sentence, path, at } }: { need: Need }) {
  const { mark, words, form } = SEVERITIES[severity]
  return (
    <ConsoleLink path={path} className="group flex items-baseline gap-2 py-2 text-sm">
      <span className={`w-4 shrink-0 text-center font-bold ${form}`}>
        <span aria-hidden="true">{mark}</span>
        <span className="sr-only">{words}:</span>
      </span>
      <span
        title={sentence}
        className="line-clamp-3 min-w-0 flex-1 break-words underline-offset-4 first-letter:uppercase group-hover:underline lg:line-clamp-2"
      >
        {sentence}
      </span>
      {at !== null && (
        <span className="shrink-0 text-faded">
          <Time at={at} show="age" />
        </span>
      )}
      <span aria-hidden="true" className="text-faded">
        ›
      </span>
    </ConsoleLink>
  )
}
