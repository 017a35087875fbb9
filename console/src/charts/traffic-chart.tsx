import { useMemo } from 'react'
import type { TrafficDocument } from '../api/documents.ts'
import { serverNow } from '../format/server-clock.ts'
import { Empty } from '../parts/states/states.tsx'
import { Time } from '../parts/text/time.tsx'
import { markSign } from './marks.tsx'
import { TimeChart } from './time-chart.tsx'

interface TrafficChartProps {
  readonly traffic: TrafficDocument
  readonly range: string
  readonly height?: number
  /** How many of the latest marks are spelled out below it. */
  readonly listed?: number
}

/** A rate over less than this says nothing. */
const FEW_SECONDS = 30

/** The flows of both sides in a minute, and the last things that happened to them. */
export function TrafficChart({ traffic, range, height = 150, listed = 3 }: TrafficChartProps) {
  const { points, step_s, marks } = traffic
  const series = useMemo(
    () =>
      (['rails', 'iam'] as const).map((name) => ({
        name,
        points: points.flatMap((point) => {
          const at = Date.parse(point.at)
          // The step in progress is not over: its flows are those of the seconds until now.
          const seconds = Math.min(step_s, (serverNow() - at) / 1_000)
          return seconds < FEW_SECONDS ? [] : [{ at, value: (point[name].flows * 60) / seconds }]
        }),
      })),
    [points, step_s],
  )
  const isIdle = points.every(({ rails, iam }) => rails.flows + iam.flows === 0)
  if (isIdle && marks.length === 0) return <Empty>No flow was measured within the last {range}.</Empty>
  return (
    <>
      <TimeChart title="Traffic" range={`last ${range}`} unit="flows a minute" {...{ series, marks, height }} />
      <ul className="mt-1 flex flex-col gap-0.5 text-sm text-faded">
        {marks
          .slice(-listed)
          .reverse()
          .map(({ at, kind, sentence }) => (
            <li key={`${at} ${sentence}`} className="flex gap-2">
              <span aria-hidden="true">{markSign(kind)}</span>
              <span className="min-w-0 flex-1 truncate" title={sentence}>
                {sentence}
              </span>
              <Time at={at} show="age" />
            </li>
          ))}
      </ul>
    </>
  )
}
