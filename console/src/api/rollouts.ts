import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { z } from 'zod'
import type { PlanCheckDocument } from '../../../src/control-plane/api/rollouts/plan-check.ts'
import type { RolloutDetailsDocument } from '../../../src/control-plane/api/rollouts/rollout-details.ts'
import type { eventSchema, RolloutDocument } from '../../../src/control-plane/api/rollouts/rollout-document.ts'
import type { SimulationDocument } from '../../../src/control-plane/api/rollouts/simulation.ts'
import type { Environment } from './documents.ts'
import { change, read } from './request.ts'

export type { PlanCheckDocument, RolloutDetailsDocument, RolloutDocument, SimulationDocument }
export type RolloutEventDocument = z.infer<typeof eventSchema>

/** How many rollouts the list reads, the newest first. */
export const MOST_ROLLOUTS = 200

/** The newest rollouts of an environment. */
export const rolloutsQuery = (environment: Environment) =>
  queryOptions({
    queryKey: ['rollouts', 'list', environment],
    queryFn: ({ signal }) =>
      read<{ rollouts: RolloutDocument[] }>('api/v1/rollouts', {
        query: { environment, limit: MOST_ROLLOUTS },
        signal,
      }),
    meta: { topics: ['rollouts'] },
  })

/** One rollout. */
export const rolloutQuery = (id: string) =>
  queryOptions({
    queryKey: ['rollouts', id],
    queryFn: ({ signal }) => read<RolloutDocument>(`api/v1/rollouts/${encodeURIComponent(id)}`, { signal }),
    meta: { topics: ['brake'] },
  })

/** What the caller can do with it now, what its step has shown, and who approved it. */
export const rolloutDetailsQuery = (id: string) =>
  queryOptions({
    queryKey: ['rollouts', id, 'details'],
    queryFn: ({ signal }) =>
      read<RolloutDetailsDocument>(`api/v1/rollouts/${encodeURIComponent(id)}/details`, { signal }),
    meta: { topics: ['brake', 'flags', 'guards'] },
  })

const EVENTS_A_PAGE = 50

/** The timeline of a rollout, the newest event first. */
export const rolloutEventsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['rollouts', id, 'events'],
    queryFn: ({ signal, pageParam: before }) => {
      const query = { order: 'newest', limit: EVENTS_A_PAGE, before }
      const path = `api/v1/rollouts/${encodeURIComponent(id)}/events`
      return read<{ events: RolloutEventDocument[] }>(path, { query, signal })
    },
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ events }) => {
      const oldest = events.at(-1)?.number ?? 1
      return oldest > 1 ? oldest : undefined
    },
  })

/** The faults of a plan with their places, or what it says. */
export const planCheckQuery = (plan: string, csrfToken: string | null) =>
  queryOptions({
    queryKey: ['plan', 'check', plan],
    queryFn: ({ signal }) =>
      change<PlanCheckDocument>('POST', 'api/v1/rollouts/validate', { body: { plan }, csrfToken, signal }),
    gcTime: 60_000,
    meta: { topics: ['applications'] },
  })

/** What a valid plan would do. */
export const simulationQuery = (plan: string | RolloutDocument['plan'], csrfToken: string | null) =>
  queryOptions({
    queryKey: ['plan', 'simulation', plan],
    queryFn: ({ signal }) =>
      change<SimulationDocument>('POST', 'api/v1/rollouts/simulate', { body: { plan }, csrfToken, signal }),
    gcTime: 60_000,
    meta: { topics: ['applications', 'flags'] },
  })
