import type { SimulationDocument } from '../api/rollouts.ts'
import type { Movement } from '../charts/movement-chart.tsx'

/** A plan that never leaves its last step is drawn for this long after it began. */
const OPEN_END_SHARE = 0.25
const SHORTEST_MS = 3_600_000

/** What has moved after each step that begins, and until when that is known, in milliseconds after the start. */
export function movementsOf({
  steps,
  applications: all,
  lasts_ms,
}: Pick<SimulationDocument, 'steps' | 'applications' | 'lasts_ms'>) {
  const movements: Movement[] = []
  let [moved, traffic]: [number, number | null] = [0, 0]
  for (const { number, moves, applications, traffic_share, begins_after_ms } of steps) {
    if (begins_after_ms === null) break
    moved += applications.length
    traffic = traffic === null || traffic_share === null ? null : Math.min(1, traffic + traffic_share)
    movements.push({
      ...{ after: begins_after_ms, words: `step ${number} (${moves})`, traffic },
      applications: all === 0 ? 0 : Math.min(1, moved / all),
    })
  }
  const last = movements.at(-1)?.after ?? 0
  return { movements, until: Math.max(SHORTEST_MS, lasts_ms ?? last * (1 + OPEN_END_SHARE)) }
}
