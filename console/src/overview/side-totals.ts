import type { TrafficDocument } from '../api/documents.ts'

/** The flows of one side, and those of them that failed. */
export type SideFlows = TrafficDocument['points'][number]['rails']

/** The flows of one side over all points. */
export function totalOf(points: TrafficDocument['points'], side: 'rails' | 'iam'): SideFlows {
  return points.reduce(
    (sum, { [side]: own }) => ({
      flows: sum.flows + own.flows,
      failed: sum.failed + own.failed,
      ours: sum.ours + own.ours,
    }),
    { flows: 0, failed: 0, ours: 0 },
  )
}
