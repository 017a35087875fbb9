import { scaleLinear } from 'd3-scale'
import { line } from 'd3-shape'

interface SparklineProps {
  readonly values: ReadonlyArray<number | null>
  readonly colour?: 'rails' | 'iam' | 'ink'
}

const WIDTH = 96
const HEIGHT = 20

/** The shape of a few values; a number stands next to it and says the latest, so it is hidden from screen readers. */
export function Sparkline({ values, colour = 'ink' }: SparklineProps) {
  if (values.length < 2) return null
  const x = scaleLinear()
    .domain([0, values.length - 1])
    .range([1, WIDTH - 1])
  const most = Math.max(...values.map((value) => value ?? 0), Number.MIN_VALUE)
  const y = scaleLinear()
    .domain([0, most])
    .range([HEIGHT - 2, 2])
  const path = line<number | null>(
    (_, at) => x(at),
    (value) => y(value ?? 0),
  ).defined((value) => value !== null)
  return (
    <svg aria-hidden="true" width={WIDTH} height={HEIGHT} className="inline-block align-middle">
      <path d={path(values) ?? ''} fill="none" stroke={`var(--${colour})`} strokeWidth={1.5} />
    </svg>
  )
}
