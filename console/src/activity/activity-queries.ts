import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { Query } from '../api/address.ts'
import type { AuditDocument, LastVerificationDocument, VerificationDocument } from '../api/documents.ts'
import { read } from '../api/request.ts'

const PAGE_SIZE = 100
/** Verifying reads the whole log. */
const VERIFY_LIMIT_MS = 120_000

/** The entries of the audit log that a filter admits, page by page, newest first. */
export const activityQuery = (filter: Query) =>
  infiniteQueryOptions({
    queryKey: ['activity', filter],
    queryFn: ({ signal, pageParam: before }) =>
      read<AuditDocument>('api/v1/audit', { query: { ...filter, limit: PAGE_SIZE, before }, signal }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ next_before: before }) => before ?? undefined,
  })

/** What the control plane found when it last verified the log by itself, which it does once an hour. */
export const lastVerificationQuery = queryOptions({
  queryKey: ['verification', 'last'],
  queryFn: ({ signal }) => read<LastVerificationDocument>('api/v1/audit/verification/last', { signal }),
})

/** Whether the log is intact now. Verifying reads all of it, so it is done when a person asks, not with each change. */
export const verificationQuery = queryOptions({
  queryKey: ['verification', 'now'],
  queryFn: ({ signal }) =>
    read<VerificationDocument>('api/v1/audit/verification', { signal, limitMs: VERIFY_LIMIT_MS }),
  retry: false,
})
