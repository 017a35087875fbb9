import { queryOptions } from '@tanstack/react-query'
import type { Environment, GatewaysDocument } from '../api/documents.ts'
import { read } from '../api/request.ts'

/** The gateways of an environment that are connected, or were in the last few minutes. */
export const gatewaysQuery = (environment: Environment) =>
  queryOptions({
    queryKey: ['gateways', environment],
    queryFn: ({ signal }) => read<GatewaysDocument>('api/v1/gateways', { query: { environment }, signal }),
    meta: { topics: ['brake', 'flags'] },
  })
