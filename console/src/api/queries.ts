import { queryOptions } from '@tanstack/react-query'
import type { Query } from './address.ts'
import type { BrakeDocument, Environment, ListDocument, MeDocument, StatusDocument } from './documents.ts'
import { read } from './request.ts'

/** Who is signed in, and what they may do in each environment. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => read<MeDocument>('api/v1/me', { signal }),
})

/** The state of an environment in numbers, and what needs attention. */
export const statusQuery = (environment: Environment) =>
  queryOptions({
    queryKey: ['status', environment],
    queryFn: ({ signal }) => read<StatusDocument>('api/v1/status', { query: { environment }, signal }),
    meta: { topics: ['applications', 'flags', 'gateways', 'brake', 'side_effects'] },
  })

/** The brake of an environment. */
export const brakeQuery = (environment: Environment) =>
  queryOptions({
    queryKey: ['brake', environment],
    queryFn: ({ signal }) => read<BrakeDocument>('api/v1/brake', { query: { environment }, signal }),
  })

/** A page of the list of applications. */
export const applicationsQuery = (environment: Environment, filter: Query) =>
  queryOptions({
    queryKey: ['applications', environment, filter],
    queryFn: ({ signal }) => read<ListDocument>('api/v1/applications', { query: { environment, ...filter }, signal }),
    meta: { topics: ['flags', 'gateways'] },
  })
