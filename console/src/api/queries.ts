import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { Query } from './address.ts'
import type {
  ApplicationDocument,
  BrakeDocument,
  Environment,
  EnvironmentsDocument,
  GuardsDocument,
  HistoryDocument,
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

/** What each environment demands of a change. The configuration says so, and no event reports it. */
export const environmentsQuery = queryOptions({
  queryKey: ['environments'],
  queryFn: ({ signal }) => read<EnvironmentsDocument>('api/v1/environments', { signal }),
})

/** The brake of an environment. */
export const brakeQuery = (environment: Environment) =>
  queryOptions({
    queryKey: ['brake', environment],
    queryFn: ({ signal }) => read<BrakeDocument>('api/v1/brake', { query: { environment }, signal }),
    meta: { topics: ['gateways'] },
  })

/** The first page is there at once; further ones are long, so that reading a list again takes few requests. */
const FIRST_PAGE = 100
const FURTHER_PAGES = 1_000

/** The list of applications, page by page. */
export const applicationsQuery = (environment: Environment, filter: Query) =>
  infiniteQueryOptions({
    queryKey: ['applications', 'list', environment, filter],
    queryFn: ({ signal, pageParam: after }) => {
      const limit = after === undefined ? FIRST_PAGE : FURTHER_PAGES
      return read<ListDocument>('api/v1/applications', { query: { environment, ...filter, limit, after }, signal })
    },
    initialPageParam: undefined as number | string | undefined,
    getNextPageParam: ({ next }) => next,
    meta: { topics: ['flags', 'gateways', 'guards'] },
  })

/** One application with its side, verdict, sensible action and the newest part of its history. */
export const applicationQuery = (environment: Environment, id: string) =>
  queryOptions({
    queryKey: ['applications', 'one', environment, id],
    queryFn: ({ signal }) =>
      read<ApplicationDocument>(`api/v1/applications/${encodeURIComponent(id)}`, { query: { environment }, signal }),
    meta: { topics: ['flags', 'gateways', 'guards', 'rollouts', 'problems', 'credentials', 'brake'] },
  })

/** The older part of an application's history, page by page, from a moment on. */
export const historyQuery = (environment: Environment, id: string, from: string) =>
  infiniteQueryOptions({
    queryKey: ['applications', 'history', environment, id, from],
    queryFn: ({ signal, pageParam: before }) => {
      const path = `api/v1/applications/${encodeURIComponent(id)}/history`
      return read<HistoryDocument>(path, { query: { environment, before }, signal })
    },
    initialPageParam: from,
    getNextPageParam: ({ next }) => next,
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
      return read<GuardsDocument>('api/v1/guards', { query, signal })
    },
    meta: { topics: ['outcomes'] },
  })
