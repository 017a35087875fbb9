import { scaleLinear } from 'd3-scale'
import { area, line } from 'd3-shape'
import { useMemo, useState } from 'react'
import { inFigures } from '../format/numbers.ts'
import { moment, momentInFull } from '../format/times.ts'
import { MARGIN, XAxis, YAxis } from './axes.tsx'
import { ChartFrame } from './chart-frame.tsx'
import { type ChartMark, Marks } from './marks.tsx'
import { useWidth } from './measure.ts'
import { nearest, type Point, thin } from './points.ts'
import { timeAxis } from './time-axis.ts'

/** A line of a chart; those of the two sides have the sides' names, and so their colours. */
export interface Series {
  readonly name: 'rails' | 'iam'
  readonly points: readonly Point[]
}

interface TimeChartProps {
  readonly title: string
  readonly range: string
  /** What the values count, as in `flows a minute`. */
  readonly unit: string
  /** All series have values at the same moments. */
  readonly series: readonly Series[]
  readonly marks?: readonly ChartMark[]
  readonly height?: number
  readonly format?: (value: number) => string
}

/** How values of both sides change over time, with flips and decisions marked on the time axis. */
export function TimeChart(props: TimeChartProps) {
  const { title, range, unit, marks = [], height = 190, format = inFigures } = props
  const { place, width } = useWidth<HTMLDivElement>()
  const [at, setAt] = useState<number>()
  const series = useMemo(() => props.series.map(({ name, points }) => ({ name, points: thin(points) })), [props.series])
  const moments = series[0]?.points ?? []
  const describe = (index: number) => {
    const values = series.map(({ name, points }) => `${name} ${valueInWords(points[index]?.value, format)}`)
    return `${moment(new Date(moments[index]?.at ?? 0), new Date())}: ${values.join(', ')} ${unit}`
  }
  const latest = series.map(({ name, points }) => `${name} ${valueInWords(points.at(-1)?.value, format)}`).join(', ')
  const frame = { title, range, latest: `${latest} ${unit}`, count: moments.length, at, describe, onWalk: setAt }
  const table = {
    head: ['Time', ...series.map(({ name }) => `${name}, ${unit}`)],
    rows: moments.map(({ at: time }, index) => [
      momentInFull(new Date(time)),
      ...series.map(({ points }) => valueInWords(points[index]?.value, format)),
    ]),
  }
  return (
    <ChartFrame {...frame} table={table}>
      <div ref={place} className="overflow-hidden" style={{ height }}>
        {width > 0 && <Drawing {...{ series, marks, width, height, at, format }} onPoint={setAt} />}
      </div>
    </ChartFrame>
  )
}

interface DrawingProps {
  readonly series: readonly Series[]
  readonly marks: readonly ChartMark[]
  readonly width: number
  readonly height: number
  readonly at: number | undefined
  readonly format: (value: number) => string
  readonly onPoint: (index: number | undefined) => void
}

function Drawing({ series, marks, width, height, at, format, onPoint }: DrawingProps) {
  const moments = series[0]?.points ?? []
  const bottom = height - MARGIN.bottom
  const time = timeAxis(moments[0]?.at ?? 0, moments.at(-1)?.at ?? 1, [MARGIN.left, width - MARGIN.right])
  const most = Math.max(1, ...series.flatMap(({ points }) => points.map(({ value }) => value ?? 0)))
  const value = scaleLinear().domain([0, most]).nice(4).range([bottom, MARGIN.top])
  const pointed = at === undefined ? undefined : moments[at]
  return (
    <svg
      aria-hidden="true"
      width={width}
      height={height}
      onPointerMove={({ clientX, currentTarget }) => {
        const x = clientX - currentTarget.getBoundingClientRect().left
        onPoint(nearest(moments, time.at(x)))
      }}
      onPointerLeave={() => onPoint(undefined)}
    >
      <YAxis width={width} ticks={value.ticks(4).map((tick) => ({ y: value(tick), words: format(tick) }))} />
      <XAxis y={bottom} ticks={time.ticks} />
      <Marks marks={marks} x={time.x} from={moments[0]?.at ?? 0} top={MARGIN.top} bottom={bottom} />
      {series.map((one) => (
        <SeriesLine key={one.name} series={one} x={time.x} y={value} bottom={bottom} />
      ))}
      <EndLabels series={series} x={width - MARGIN.right} y={value} />
      {pointed !== undefined && (
        <line x1={time.x(pointed.at)} x2={time.x(pointed.at)} y1={MARGIN.top} y2={bottom} className="stroke-ink" />
      )}
    </svg>
  )
}

interface SeriesLineProps {
  readonly series: Series
  readonly x: (at: number) => number
  readonly y: (value: number) => number
  readonly bottom: number
}

/** The line of a side: rails dashed, iam solid, for eyes that tell no colours apart. */
function SeriesLine({ series: { name, points }, x, y, bottom }: SeriesLineProps) {
  const isKnown = ({ value }: Point) => value !== null
  const path = line<Point>(
    ({ at }) => x(at),
    ({ value }) => y(value ?? 0),
  ).defined(isKnown)
  const below = area<Point>(
    ({ at }) => x(at),
    bottom,
    ({ value }) => y(value ?? 0),
  ).defined(isKnown)
  const colour = `var(--${name})`
  return (
    <g>
      <path d={below(points) ?? ''} fill={colour} fillOpacity={0.1} />
      <path
        d={path(points) ?? ''}
        fill="none"
        stroke={colour}
        strokeWidth={2.25}
        strokeLinejoin="round"
        strokeDasharray={name === 'rails' ? '6 3' : undefined}
      />
    </g>
  )
}

const LABEL_HEIGHT = 15

/** The name of each line at its end, moved apart where they would cover each other. */
function EndLabels({ series, x, y }: { series: readonly Series[]; x: number; y: (value: number) => number }) {
  const labels = series
    .map(({ name, points }) => ({ name, y: y(points.at(-1)?.value ?? 0) }))
    .sort((a, b) => a.y - b.y)
    .map((label, index, all) => {
      const above = all[index - 1]
      const overlap = above === undefined ? 0 : LABEL_HEIGHT - (label.y - above.y)
      return overlap > 0 ? { ...label, y: label.y + overlap / 2, lift: overlap / 2 } : { ...label, lift: 0 }
    })
  return (
    <g>
      {labels.map(({ name, y: height }, index) => (
        <text
          key={name}
          x={x + 6}
          y={height - (labels[index + 1]?.lift ?? 0)}
          dy="0.32em"
          className={`text-xs font-semibold ${name === 'iam' ? 'fill-iam-ink' : 'fill-rails-ink'}`}
        >
          {name}
        </text>
      ))}
    </g>
  )
}

function valueInWords(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? 'unknown' : format(value)
}
