import { type QueryClient, useMutation, useQueryClient } from '@tanstack/react-query'
import type { RolloutAction } from '../../../src/rollouts/index.ts'
import { useCaller } from './caller.ts'
import { change } from './request.ts'
import { type RolloutDocument, rolloutQuery } from './rollouts.ts'

export type { RolloutAction }

/** A rule that a rollout would otherwise follow; see `docs/how-to/chatops.md`. */
export type OverridableRule = 'production_check' | 'consistency_check' | 'step_limit'

/** An action on a rollout, as the page asks for it. */
export interface AskedRolloutAction {
  readonly id: number
  readonly action: RolloutAction
  /** The version on which the person decided. */
  readonly version: number
  readonly reason?: string | undefined
  readonly step?: number | undefined
  readonly application_id?: number | undefined
  readonly keep?: boolean | undefined
  readonly change_issue_url?: string | undefined
  readonly overrides?: readonly OverridableRule[] | undefined
}

/** Carries out an action at the version on which it was decided; at another one, the control plane refuses. */
export function useRolloutAction() {
  const queries = useQueryClient()
  const { csrfToken } = useCaller()
  return useMutation({
    mutationFn: ({ id, ...body }: AskedRolloutAction) =>
      change<RolloutDocument>('POST', `api/v1/rollouts/${id}/actions`, { body, csrfToken }),
    onSuccess: (rollout) => queries.setQueryData(rolloutQuery(String(rollout.id)).queryKey, rollout),
    onSettled: () => refresh(queries),
  })
}

/** Creates a rollout from the text of a plan; nothing starts. */
export function useRolloutCreation() {
  const queries = useQueryClient()
  const { csrfToken } = useCaller()
  return useMutation({
    mutationFn: (body: { readonly plan: string; readonly reason?: string | undefined }) =>
      change<RolloutDocument>('POST', 'api/v1/rollouts', { body, csrfToken }),
    onSettled: () => refresh(queries),
  })
}

/** Everything but the judgement of a plan can look different after a change of a rollout. */
function refresh(queries: QueryClient): Promise<void> {
  return queries.invalidateQueries({ predicate: ({ queryKey }) => !['me', 'plan'].includes(String(queryKey[0])) })
}
