import type { ListDocument } from '../../api/documents.ts'

/** What troubles an application most, as the list of applications says it. */
export type Trouble = NonNullable<ListDocument['applications'][number]['trouble']>

const WORDS: Readonly<Record<Trouble, { mark: string; words: string; form: string }>> = {
  failing: { mark: '✗', words: 'fails on iam', form: 'font-medium text-broken' },
  taken_back: { mark: '✗', words: 'taken back', form: 'font-medium text-broken' },
  problem: { mark: '!', words: 'problem reported', form: 'font-medium text-ink' },
  waiting: { mark: '…', words: 'waits for iam', form: 'text-ink' },
  failures: { mark: '!', words: 'flows fail', form: 'text-ink' },
  not_arrived: { mark: '…', words: 'not held by iam', form: 'text-faded' },
}

/** What troubles an application, by mark and words; nothing for one without trouble. */
export function TroubleBadge({ trouble }: { trouble: Trouble | null }) {
  if (trouble === null) return null
  const { mark, words, form } = WORDS[trouble]
  return (
    <span className={`inline-flex items-baseline gap-1 whitespace-nowrap ${form}`}>
      <span aria-hidden="true" className="w-4 text-center font-bold">
        {mark}
      </span>
      {words}
    </span>
  )
}
