import { scaleLinear } from 'd3-scale'
import { curveStepAfter, line } from 'd3-shape'
import { useState } from 'react'
import { inDuration, inPercent } from '../format/numbers.ts'
import { MARGIN, XAxis, YAxis } from './axes.tsx'
import { ChartFrame } from './chart-frame.tsx'
import { useWidth } from './measure.ts'

/** What has moved from a moment on, as shares from 0 to 1; the traffic is null where none is known. */
export interface Movement {
  /** Milliseconds after the start. */
  readonly after: number
  readonly words: string
  readonly applications: number
  readonly traffic: number | null
}

interface MovementChartProps {
  /** In order of time; each one lasts until the next. */
  readonly movements: readonly Movement[]
  /** When the last one ends, in milliseconds after the start. */
  readonly until: number
  readonly height?: number
}

const TITLE = 'Moved to iam'
const LABEL_ROOM = 96

/** How much a plan would move over time: applications as a solid line, their traffic as a dashed one. */
export function MovementChart({ movements, until, height = 200 }: MovementChartProps) {
  const { place, width } = useWidth<HTMLDivElement>()
  const [at, setAt] = useState<number>()
  const describe = (index: number) => {
    const { after, words } = movements[index] ?? { after: 0, words: '' }
    return `After ${inDuration(after)}, ${words}: ${sharesInWords(movements[index])}`
  }
  const latest = sharesInWords(movements.at(-1))
  const table = {
    head: ['After the start', 'Step', 'Applications', 'Traffic'],
    rows: movements.map(({ after, words, applications, traffic }) => [
      inDuration(after),
      words,
      inPercent(applications),
      traffic === null ? 'unknown' : inPercent(traffic),
    ]),
  }
  return (
    <ChartFrame
      title={TITLE}
      range={`${inDuration(until)} after the start`}
      latestWord="At the end"
      {...{ latest, at, describe, table }}
      count={movements.length}
      onWalk={setAt}
    >
      <div ref={place} className="overflow-hidden" style={{ height }}>
        {width > 0 && <Drawing {...{ movements, until, width, height, at }} onPoint={setAt} />}
      </div>
    </ChartFrame>
  )
}

interface DrawingProps {
  readonly movements: readonly Movement[]
  readonly until: number
  readonly width: number
  readonly height: number
  readonly at: number | undefined
  readonly onPoint: (index: number | undefined) => void
}

function Drawing({ movements, until, width, height, at, onPoint }: DrawingProps) {
  const [bottom, right] = [height - MARGIN.bottom, width - LABEL_ROOM]
  const x = scaleLinear().domain([0, until]).range([MARGIN.left, right])
  const y = scaleLinear().domain([0, 1]).range([bottom, MARGIN.top])
  const last = movements.at(-1)
  const drawn = last === undefined ? [] : [...movements, { ...last, after: until }]
  const path = (share: (movement: Movement) => number | null) =>
    line<Movement>(
      ({ after }) => x(after),
      (movement) => y(share(movement) ?? 0),
    )
      .curve(curveStepAfter)
      .defined((movement) => share(movement) !== null)(drawn) ?? ''
  const every = tickEvery(until / Math.max(1, Math.floor((right - MARGIN.left) / 80)))
  const ticks = Array.from({ length: Math.floor(until / every) }, (_, index) => (index + 1) * every)
  const pointed = at === undefined ? undefined : movements[at]
  const [applications, traffic] = [
    y(last?.applications ?? 0),
    last?.traffic === null ? undefined : y(last?.traffic ?? 0),
  ]
  const labels = labelHeights(applications, traffic, bottom)
  return (
    <svg
      aria-hidden="true"
      width={width}
      height={height}
      onPointerMove={({ clientX, currentTarget }) => {
        const after = x.invert(clientX - currentTarget.getBoundingClientRect().left)
        onPoint(
          Math.max(
            0,
            movements.findLastIndex((movement) => movement.after <= after),
          ),
        )
      }}
      onPointerLeave={() => onPoint(undefined)}
    >
      <YAxis
        width={width - LABEL_ROOM + MARGIN.right}
        ticks={[0, 0.25, 0.5, 0.75, 1].map((share) => ({ y: y(share), words: inPercent(share) }))}
      />
      <XAxis y={bottom} ticks={ticks.map((after) => ({ x: x(after), words: inDuration(after) }))} />
      <path d={path((movement) => movement.applications)} fill="none" className="stroke-iam" strokeWidth={2.25} />
      <path
        d={path((movement) => movement.traffic)}
        fill="none"
        className="stroke-ink"
        strokeWidth={2}
        strokeDasharray="5 3"
      />
      <text x={right + 5} y={labels.applications} dy="0.32em" className="fill-iam-ink text-xs font-semibold">
        applications
      </text>
      {traffic !== undefined && (
        <text x={right + 5} y={labels.traffic} dy="0.32em" className="fill-ink text-xs font-semibold">
          traffic
        </text>
      )}
      {pointed !== undefined && (
        <line x1={x(pointed.after)} x2={x(pointed.after)} y1={MARGIN.top} y2={bottom} className="stroke-ink" />
      )}
    </svg>
  )
}

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000]
const TICKS_MS = [
  ...[1, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 6, 12, 24].map((hours) => hours * HOUR_MS),
  ...[2, 4, 7, 14, 30].map((days) => days * DAY_MS),
]

/** The distance between ticks: the smallest one that people count in and that leaves each tick its room. */
function tickEvery(least: number): number {
  return TICKS_MS.find((ms) => ms >= least) ?? Math.ceil(least / DAY_MS) * DAY_MS
}

const LABEL_PX = 15

/** Where the names of the lines stand: at their ends, but never over each other or the times below. */
function labelHeights(applications: number, traffic: number | undefined, bottom: number) {
  if (traffic === undefined) return { applications, traffic: bottom }
  const [upper, lower] = [Math.min(applications, traffic), Math.max(applications, traffic)]
  const low = Math.min(Math.max(lower, upper + LABEL_PX), bottom)
  const high = Math.min(upper, low - LABEL_PX)
  return applications <= traffic ? { applications: high, traffic: low } : { applications: low, traffic: high }
}

function sharesInWords(movement: Movement | undefined): string {
  const { applications, traffic } = movement ?? { applications: 0, traffic: null }
  const known = traffic === null ? 'an unknown share of the traffic' : `${inPercent(traffic)} of the traffic`
  return `${inPercent(applications)} of the applications, ${known}`
}
