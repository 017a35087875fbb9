/** What a guard says of an application. */
export type Verdict = 'pass' | 'fail' | 'not_enough_evidence'

const WORDS: Readonly<Record<Verdict, { mark: string; words: string; form: string }>> = {
  pass: { mark: '✓', words: 'works', form: 'text-passed' },
  fail: { mark: '✗', words: 'broken', form: 'text-broken' },
  not_enough_evidence: { mark: '…', words: 'not enough evidence', form: 'text-faded' },
}

/** A verdict by mark, word and colour; without a verdict, `?` and "unknown". */
export function VerdictBadge({ verdict }: { verdict: Verdict | undefined }) {
  const { mark, words, form } =
    verdict === undefined ? { mark: '?', words: 'unknown', form: 'text-faded' } : WORDS[verdict]
  return (
    <span className={`inline-flex items-center gap-1.5 font-medium whitespace-nowrap ${form}`}>
      <span aria-hidden="true" className="w-4 text-center font-bold">
        {mark}
      </span>
      {words}
    </span>
  )
}
