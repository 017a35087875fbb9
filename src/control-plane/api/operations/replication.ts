import { z } from 'zod'
import { LARGEST_ID, type RangeDigest, rangeDigestStatement, rangesBetween } from '../../../applications/index.ts'
import {
  type BatchResult,
  BOUNDS_RULE,
  batchAnswerSchema,
  digestsSchema,
  MOST_VERSIONS,
  readBatch,
  readBounds,
  readId,
} from '../../../handoff/index.ts'
import { scanJson } from '../../../parameters/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendProblem } from '../../requests/problems.ts'
import { type AnnouncementOutcome, putApplications } from '../../state/application-writes.ts'
import { announcementSchema } from './announcement.ts'

const READ = { roles: [...PEOPLE, 'replication'] as const }
const ID_RULE = 'must be an id from 0 to 2^53 - 1'
const idField = z
  .string()
  .transform((text) => readId(text))
  .refine((id) => id !== undefined, ID_RULE)
  .transform((id) => id ?? 0)
const boundsField = z
  .string()
  .transform((text) => readBounds(text))
  .refine((bounds) => bounds !== undefined, BOUNDS_RULE)
  .transform((bounds) => bounds ?? [])

const versionsSchema = z.object({
  applications: z.array(
    z.object({ id: z.int(), client_id: z.string(), version: z.int(), iam_version: z.int().nullable() }),
  ),
  next: z.int().nullable().describe('The `after` of the next page; null on the last one'),
})

/** Replication in bulk: batches, digests of ranges, and pages of versions. */
export function replicationRoutes(api: Api, control: ControlContext): void {
  api.register(async (scope: Api) => {
    scope.addContentTypeParser('application/x-ndjson', { parseAs: 'string' }, (_request, body, done) =>
      done(null, body),
    )
    batchRoute(scope, control)
  })
  digestRoute(api, control)
  versionRoute(api, control)
}

function batchRoute(api: Api, control: ControlContext): void {
  api.post(
    '/api/v1/applications',
    {
      // Changes that people make go one by one, each with its entry in the audit log.
      config: { roles: ['replication'] },
      schema: {
        tags: ['applications'],
        summary: 'Announce a batch of applications, one document on each line; each has a result of its own',
        consumes: ['application/x-ndjson'],
        body: z.string({ error: 'must be lines of JSON, sent as application/x-ndjson' }),
        response: { 200: batchAnswerSchema },
      },
    },
    async (request, reply) => {
      const batch = readBatch(request.body, announcementSchema, (line) => scanJson(line) === 'within_limits')
      if (!batch.ok) return sendProblem(reply, 400, 'invalid_request', { detail: batch.why })
      const announcements = batch.lines.flatMap((line) => {
        if (!line.ok) return []
        const { application, iam_version } = line.value
        return [{ application, iamVersion: control.platformCreatesAtIam ? application.version : iam_version }]
      })
      const outcomes = announcements.length === 0 ? [] : await putApplications(control.store, announcements)
      await control.feed.catchUp()
      const next = outcomes.values()
      const results = batch.lines.map((line): BatchResult => {
        if (!line.ok) return { id: line.id, stored: false, error: line.error }
        return resultOf(line.value.application, next.next().value ?? { kind: 'unstorable' })
      })
      return { results }
    },
  )
}

function resultOf(
  { id, version }: { readonly id: number; readonly version: number },
  outcome: AnnouncementOutcome,
): BatchResult {
  switch (outcome.kind) {
    case 'stored':
      return { id, stored: true, version, state: 'held' }
    case 'stale':
      return { id, stored: false, version: outcome.version, state: outcome.application ? 'held' : 'removed' }
    case 'client_id_taken':
      return { id, stored: false, error: `client_id: belongs to application ${outcome.by}` }
    case 'unstorable':
      return { id, stored: false, error: 'the database refuses the document' }
    default:
      return { id, stored: false, version, state: 'held' }
  }
}

function digestRoute(api: Api, { store }: ControlContext): void {
  const statement = rangeDigestStatement(`${store.schema}.applications`, {
    ...{ id: 'id', clientId: 'client_id', version: 'version', reported: 'iam_version', where: 'not is_removed' },
  })
  api.get(
    '/api/v1/application-digests',
    {
      config: READ,
      schema: {
        tags: ['applications'],
        summary: 'Digests of ranges of applications, so that replication finds what differs',
        querystring: z.strictObject({
          bounds: boundsField.describe(`Each range begins after one bound: ${BOUNDS_RULE}`),
        }),
        response: { 200: digestsSchema },
      },
    },
    async (request) => ({
      digests: await store.database.query<RangeDigest>(statement, rangesBetween(request.query.bounds)),
    }),
  )
}

function versionRoute(api: Api, { store }: ControlContext): void {
  api.get(
    '/api/v1/application-versions',
    {
      config: READ,
      schema: {
        tags: ['applications'],
        summary: 'Which versions of applications are held, page by page in the order of ids',
        querystring: z.strictObject({
          after: idField.default(0),
          up_to: idField.default(LARGEST_ID),
          limit: z.coerce.number().pipe(z.int().min(1).max(MOST_VERSIONS)).default(MOST_VERSIONS),
        }),
        response: { 200: versionsSchema },
      },
    },
    async (request) => {
      const { after, up_to, limit } = request.query
      const applications = await store.database.query<z.infer<typeof versionsSchema>['applications'][number]>(
        `select id, client_id, version, iam_version from ${store.schema}.applications
          where id > $1 and id <= $2 and not is_removed order by id limit $3`,
        [after, up_to, limit],
      )
      return { applications, next: applications.length === limit ? (applications.at(-1)?.id ?? null) : null }
    },
  )
}
