import type { FlagDocument } from '../api/documents.ts'
import { Section } from '../parts/layout/section.tsx'
import { Empty } from '../parts/states/states.tsx'

const LINKS = [
  ['feature_issue_url', 'Feature issue'],
  ['introduced_by_url', 'Introduced by'],
  ['rollout_issue_url', 'Rollout issue'],
] as const

/** What the flag is for, from its definition. */
export function Definition({ definition }: { definition: FlagDocument['definition'] }) {
  if (definition === null) {
    return (
      <Section title="Definition">
        <Empty>This flag is set, and no longer defined. Nothing reads it.</Empty>
      </Section>
    )
  }
  const { description, type, group, milestone, default_enabled: isDefault } = definition
  const facts = [
    ['Type', type],
    ['Owner', group],
    ['Milestone', milestone],
    ['Default', isDefault ? 'on' : 'off'],
  ]
  return (
    <Section title="Definition">
      <div className="flex flex-col gap-3 text-sm">
        {description !== null && <p className="max-w-prose">{description}</p>}
        <dl className="flex flex-wrap gap-x-8 gap-y-2">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt className="text-faded">{name}</dt>
              <dd className="break-words">{value ?? '–'}</dd>
            </div>
          ))}
          {LINKS.map(([field, name]) => {
            const url = definition[field]
            return (
              url !== null &&
              /^https?:\/\//.test(url) && (
                <div key={field} className="min-w-0">
                  <dt className="text-faded">{name}</dt>
                  <dd>
                    <a href={url} rel="noreferrer" target="_blank" className="break-all underline underline-offset-4">
                      {url.replace(/^https?:\/\/[^/]+\//, '')}
                    </a>
                  </dd>
                </div>
              )
            )
          })}
        </dl>
      </div>
    </Section>
  )
}
