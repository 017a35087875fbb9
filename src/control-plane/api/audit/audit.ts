import { Readable } from 'node:stream'
import { z } from 'zod'
import { PEOPLE } from '../../access/roles/roles.ts'
import { type AuditFilter, readEntries } from '../../audit/audit-log.ts'
import { EXPORT_FORMATS, exportLines, sealed } from '../../audit/export.ts'
import { verifyChain } from '../../audit/verification.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { entryInWords } from '../../explain/entry-in-words.ts'
import { sendFieldFaults } from '../../requests/problems.ts'
import { namedEnvironmentField, wordField } from '../flags/flags.ts'
import { auditRestoreRoute } from './audit-restore.ts'

const READERS = { roles: PEOPLE }
const MAX_PAGE = 1_000

const numberField = z.coerce.number('must be the number of an entry').pipe(z.int().nonnegative())
const momentField = z.union([z.iso.datetime({ offset: true }), z.iso.date()], {
  error: 'must be a date, or a moment such as 2026-11-23T06:00:00Z',
})
const filterFields = {
  environment: namedEnvironmentField.optional(),
  subject: wordField.optional().describe('A flag, an application as Authn::OauthApplication:<id>, a token, or brake'),
  by: wordField.optional(),
  action: wordField.optional(),
  correlation_id: wordField.optional().describe('Of the request that made the change'),
  since: momentField.optional(),
  until: momentField.optional().describe('Before this time'),
}

const entrySchema = z.object({
  number: z.int(),
  at: z.string(),
  by: z.string(),
  role: z.string(),
  door: z.string(),
  from: z.string().nullable(),
  action: z.string(),
  environment: z.string().nullable(),
  subject: z.string(),
  reason: z.string().nullable(),
  change_issue_url: z.string().nullable(),
  before: z.unknown(),
  after: z.unknown(),
  details: z.record(z.string(), z.unknown()).nullable(),
  correlation_id: z.string().nullable(),
  previous_hash: z.string(),
  hash: z.string(),
})
const listedEntrySchema = entrySchema.extend({
  sentence: z.string().describe('The entry for people; not part of the hash. May contain untrusted names'),
})

const listSchema = z.object({ entries: z.array(listedEntrySchema), next_before: z.int().nullable() })
/** A page of the audit log, newest entry first, in a document of the API. */
export type AuditDocument = z.infer<typeof listSchema>

const verificationSchema = z.object({
  valid: z.boolean(),
  sound: z.int().describe('Number of intact entries, counted from the first'),
  head: z.object({ number: z.int(), hash: z.string() }).describe('The last intact entry: keep it elsewhere'),
  broken: z
    .object({ number: z.int(), why: z.enum(['missing', 'altered', 'unlinked', 'not_as_remembered']) })
    .nullable(),
})

const lastVerificationSchema = z.object({ at: z.string().nullable(), found: verificationSchema.nullable() })
/** Whether the log is intact, now or when it was last verified, in documents of the API. */
export type LastVerificationDocument = z.infer<typeof lastVerificationSchema>
export type VerificationDocument = z.infer<typeof verificationSchema>

/** Who changed what, when, from where and why, and the verification that the log is unaltered. */
export function auditRoutes(api: Api, control: ControlContext): void {
  listRoute(api, control)
  verificationRoute(api, control)
  lastVerificationRoute(api, control)
  exportRoute(api, control)
  auditRestoreRoute(api, control)
}

function listRoute(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/audit',
    {
      config: READERS,
      schema: {
        tags: ['audit'],
        summary: 'Entries of the audit log, newest first',
        querystring: z.strictObject({
          ...filterFields,
          before: numberField
            .optional()
            .describe('Only entries before this number: `next_before` of the previous page'),
          limit: z.coerce.number().pipe(z.int().min(1).max(MAX_PAGE)).default(100),
        }),
        response: { 200: listSchema },
      },
    },
    async (request) => {
      const { before, limit, ...filter } = request.query
      const found = await readEntries(control.store, filterOf(filter), { before }, limit)
      const last = found.at(-1)?.number ?? 1
      const { cache } = control.feed
      const entries = found.map(sealed).map((entry) => {
        const details = entry.details && { ...entry.details }
        return { ...entry, details, sentence: entryInWords(entry, cache) }
      })
      return { entries, next_before: found.length === limit && last > 1 ? last : null }
    },
  )
}

function verificationRoute(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/audit/verification',
    {
      config: READERS,
      schema: {
        tags: ['audit'],
        summary: 'Verify the whole log and report the first entry that is not intact',
        querystring: z.strictObject({
          number: numberField.optional().describe('The number of an entry that was recorded elsewhere'),
          hash: z
            .string()
            .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits')
            .optional()
            .describe('Its hash'),
        }),
        response: { 200: verificationSchema },
      },
    },
    async (request, reply) => {
      const { number, hash } = request.query
      if (number === undefined && hash === undefined) return verifyChain(control.store)
      if (number !== undefined && hash !== undefined) return verifyChain(control.store, { number, hash })
      return sendFieldFaults(reply, [{ field: number === undefined ? 'number' : 'hash', rule: 'is required as well' }])
    },
  )
}

function lastVerificationRoute(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/audit/verification/last',
    {
      config: READERS,
      schema: {
        tags: ['audit'],
        summary: 'What this replica found when it last verified the log by itself, once an hour',
        response: { 200: lastVerificationSchema },
      },
    },
    async () => {
      const { last } = control.auditWatch
      return { at: last === undefined ? null : new Date(last.at).toISOString(), found: last?.found ?? null }
    },
  )
}

function exportRoute(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/audit/export',
    {
      config: READERS,
      schema: {
        tags: ['audit'],
        summary: 'The log as JSONL, which can be verified anywhere, or as CSV, oldest entry first',
        querystring: z.strictObject({ ...filterFields, format: z.enum(EXPORT_FORMATS).default('jsonl') }),
        response: { 200: z.string() },
      },
    },
    async (request, reply) => {
      const { format, ...filter } = request.query
      const lines = exportLines(control.store, format, filterOf(filter))
      return reply
        .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8')
        .header('Content-Disposition', `attachment; filename="handover-audit.${format}"`)
        .send(Readable.from(lines) as never)
    },
  )
}

function filterOf(filter: AuditFilter): AuditFilter {
  return { ...filter, since: momentOf(filter.since), until: momentOf(filter.until) }
}

/** A time in the format of the entries, with microseconds. */
function momentOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : new Date(text).toISOString().replace('Z', '000Z')
}
