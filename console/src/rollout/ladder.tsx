import type { RolloutDocument } from '../api/rollouts.ts'
import { counted, inPercent, inShort } from '../format/numbers.ts'

type Step = RolloutDocument['steps'][number]

interface Rung {
  readonly key: string
  readonly words: string
  readonly about: readonly string[]
  readonly state: 'done' | 'current' | 'later'
}

/** All steps in a row, with the one in force marked: what is behind, where it is, what is to come. */
export function Ladder({ rollout }: { rollout: RolloutDocument }) {
  const rungs = rungsOf(rollout)
  return (
    <ol
      aria-label="Steps"
      className="grid grid-cols-[repeat(auto-fill,minmax(7.5rem,1fr))] gap-y-3 rounded-lg border border-line bg-surface px-4 py-3 text-sm"
    >
      {rungs.map((rung, at) => (
        <li
          key={rung.key}
          aria-current={rung.state === 'current' ? 'step' : undefined}
          className="flex min-w-0 flex-col gap-0.5 pr-2"
        >
          <span className="flex items-center gap-1.5" aria-hidden="true">
            <span
              className={`inline-flex size-5 shrink-0 items-center justify-center rounded-full border text-xs font-bold ${FORMS[rung.state]}`}
            >
              {rung.state === 'done' && '✓'}
            </span>
            {at < rungs.length - 1 && (
              <span className={`h-0.5 flex-1 ${rung.state === 'done' ? 'bg-iam' : 'bg-line'}`} />
            )}
          </span>
          <span title={rung.words} className={`wrap-anywhere ${rung.state === 'current' ? 'font-semibold' : ''}`}>
            {inShort(rung.words)}
            {rung.state === 'done' && <span className="sr-only">, done</span>}
          </span>
          {rung.state === 'current' && <span className="font-medium text-iam-ink">You are here</span>}
          {rung.about.map((line) => (
            <span key={line} className="text-faded">
              {line}
            </span>
          ))}
        </li>
      ))}
    </ol>
  )
}

const FORMS: Readonly<Record<Rung['state'], string>> = {
  done: 'border-iam bg-iam-pale text-iam-ink',
  current: 'border-iam bg-iam ring-2 ring-iam ring-offset-2 ring-offset-surface',
  later: 'border-edge text-faded',
}

function rungsOf({ steps, state, step: current, furthest_step, plan }: RolloutDocument): Rung[] {
  const isOver = state === 'completed'
  const isAborted = state === 'aborted'
  const step = isAborted ? furthest_step : current
  const isSoaking = state === 'soaking'
  const start: Rung = {
    ...{ key: 'start', words: 'start', about: [] },
    state: step > 0 || isOver ? 'done' : state === 'draft' || isAborted ? 'later' : 'current',
  }
  const soak = typeof plan['soak'] === 'string' ? plan['soak'] : '24h'
  return [
    ...(step === 0 && !isOver ? [start] : []),
    ...steps.map(
      (each): Rung => ({
        ...{ key: String(each.number), words: each.moves, about: aboutStep(each) },
        state:
          isOver || isSoaking || each.number < step || (isAborted && each.number === step)
            ? 'done'
            : each.number === step
              ? 'current'
              : 'later',
      }),
    ),
    { key: 'soak', words: `soak ${soak}`, about: [], state: isOver ? 'done' : isSoaking ? 'current' : 'later' },
    { key: 'done', words: 'done', about: [], state: isOver ? 'done' : 'later' },
  ]
}

function aboutStep({ applications, traffic_share, approval }: Step): string[] {
  return [
    ...(applications === null ? [] : [counted(applications, 'application')]),
    ...(traffic_share === null ? [] : [`${inPercent(traffic_share)} of traffic`]),
    ...(approval === 'required' ? ['needs approval'] : []),
  ]
}
