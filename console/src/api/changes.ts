import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useCaller } from './caller.ts'
import type { BrakeDocument, Environment } from './documents.ts'
import { brakeQuery } from './queries.ts'
import { change } from './request.ts'

interface BrakeChange {
  readonly environment: Environment
  readonly on: boolean
  readonly reason: string
  /** The version on which a release was decided; putting the brake on is never refused. */
  readonly if_version?: number | undefined
}

/** Switches the brake; its answer is the state of the brake afterwards. */
export function useBrakeChange() {
  const queries = useQueryClient()
  const { csrfToken } = useCaller()
  return useMutation({
    mutationFn: (body: BrakeChange) => change<BrakeDocument>('PUT', 'api/v1/brake', { body, csrfToken }),
    onSuccess: (brake) => queries.setQueryData(brakeQuery(brake.environment).queryKey, brake),
    onSettled: (_brake, _error, { environment }) =>
      queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] === environment }),
  })
}
