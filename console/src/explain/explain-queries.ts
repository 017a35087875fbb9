import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import type {
  ApplicationDocument,
  AuditDocument,
  Environment,
  ExplainDocument,
  ExplainedClientsDocument,
} from '../api/documents.ts'
import { change, read } from '../api/request.ts'
import type { Assumption } from './explain-search.ts'
import type { PastedRequest } from './read-pasted.ts'

/** The state in which a question is asked. */
export interface AskedIn {
  readonly environment: Environment
  readonly assume: Assumption | undefined
  readonly csrfToken: string | null
}

const LIVE = { placeholderData: keepPreviousData, meta: { topics: ['flags', 'brake', 'applications', 'gateways'] } }

/** Where a request goes. */
export const requestQuery = (request: PastedRequest, { environment, assume, csrfToken }: AskedIn) =>
  queryOptions({
    queryKey: ['explain', 'request', environment, request, assume ?? null],
    queryFn: ({ signal }) =>
      change<ExplainDocument>('POST', 'api/v1/explain', {
        body: { environment, ...request, assume },
        csrfToken,
        signal,
      }),
    ...LIVE,
  })

/** Where a new flow of one client goes; a number is the id of an application. */
export const clientQuery = (client: string, { environment, assume, csrfToken }: AskedIn) =>
  queryOptions({
    queryKey: ['explain', 'client', environment, client, assume ?? null],
    queryFn: async ({ signal }) => {
      const clientId = /^[1-9]\d{0,8}$/.test(client) ? await clientIdOf(client, environment, signal) : client
      const body = { environment, client_id: clientId, assume }
      return change<ExplainDocument>('POST', 'api/v1/explain', { body, csrfToken, signal })
    },
    ...LIVE,
  })

async function clientIdOf(id: string, environment: Environment, signal: AbortSignal): Promise<string> {
  const application = await read<ApplicationDocument>(`api/v1/applications/${id}`, { query: { environment }, signal })
  return application.client_id
}

/** Where new flows of many clients go. */
export const clientsQuery = (clients: readonly string[], { environment, assume, csrfToken }: AskedIn) =>
  queryOptions({
    queryKey: ['explain', 'clients', environment, clients, assume ?? null],
    queryFn: ({ signal }) => {
      const body = { environment, clients, assume }
      return change<ExplainedClientsDocument>('POST', 'api/v1/explain/clients', { body, csrfToken, signal })
    },
    ...LIVE,
  })

/** What a request with this correlation id changed. */
export const correlationQuery = (id: string) =>
  queryOptions({
    queryKey: ['activity', 'correlation', id],
    queryFn: ({ signal }) => read<AuditDocument>('api/v1/audit', { query: { correlation_id: id, limit: 20 }, signal }),
  })
