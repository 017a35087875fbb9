import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useCaller } from './caller.ts'
import { change } from './request.ts'

/** An action on a rollout, with the version of the rollout on which the person decided. */
export interface RolloutAction {
  readonly rollout: number
  readonly version: number
  readonly action: string
  readonly reason: string
  /** The members of the body that the action needs, such as `application_id` or `step`. */
  readonly with?: Readonly<Record<string, unknown>>
}

/** Acts on a rollout; the control plane refuses at any other version. */
export function useRolloutAction() {
  const queries = useQueryClient()
  const { csrfToken } = useCaller()
  return useMutation({
    mutationFn: ({ rollout, version, action, reason, with: more }: RolloutAction) => {
      const body = { action, version, ...more, ...(reason === '' ? {} : { reason }) }
      return change<unknown>('POST', `api/v1/rollouts/${rollout}/actions`, { body, csrfToken })
    },
    onSettled: () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'me' }),
  })
}
