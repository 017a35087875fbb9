import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { Query } from './address.ts'
import type {
  BrakeDocument,
  Environment,
  GuardDocument,
  ListDocument,
  MeDocument,
  OverviewDocument,
  TrafficDocument,
} from './documents.ts'
import { read } from './request.ts'

/** Who is signed in, and what they may do in each environment. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => read<MeDocument>('api/v1/me', { signal }),
})

/** The brake of an environment. */
export const brakeQuery = (environment: Environment) =>
  queryOptions({
    queryKey: ['brake', environment],
    queryFn: ({ signal }) => read<BrakeDocument>('api/v1/brake', { query: { environment }, signal }),
    meta: { topics: ['gateways'] },
  })

const PAGE_SIZE = 200

/** The list of applications, page by page. */
export const applicationsQuery = (environment: Environment, filter: Query) =>
  infiniteQueryOptions({
    queryKey: ['applications', 'list', environment, filter],
    queryFn: ({ signal, pageParam: after }) =>
      read<ListDocument>('api/v1/applications', { query: { environment, ...filter, limit: PAGE_SIZE, after }, signal }),
    initialPageParam: undefined as number | string | undefined,
    getNextPageParam: ({ next }) => next,
    meta: { topics: ['flags', 'gateways', 'guards'] },
  })

/** The row of one application in the list, by its id. */
export const applicationRowQuery = (environment: Environment, id: string) =>
  queryOptions({
    queryKey: ['applications', 'one', environment, id],
    queryFn: async ({ signal }) => {
      const query = { environment, search: id, limit: 1_000 }
      const { applications } = await read<ListDocument>('api/v1/applications', { query, signal })
      return applications.find((one) => String(one.id) === id || one.client_id === id) ?? null
    },
    meta: { topics: ['flags', 'gateways'] },
  })

/** Is the migration well, and does it need a person? */
export const overviewQuery = (environment: Environment) =>
  queryOptions({
    queryKey: ['overview', environment],
    queryFn: ({ signal }) => read<OverviewDocument>('api/v1/overview', { query: { environment }, signal }),
    meta: { topics: ['status', 'rollouts', 'outcomes', 'gateways', 'brake', 'problems', 'side_effects'] },
  })

/** How far back a chart looks. */
export type Range = 'hour' | 'day' | 'week'

/** The flows of both sides over time, of one application or of all. */
export const trafficQuery = (environment: Environment, range: Range, application?: string) =>
  queryOptions({
    queryKey: ['outcomes', 'traffic', environment, range, application ?? null],
    queryFn: ({ signal }) => {
      const query = { environment, range, oauth_application: application }
      return read<TrafficDocument>('api/v1/traffic', { query, signal })
    },
    meta: { topics: ['flags', 'brake', 'rollouts'] },
  })

/** What the guards say of one application. */
export const guardsQuery = (environment: Environment, application: string) =>
  queryOptions({
    queryKey: ['guards', environment, application],
    queryFn: ({ signal }) => {
      const query = { environment, oauth_application: application }
      return read<{ guards: GuardDocument[] }>('api/v1/guards', { query, signal })
    },
    meta: { topics: ['outcomes'] },
  })
