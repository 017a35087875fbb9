import type { AuditDocument } from '../api/documents.ts'
import { ENVIRONMENTS, EnvironmentBadge } from '../parts/badges/environment.tsx'

export type Entry = AuditDocument['entries'][number]

/** The sentence of an entry with its reason, and what else the log knows of it behind a key. */
export function EntrySentence({ entry }: { entry: Entry }) {
  const { sentence, reason, change_issue_url: issue } = entry
  return (
    <details className="min-w-0 break-words">
      <summary className="list-outside pl-0.5">
        <bdi>{sentence}</bdi>
        {reason !== null && !sentence.includes(reason) && (
          <span className="block text-faded">
            Reason: <bdi>{reason}</bdi>
          </span>
        )}
      </summary>
      <EntryDetails entry={entry} />
      {issue !== null && <p className="mt-1">Change issue: {issueLink(issue)}</p>}
    </details>
  )
}

/** Only web addresses become links: the log holds whatever was sent. */
function issueLink(issue: string) {
  if (!/^https?:\/\//.test(issue)) return <bdi>{issue}</bdi>
  return (
    <a href={issue} rel="noreferrer" target="_blank" className="underline underline-offset-4">
      <bdi>{issue}</bdi>
    </a>
  )
}

function EntryDetails({ entry }: { entry: Entry }) {
  const facts = [
    ['Entry', String(entry.number)],
    ['Action', entry.action],
    ['Subject', entry.subject],
    ['Role', entry.role],
    ['Through', entry.from === null ? entry.door : `${entry.door}, from ${entry.from}`],
    ['Correlation id', entry.correlation_id],
    ['Before', written(entry.before)],
    ['After', written(entry.after)],
    ['Details', written(entry.details)],
    ['Hash', entry.hash],
  ] as const
  return (
    <dl className="mt-1 grid grid-cols-[7rem_minmax(0,1fr)] gap-x-3 gap-y-1 border-l-2 border-line pl-3">
      {facts.map(
        ([name, value]) =>
          value !== null && (
            <div key={name} className="contents">
              <dt className="text-faded">{name}</dt>
              <dd className="font-mono text-xs leading-5 break-all whitespace-pre-wrap">{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

function written(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value, undefined, 1)
}

/** The environment of an entry; some, such as sign-ins, concern none. */
export function EntryEnvironment({ name }: { name: string | null }) {
  if (name === null) return <span className="text-faded">–</span>
  const environment = ENVIRONMENTS.find((one) => one === name)
  return environment === undefined ? name : <EnvironmentBadge environment={environment} />
}
