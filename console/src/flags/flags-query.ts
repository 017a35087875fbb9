import { queryOptions } from '@tanstack/react-query'
import type { FeatureDocument } from '../api/documents.ts'
import { read } from '../api/request.ts'
import { ENVIRONMENTS } from '../parts/badges/environment.tsx'
import { rowsOf } from './flag-rows.ts'

const REFRESH_MS = 5_000

/** Every flag in every environment. Events report one environment, so the others are read again every few seconds. */
export const flagsQuery = queryOptions({
  queryKey: ['flags', 'all'],
  queryFn: async ({ signal }) => {
    const lists = await Promise.all(
      ENVIRONMENTS.map((environment) =>
        read<{ flags: FeatureDocument[] }>('api/v1/flags', { query: { environment }, signal }),
      ),
    )
    return rowsOf(lists.flatMap(({ flags }) => flags))
  },
  refetchInterval: REFRESH_MS,
})
