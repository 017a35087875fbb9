import { scaleLog } from 'd3-scale'
import { curveStepAfter, line } from 'd3-shape'
import { useState } from 'react'
import { inFigures } from '../format/numbers.ts'
import { moment, momentInFull } from '../format/times.ts'
import { MARGIN, XAxis, YAxis } from './axes.tsx'
import { ChartFrame } from './chart-frame.tsx'
import { type ChartMark, Marks } from './marks.tsx'
import { useWidth } from './measure.ts'
import { nearest, type Point, thin } from './points.ts'
import { timeAxis } from './time-axis.ts'

/** A height of evidence at which something happens: `hold` at 100, `roll back` at 1,000. */
export interface Threshold {
  readonly value: number
  readonly words: string
}

interface EvidenceChartProps {
  readonly title: string
  readonly range: string
  readonly points: ReadonlyArray<Point & { readonly value: number }>
  readonly thresholds: readonly Threshold[]
  readonly marks?: readonly ChartMark[]
  readonly height?: number
}

/** The evidence that an application is broken, on a logarithmic scale against its thresholds. */
export function EvidenceChart({ title, range, points: all, thresholds, marks = [], height = 170 }: EvidenceChartProps) {
  const { place, width } = useWidth<HTMLDivElement>()
  const [at, setAt] = useState<number>()
  const points = thin(all)
  const inWords = (value: number) => {
    const crossed = thresholds.filter((threshold) => value >= threshold.value).at(-1)
    return `${inFigures(value)}${crossed === undefined ? ', below every threshold' : `, ${crossed.words} at ${inFigures(crossed.value)}`}`
  }
  const describe = (index: number) =>
    `${moment(new Date(points[index]?.at ?? 0), new Date())}: evidence ${inWords(points[index]?.value ?? 1)}`
  const latest = `evidence ${inWords(points.at(-1)?.value ?? 1)}`
  const table = {
    head: ['Time', 'Evidence'],
    rows: points.map(({ at: time, value }) => [momentInFull(new Date(time)), inFigures(value ?? 1)]),
  }
  return (
    <ChartFrame {...{ title, range, latest, at, describe, table }} count={points.length} onWalk={setAt}>
      <div ref={place} className="overflow-hidden" style={{ height }}>
        {width > 0 && <Drawing {...{ points, thresholds, marks, width, height, at }} onPoint={setAt} />}
      </div>
    </ChartFrame>
  )
}

/** The words of a threshold stand to the right of its line. */
const LABEL_ROOM = 72

interface DrawingProps {
  readonly points: readonly Point[]
  readonly thresholds: readonly Threshold[]
  readonly marks: readonly ChartMark[]
  readonly width: number
  readonly height: number
  readonly at: number | undefined
  readonly onPoint: (index: number | undefined) => void
}

function Drawing({ points, thresholds, marks, width, height, at, onPoint }: DrawingProps) {
  const bottom = height - MARGIN.bottom
  const right = width - LABEL_ROOM
  const first = points[0]?.at ?? 0
  const time = timeAxis(first, Math.max(points.at(-1)?.at ?? 0, first + 60_000), [MARGIN.left, right])
  const highest = Math.max(...thresholds.map(({ value }) => value), ...points.map(({ value }) => value ?? 1))
  const y = scaleLog()
    .domain([1, highest * 2])
    .range([bottom, MARGIN.top])
    .clamp(true)
  const path = line<Point>(
    ({ at: time_ }) => time.x(time_),
    ({ value }) => y(value ?? 1),
  ).curve(curveStepAfter)
  const pointed = points[at ?? points.length - 1]
  const powers = [1, 10, 100, 1_000, 10_000, 100_000].filter((power) => power <= highest * 2)
  return (
    <svg
      aria-hidden="true"
      width={width}
      height={height}
      onPointerMove={({ clientX, currentTarget }) => {
        onPoint(nearest(points, time.at(clientX - currentTarget.getBoundingClientRect().left)))
      }}
      onPointerLeave={() => onPoint(undefined)}
    >
      <YAxis
        width={width - LABEL_ROOM + MARGIN.right}
        ticks={powers.map((power) => ({ y: y(power), words: inFigures(power) }))}
      />
      <XAxis y={bottom} ticks={time.ticks} />
      <Marks marks={marks} x={time.x} from={first} top={MARGIN.top} bottom={bottom} />
      {thresholds.map(({ value, words }) => (
        <g key={words} transform={`translate(0 ${y(value)})`}>
          <line x1={MARGIN.left} x2={right} className="stroke-ink" strokeDasharray="5 4" />
          <text x={right + 4} dy="0.32em" className="fill-ink text-xs font-medium">
            {words}
          </text>
        </g>
      ))}
      <path d={path(points) ?? ''} fill="none" className="stroke-ink" strokeWidth={2.25} strokeLinejoin="round" />
      {pointed !== undefined && (
        <circle cx={time.x(pointed.at)} cy={y(pointed.value ?? 1)} r={4.5} className="fill-ink" />
      )}
    </svg>
  )
}
