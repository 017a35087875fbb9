/** The space around a chart's drawing, in CSS pixels. */
export const MARGIN = { top: 10, right: 52, bottom: 22, left: 50 }

interface YAxisProps {
  readonly ticks: ReadonlyArray<{ readonly y: number; readonly words: string }>
  readonly width: number
}

/** Horizontal lines with their values at the left. */
export function YAxis({ ticks, width }: YAxisProps) {
  return (
    <g>
      {ticks.map(({ y, words }) => (
        <g key={words} transform={`translate(0 ${y})`}>
          <line x1={MARGIN.left} x2={width - MARGIN.right} className="stroke-line" />
          <text x={MARGIN.left - 6} dy="0.32em" textAnchor="end" className="fill-faded text-xs">
            {words}
          </text>
        </g>
      ))}
    </g>
  )
}

interface XAxisProps {
  readonly ticks: ReadonlyArray<{ readonly x: number; readonly words: string }>
  readonly y: number
}

/** Times along the bottom. */
export function XAxis({ ticks, y }: XAxisProps) {
  return (
    <g>
      {ticks.map(({ x, words }) => (
        <text key={x} x={x} y={y + 16} textAnchor="middle" className="fill-faded text-xs">
          {words}
        </text>
      ))}
    </g>
  )
}
