import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { z } from 'zod'
import type { listSchema } from '../../../src/control-plane/api/rollouts/checklist.ts'
import { useCaller } from './caller.ts'
import type { Environment } from './documents.ts'
import { change, read } from './request.ts'

export type ChecklistDocument = z.infer<typeof listSchema>

/** The checklist of a rollout. */
export const checklistQuery = (environment: Environment, rollout: number) =>
  queryOptions({
    queryKey: ['checklist', environment, rollout],
    queryFn: ({ signal }) => read<ChecklistDocument>('api/v1/checklist', { query: { environment, rollout }, signal }),
    meta: { topics: ['rollouts', 'deployments', 'gateways', 'applications'] },
  })

interface Tick {
  readonly environment: Environment
  readonly rollout: number
  readonly item: string
  readonly done: boolean
  readonly note: string
}

/** Ticks an item by hand, or removes its tick; the answer is the whole list. */
export function useTick() {
  const queries = useQueryClient()
  const { csrfToken } = useCaller()
  return useMutation({
    mutationFn: (body: Tick) => change<ChecklistDocument>('POST', 'api/v1/checklist/ticks', { body, csrfToken }),
    onSuccess: (list, { environment, rollout }) =>
      queries.setQueryData(checklistQuery(environment, rollout).queryKey, list),
    onSettled: () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === 'rollouts' }),
  })
}
