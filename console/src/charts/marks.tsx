/** Something that happened at a moment of a chart. */
export interface ChartMark {
  readonly at: string
  readonly kind: 'flip' | 'decision' | 'brake' | 'rollback'
  readonly sentence: string
}

const SIGNS: Readonly<Record<ChartMark['kind'], string>> = { flip: '▲', decision: '◆', brake: '■', rollback: '▼' }

interface MarksProps {
  readonly marks: readonly ChartMark[]
  readonly x: (at: number) => number
  /** Marks before this moment are left out. */
  readonly from: number
  readonly top: number
  readonly bottom: number
}

/** Vertical lines with a sign on the time axis: ▲ flip, ▼ rollback, ◆ decision, ■ brake; the sentence is a title. */
export function Marks({ marks, x, from, top, bottom }: MarksProps) {
  return (
    <g>
      {marks
        .map((mark) => ({ ...mark, ms: Date.parse(mark.at) }))
        .filter(({ ms }) => ms >= from)
        .map(({ at, kind, sentence, ms }) => (
          <g key={`${at} ${kind} ${sentence}`} transform={`translate(${x(ms)} 0)`}>
            <title>{sentence}</title>
            <line y1={top} y2={bottom} className="stroke-faded" strokeDasharray="2 2" />
            <text y={bottom} dy="0.1em" textAnchor="middle" className="fill-ink text-xs">
              {SIGNS[kind]}
            </text>
          </g>
        ))}
    </g>
  )
}

/** The sign of a kind of mark, for the list of marks next to a chart. */
export function markSign(kind: ChartMark['kind']): string {
  return SIGNS[kind]
}
