/** Bounds of the time within which a start must be completed, in milliseconds. */
export const SHORTEST_COMPLETION_MS = 2 * 60_000
export const LONGEST_COMPLETION_MS = 15 * 60_000

const GROWTH = 1.1
const SHARE = 0.99
/** With fewer completions, a 99th percentile says little. */
const FEWEST = 100
/** Halved at this number, so that old completions lose weight. */
const MOST = 1_000

/** Upper edges of the classes in milliseconds; what takes longer than the longest time falls into a last class. */
const EDGES: readonly number[] = (() => {
  const edges = [SHORTEST_COMPLETION_MS]
  for (let edge = SHORTEST_COMPLETION_MS * GROWTH; edge < LONGEST_COMPLETION_MS; edge *= GROWTH) edges.push(edge)
  return [...edges, LONGEST_COMPLETION_MS]
})()

/** How many classes a distribution of completion times has. */
export const COMPLETION_CLASSES = EDGES.length + 1

/**
 * The time that 99 of 100 completions of one application on legacy take, held between 2 and 15 minutes and rounded up
 * by at most a tenth; the longest time until 100 completions are known.
 */
export function completionLimit(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total < FEWEST) return LONGEST_COMPLETION_MS
  let within = 0
  for (let index = 0; index < EDGES.length; index++) {
    within += counts[index] ?? 0
    if (within >= total * SHARE) return EDGES[index] ?? LONGEST_COMPLETION_MS
  }
  return LONGEST_COMPLETION_MS
}

/** Returns the distribution with one more completion. */
export function withCompletion(counts: readonly number[], tookMs: number): number[] {
  const found = EDGES.findIndex((edge) => tookMs <= edge)
  const next = Array.from({ length: COMPLETION_CLASSES }, (_, index) => counts[index] ?? 0)
  const index = found < 0 ? EDGES.length : found
  next[index] = (next[index] ?? 0) + 1
  return next.reduce((sum, count) => sum + count, 0) < MOST ? next : next.map((count) => Math.floor(count / 2))
}
