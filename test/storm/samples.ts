import type { Lab, Part } from './lab.ts'

/** The resources of a component at one moment. */
export interface Holdings {
  /** Resident memory in megabytes. */
  readonly residentMb: number
  readonly sockets: number
  /** Active timers; undefined if the component does not report them. */
  readonly timers: number | undefined
}

/** The resources of all components at one second of a storm. */
export interface Sample {
  readonly second: number
  readonly parts: Readonly<Record<string, Holdings>>
}

const METRICS_LIMIT_MS = 2_000

/** Samples all components that are up. */
export async function takeSample(lab: Lab, second: number): Promise<Sample> {
  const gateways = lab.gateways.map((part, index) => holdingsOf(part, `${lab.gatewayAdminUrls[index]}/metrics`))
  const others = [lab.iam, lab.monolith, lab.control].map((part) => holdingsOf(part))
  const parts = (await Promise.all([...gateways, ...others])).filter((entry) => entry !== undefined)
  return { second, parts: Object.fromEntries(parts) }
}

/**
 * Summarizes each component, one line each: memory at one third, two thirds and the end, its growth over the last two
 * thirds in megabytes per minute (least squares), and the sockets and timers before and after the storm.
 */
export function curves(before: Sample, during: readonly Sample[], after: Sample): string[] {
  return Object.entries(after.parts).map(([name, end]) => {
    const seen = during.filter(({ parts }) => parts[name] !== undefined)
    const at = (share: number) => seen[Math.floor(seen.length * share)]?.parts[name]?.residentMb ?? end.residentMb
    const late = seen.slice(Math.floor(seen.length / 3))
    const growth = slope(late.map(({ second, parts }) => [second / 60, parts[name]?.residentMb ?? 0]))
    const start = before.parts[name]
    const timers = end.timers === undefined ? '' : `, timers ${start?.timers} before, ${end.timers} after`
    return (
      `${name}: ${at(1 / 3)}, ${at(2 / 3)}, ${end.residentMb} MB (${growth.toFixed(1)} a minute), ` +
      `sockets ${start?.sockets} before, ${end.sockets} after${timers}`
    )
  })
}

/** The slope of the least-squares line through the points; 0 for fewer than two. */
export function slope(points: ReadonlyArray<readonly [x: number, y: number]>): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
  return spread === 0 || points.length === 0
    ? 0
    : points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread
}

async function holdingsOf(part: Part, metricsUrl?: string): Promise<[string, Holdings] | undefined> {
  if (!part.isUp) return undefined
  const timers = metricsUrl === undefined ? undefined : await timersAt(metricsUrl)
  return [part.name, { residentMb: part.residentMb(), sockets: part.sockets(), timers }]
}

/** Undefined for a component that is down or stopped. */
async function timersAt(url: string): Promise<number | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(METRICS_LIMIT_MS) })
    return Number(/^nodejs_active_resources\{type="Timeout"\} (\d+)/m.exec(await answer.text())?.[1] ?? 0)
  } catch {
    return undefined
  }
}
