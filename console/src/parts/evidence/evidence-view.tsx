import type { ReactNode } from 'react'
import { inFigures } from '../../format/numbers.ts'
import { TooMany } from '../states/states.tsx'

const MOST_ENTRIES = 50
const DEEPEST = 4

/**
 * What a decision rests on, as the engine recorded it: numbers and sentences by their names, behind a summary that opens.
 * The values are untrusted text, and are bounded in number and depth.
 */
export function EvidenceView({ evidence }: { evidence: unknown }) {
  if (isNothing(evidence)) return null
  return (
    <details>
      <summary className="w-fit underline underline-offset-4">Evidence</summary>
      <div className="mt-2 overflow-x-auto rounded-md bg-sunken p-3">
        <Value value={evidence} depth={0} />
      </div>
    </details>
  )
}

function Value({ value, depth }: { value: unknown; depth: number }): ReactNode {
  if (Array.isArray(value)) return <List values={value} depth={depth} />
  if (value !== null && typeof value === 'object') return <Members of={value} depth={depth} />
  return <span className="break-words">{inWords(value)}</span>
}

function List({ values, depth }: { values: readonly unknown[]; depth: number }) {
  if (values.length === 0) return <span className="text-faded">none</span>
  if (values.every((value) => typeof value !== 'object' || value === null)) {
    const more = values.length - MOST_ENTRIES
    const shown = values.slice(0, MOST_ENTRIES).map(inWords).join(', ')
    return <span className="break-words">{more > 0 ? `${shown} and ${inFigures(more)} more` : shown}</span>
  }
  return (
    <>
      <ol className="flex flex-col gap-1">
        {values.slice(0, MOST_ENTRIES).map((value, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the entries of recorded evidence never change their order
          <li key={at} className="border-l-2 border-line pl-2">
            {sentenceIn(value) ?? <Value value={value} depth={depth + 1} />}
          </li>
        ))}
      </ol>
      {values.length > MOST_ENTRIES && (
        <TooMany shown={String(MOST_ENTRIES)} all={inFigures(values.length)} how="The API gives all of them." />
      )}
    </>
  )
}

function Members({ of, depth }: { of: object; depth: number }) {
  if (depth >= DEEPEST) return <code className="break-all">{JSON.stringify(of).slice(0, 500)}</code>
  const members = Object.entries(of).filter(([, value]) => !isNothing(value))
  return (
    <dl className="grid gap-x-4 gap-y-1 sm:grid-cols-[max-content_1fr]">
      {members.slice(0, MOST_ENTRIES).map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-faded">{name.replaceAll('_', ' ')}</dt>
          <dd className="min-w-0">
            <Value value={value} depth={depth + 1} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** A guard's reading says in one sentence what its numbers are. */
function sentenceIn(value: unknown): ReactNode {
  const { sentence, applicationId, application_id = applicationId } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (typeof sentence !== 'string') return undefined
  return (
    <span className="break-words">
      {application_id !== undefined && `#${String(application_id)}: `}
      {sentence}
    </span>
  )
}

function inWords(value: unknown): string {
  if (typeof value === 'number') return inFigures(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return value === null || value === undefined ? 'none' : String(value)
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)
}
