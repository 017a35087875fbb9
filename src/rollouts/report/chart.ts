/** One line of a chart. */
export interface ChartSeries {
  readonly name: string
  /** A value for each step of the chart, oldest first. */
  readonly values: readonly number[]
}

/** Values over time, with what happened in between. */
export interface Chart {
  readonly title: string
  /** What is counted, such as `flows a minute`. */
  readonly unit: string
  /** In milliseconds since the epoch: the beginning of the first step, and the length of each. */
  readonly from: number
  readonly stepMs: number
  readonly series: readonly ChartSeries[]
  readonly marks: ReadonlyArray<{ readonly at: number; readonly text: string }>
}

const WIDTH = 900
const HEIGHT = 260
const LEFT = 56
const RIGHT = 12
const TOP = 30
const BOTTOM = 34
/** Distinct for people who see colours differently, and by their dashes in print. */
const LINES = [
  { stroke: '#c2410c', dash: 'none' },
  { stroke: '#0369a1', dash: '6 3' },
  { stroke: '#525252', dash: '2 2' },
] as const

/** A chart as SVG without scripts and styles; `toHtml` makes text safe for HTML. */
export function chartAsSvg(chart: Chart, toHtml: (text: string) => string): string {
  const { series, from, stepMs, marks } = chart
  const steps = Math.max(1, ...series.map(({ values }) => values.length))
  const most = niceMaximum(Math.max(0, ...series.flatMap(({ values }) => values)))
  const x = (at: number) => LEFT + ((at - from) / (steps * stepMs)) * (WIDTH - LEFT - RIGHT)
  const y = (value: number) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM)
  const until = from + steps * stepMs
  const inside = marks.filter(({ at }) => at >= from && at <= until)
  const text = (at: readonly [number, number], anchor: string, said: string) =>
    `<text x="${round(at[0])}" y="${round(at[1])}" font-size="12" fill="currentColor" text-anchor="${anchor}">${toHtml(said)}</text>`
  const parts = [
    ...[0, 0.5, 1].flatMap((part) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(part * most))}" y2="${round(y(part * most))}" stroke="#d4d4d4"/>`,
      text([LEFT - 6, y(part * most) + 4], 'end', numberInWords(part * most)),
    ]),
    text([LEFT, HEIGHT - 12], 'start', timeInWords(from)),
    text([WIDTH - RIGHT, HEIGHT - 12], 'end', timeInWords(until)),
    ...inside.map(
      ({ at, text: said }) =>
        `<line x1="${round(x(at))}" x2="${round(x(at))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#737373" stroke-dasharray="3 3">` +
        `<title>${toHtml(`${timeInWords(at)}: ${said}`)}</title></line>`,
    ),
    ...series.flatMap(({ name, values }, index) => {
      const { stroke, dash } = LINES[index % LINES.length] ?? LINES[0]
      const points = values
        .map((value, step) => `${round(x(from + (step + 0.5) * stepMs))},${round(y(value))}`)
        .join(' ')
      const at = LEFT + index * 150
      return [
        `<polyline points="${points}" fill="none" stroke="${stroke}" stroke-width="2" stroke-dasharray="${dash}"/>`,
        `<line x1="${at}" x2="${at + 24}" y1="14" y2="14" stroke="${stroke}" stroke-width="2" stroke-dasharray="${dash}"/>`,
        text([at + 30, 18], 'start', name),
      ]
    }),
  ]
  const label = toHtml(labelOf(chart))
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="100%" role="img" aria-label="${label}">\n${parts.join('\n')}\n</svg>`
}

/** The title, the range and the last value of each line, for screen readers and for Markdown. */
export function labelOf({ title, unit, series, from, stepMs }: Chart): string {
  const steps = Math.max(0, ...series.map(({ values }) => values.length))
  const said = series.map(({ name, values }) => {
    const most = Math.max(0, ...values)
    return `${name}: at most ${numberInWords(most)}, at the end ${numberInWords(values.at(-1) ?? 0)} ${unit}`
  })
  return `${title}, ${timeInWords(from)} to ${timeInWords(from + steps * stepMs)}. ${said.join('; ')}.`
}

function niceMaximum(most: number): number {
  if (most <= 0) return 1
  const size = 10 ** Math.floor(Math.log10(most))
  return ([1, 2, 5, 10].find((times) => times * size >= most) ?? 10) * size
}

function numberInWords(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 3 })
}

function timeInWords(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
