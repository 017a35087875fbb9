/** The most points that a chart draws. */
export const MOST_POINTS = 300

/** A value at a moment in milliseconds; null where nothing was measured. */
export interface Point {
  readonly at: number
  readonly value: number | null
}

/**
 * At most {@link MOST_POINTS} points of a series: of neighbours that would share a pixel, the one with the largest value
 * stays, because a peak is what people look for. The last point always stays.
 */
export function thin(points: readonly Point[], most = MOST_POINTS): readonly Point[] {
  if (points.length <= most) return points
  const size = Math.ceil(points.length / (most - 1))
  const kept: Point[] = []
  for (let from = 0; from < points.length; from += size) {
    const group = points.slice(from, from + size)
    const highest = group.reduce((best, point) => ((point.value ?? -1) > (best.value ?? -1) ? point : best))
    kept.push(highest)
  }
  const last = points.at(-1)
  if (last !== undefined && kept.at(-1) !== last) kept.push(last)
  return kept
}

/** The index of the point nearest to a moment; `points` are in order of time. */
export function nearest(points: readonly Point[], at: number): number {
  let best = 0
  for (const [index, point] of points.entries()) {
    const isNearer = Math.abs(point.at - at) < Math.abs((points[best]?.at ?? 0) - at)
    if (isNearer) best = index
  }
  return best
}

/** Where a key leads that walks along `count` points; undefined for any other key. */
export function walk(key: string, at: number | undefined, count: number): number | undefined {
  const last = count - 1
  if (last < 0) return undefined
  const from = at ?? last
  const steps: Readonly<Record<string, number>> = {
    ...{ ArrowLeft: from - 1, ArrowRight: from + 1, ArrowDown: from - 1, ArrowUp: from + 1 },
    ...{ PageDown: from - 10, PageUp: from + 10, Home: 0, End: last },
  }
  const to = steps[key]
  return to === undefined
    ? undefined
    : Math.min(last, Math.max(0, at === undefined && key.startsWith('Arrow') ? last : to))
}
