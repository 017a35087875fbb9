import type { Chart } from './chart.ts'
import type { Block, Page } from './page.ts'
import type { ReportedEvent, ReportedRollout } from './reported.ts'

/**
 * What a rollout came to: its state, its steps, who was taken back and why, and everything that happened, with charts of
 * the traffic where they are known.
 */
export function reportOf(
  rollout: ReportedRollout,
  events: readonly ReportedEvent[],
  charts: readonly Chart[] = [],
): Page {
  return [
    { kind: 'heading', level: 1, text: `Rollout ${rollout.name}` },
    { kind: 'table', head: ['', ''], rows: factsOf(rollout, events) },
    ...stateBlocks(rollout, 2),
    ...(charts.length === 0 ? [] : [{ kind: 'heading', level: 2, text: 'Traffic' } satisfies Block]),
    ...charts.map((chart): Block => ({ kind: 'chart', ...chart })),
    { kind: 'heading', level: 2, text: 'Timeline' },
    timelineOf(events),
  ]
}

/** The current state: what it waits for, the steps, and the excluded applications. */
export function stateBlocks(rollout: ReportedRollout, level: 2 | 3): Block[] {
  const { waiting_for: waits, steps, excluded } = rollout
  const heading = (text: string): Block => ({ kind: 'heading', level, text })
  return [
    ...(waits.length === 0 ? [] : [heading('Waiting for'), { kind: 'list', items: waits } satisfies Block]),
    heading('Steps'),
    {
      kind: 'table',
      head: ['Step', 'Moves', 'Applications', 'Share of the traffic', 'State'],
      rows: steps.map(({ number, moves, applications, traffic_share: share }) => [
        ...[String(number), moves, applications === null ? 'not known' : String(applications), percentInWords(share)],
        stepState(number, rollout),
      ]),
    },
    heading('Applications that were taken back'),
    excluded.length === 0
      ? { kind: 'paragraph', line: 'None.' }
      : {
          kind: 'table',
          head: ['Application', 'Guard', 'Cause', 'Evidence', 'Time'],
          rows: excluded.map((each) => [
            ...[String(each.application_id), each.guard, each.cause ?? 'unknown', each.sentence, each.at],
          ]),
        },
  ]
}

/** What happened, one row an event; where numbers are missing, a row says how many events are left out. */
export function timelineOf(events: readonly ReportedEvent[]): Block {
  return {
    kind: 'table',
    head: ['Time', 'Event', 'By', 'What happened'],
    rows: events.flatMap(({ number, at, kind, by, sentence }, index) => {
      const row = [at, kind.replaceAll('_', ' '), by, sentence]
      const leftOut = number - (events[index - 1]?.number ?? number - 1) - 1
      return leftOut > 0 ? [['', '', '', leftOutInWords(leftOut)], row] : [row]
    }),
  }
}

function factsOf(rollout: ReportedRollout, events: readonly ReportedEvent[]) {
  const started = events.find(({ kind }) => kind === 'started')
  const ended = events.findLast(({ kind }) => kind === 'completed' || kind === 'aborted')
  return [
    ['Flag', rollout.flag],
    ['Environment', rollout.environment],
    ['State', rollout.state],
    ['Started', started === undefined ? 'not yet' : `${started.at}, by ${started.by}`],
    ...(ended === undefined ? [] : [['Ended', `${ended.at}, by ${ended.by}`]]),
  ]
}

function stepState(number: number, { step, furthest_step: furthest, state }: ReportedRollout): string {
  if (state === 'aborted') return number <= furthest ? 'executed, then aborted' : 'not executed'
  if (number > step) return number <= furthest ? 'executed, then taken back' : 'to come'
  return number < step || state === 'completed' || state === 'soaking' ? 'done' : 'in progress'
}

function leftOutInWords(count: number): string {
  return count === 1 ? '1 event is left out here' : `${count.toLocaleString('en-US')} events are left out here`
}

function percentInWords(share: number | null): string {
  return share === null ? 'unknown' : `${Number((share * 100).toPrecision(2))} %`
}
