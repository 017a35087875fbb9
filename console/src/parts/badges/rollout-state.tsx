/** The states of a rollout. */
export type RolloutState = 'draft' | 'waiting' | 'running' | 'held' | 'paused' | 'soaking' | 'completed' | 'aborted'

const WORDS: Readonly<Record<RolloutState, { mark: string; words: string; form: string }>> = {
  draft: { mark: '○', words: 'draft', form: 'text-faded' },
  waiting: { mark: '…', words: 'waiting', form: 'text-ink' },
  running: { mark: '▸', words: 'running', form: 'text-iam-ink' },
  held: { mark: '!', words: 'held', form: 'text-broken' },
  paused: { mark: '‖', words: 'paused', form: 'text-ink' },
  soaking: { mark: '▸', words: 'soaking', form: 'text-iam-ink' },
  completed: { mark: '✓', words: 'completed', form: 'text-passed' },
  aborted: { mark: '✗', words: 'aborted', form: 'text-faded' },
}

/** The state of a rollout by mark and word. */
export function RolloutStateBadge({ state }: { state: RolloutState }) {
  const { mark, words, form } = WORDS[state]
  return (
    <span className={`inline-flex items-baseline gap-1 font-medium whitespace-nowrap ${form}`}>
      <span aria-hidden="true" className="min-w-4 text-center font-bold">
        {mark}
      </span>
      {words}
    </span>
  )
}
