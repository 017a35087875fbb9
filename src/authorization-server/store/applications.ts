import {
  type ApplicationPolicy,
  LARGEST_ID,
  type Policy,
  type RangeDigest,
  rangeDigestStatement,
  rangesBetween,
} from '../../applications/index.ts'
import type { Database } from '../../storage/index.ts'
import type { Client } from '../model/client.ts'
import type { StoreScope } from './statements.ts'
import { named } from './statements.ts'

/** The applications this server knows. Documents of the same `client_id` are ordered by version. */
export interface ApplicationStore {
  /** Inserts, or updates when the version is higher; false when the stored version is the same or newer. */
  upsert(application: ApplicationDocument, within?: StoreScope): Promise<boolean>
  /**
   * Removes the application and its tokens, unless a version above `version` is stored; false when nothing was removed.
   */
  remove(clientId: string, version?: number, within?: StoreScope): Promise<boolean>
  find(clientId: string, within?: StoreScope): Promise<ApplicationDocument | undefined>
  findById(id: number): Promise<ApplicationDocument | undefined>
  /**
   * Does to each of these documents what {@link ApplicationStore.upsert} does, in one statement; no two of them may have
   * the same client_id or id. Returns the client_ids of those that were stored.
   */
  upsertAll(applications: readonly ApplicationDocument[], within?: StoreScope): Promise<ReadonlySet<string>>
  /** The documents of these client_ids, by client_id; `too_large` for one whose texts exceed 1 MiB. */
  findAll(clientIds: readonly string[], within?: StoreScope): Promise<Map<string, ApplicationDocument | 'too_large'>>
  /** The versions of those of these client_ids that are stored. */
  versionsOf(clientIds: readonly string[], within?: StoreScope): Promise<Map<string, number>>
  /** Up to `limit` applications with ids after one up to another, ordered by id. */
  page(range: IdRange, limit: number): Promise<StoredVersion[]>
  /** The digests of the ranges between these bounds. */
  digests(bounds: readonly number[]): Promise<RangeDigest[]>
  /** Ids that divide all applications into ranges of `size`, from 0 to {@link LARGEST_ID}. */
  bounds(size: number): Promise<number[]>
  /** An id that no application has or has had. */
  nextId(within?: StoreScope): Promise<number>
}

/** The same document as `Application` of the applications folder. */
export interface ApplicationDocument {
  readonly id: number
  readonly client_id: string
  readonly name: string
  readonly secret_digest: string | null
  readonly redirect_uris: readonly string[]
  readonly scopes: readonly string[]
  readonly confidential: boolean
  readonly trusted: boolean
  readonly version: number
  /** The application's own policy on top of Doorkeeper's rules; absent when it has none. */
  readonly policy?: ApplicationPolicy | undefined
}

/** Ids after one, up to and including another. */
export interface IdRange {
  readonly after: number
  readonly upTo: number
}

/** The version of an application that a server stores. */
export type StoredVersion = Pick<ApplicationDocument, 'id' | 'client_id' | 'version'>

/** A document with longer texts breaks the rules of every target, and would be a burden to load. */
const LONGEST_TEXTS = 1 << 20

const COLUMNS = 'id, client_id, name, secret_digest, redirect_uris, scopes, confidential, trusted, version, policy'

/** Opens the applications table of a schema. `onChange` receives the client_id of every write by this process. */
export function createApplicationStore(
  database: Database,
  schema: string,
  onChange: (clientId: string) => void,
): ApplicationStore {
  const statements = statementsOf(schema)
  return {
    async upsert(application, within: StoreScope = database) {
      const rows = await within.query(statements.upsert, valuesOf(application))
      onChange(application.client_id)
      return rows.length > 0
    },
    async remove(clientId, version, within: StoreScope = database) {
      const rows = await within.query(statements.remove, [clientId, version ?? null])
      onChange(clientId)
      return rows.length > 0
    },
    async find(clientId, within: StoreScope = database) {
      const [row] = await within.query<Row>(statements.findApplication, [clientId])
      return row && documentOf(row)
    },
    async findById(id) {
      const [row] = await database.query<Row>(statements.findById, [id])
      return row && documentOf(row)
    },
    async upsertAll(applications, within: StoreScope = database) {
      const documents = JSON.stringify(applications)
      const rows = await within.query<{ client_id: string }>(statements.upsertAll, [documents])
      for (const { client_id } of applications) onChange(client_id)
      return new Set(rows.map((row) => row.client_id))
    },
    async findAll(clientIds, within: StoreScope = database) {
      const rows = await within.query<Row>(statements.findAll, [clientIds, LONGEST_TEXTS])
      const found = new Map<string, ApplicationDocument | 'too_large'>(
        rows.map((row) => [row.client_id, documentOf(row)]),
      )
      const missing = clientIds.filter((clientId) => !found.has(clientId))
      if (missing.length === 0) return found
      const large = await within.query<StoredVersion>(statements.versionsOf, [missing])
      for (const { client_id } of large) found.set(client_id, 'too_large')
      return found
    },
    async versionsOf(clientIds, within: StoreScope = database) {
      const rows = await within.query<StoredVersion>(statements.versionsOf, [clientIds])
      return new Map(rows.map(({ client_id, version }) => [client_id, version]))
    },
    page: ({ after, upTo }, limit) => database.query<StoredVersion>(statements.page, [after, upTo, limit]),
    digests: (bounds) => database.query<RangeDigest>(statements.digests, rangesBetween(bounds)),
    async bounds(size) {
      const rows = await database.query<{ id: number }>(statements.bounds, [size])
      return [0, ...rows.map(({ id }) => id), LARGEST_ID]
    },
    async nextId(within: StoreScope = database) {
      const rows = await within.query<{ id: number }>(statements.nextId)
      return Number(rows[0]?.id)
    },
  }
}

type Row = Omit<ApplicationDocument, 'policy'> & { readonly policy: ApplicationPolicy | null }

function documentOf({ policy, ...row }: Row): ApplicationDocument {
  return policy === null ? row : { ...row, policy }
}

/** The client that an application is in the protocol, subject to `policy`. */
export function clientOf(application: ApplicationDocument, policy: Policy): Client {
  return {
    id: application.id,
    clientId: application.client_id,
    name: application.name,
    secretDigest: application.secret_digest,
    redirectUris: application.redirect_uris,
    scopes: application.scopes,
    confidential: application.confidential,
    trusted: application.trusted,
    version: application.version,
    policy,
  }
}

function valuesOf(application: ApplicationDocument): unknown[] {
  return [
    application.id,
    application.client_id,
    application.name,
    application.secret_digest,
    application.redirect_uris,
    application.scopes,
    application.confidential,
    application.trusted,
    application.version,
    application.policy === undefined ? null : JSON.stringify(application.policy),
  ]
}

function updateOlder(applications: string): string {
  return `on conflict (client_id) do update set id = excluded.id, name = excluded.name,
  secret_digest = excluded.secret_digest, redirect_uris = excluded.redirect_uris, scopes = excluded.scopes,
  confidential = excluded.confidential, trusted = excluded.trusted, version = excluded.version, policy = excluded.policy
where excluded.version > ${applications}.version`
}

function statementsOf(schema: string) {
  const applications = `${schema}.applications`
  // An application that is created again starts empty, whatever an in-flight grant left behind after its removal.
  const leftovers = `delete from ${schema}.tokens
  where application_id = $1 and not exists (select from ${applications} where id = $1)`
  return named(schema, {
    upsert: `with gone as (${leftovers})
insert into ${applications} (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
${updateOlder(applications)}
returning id`,
    remove: `with gone as (
  delete from ${applications} where client_id = $1 and ($2::bigint is null or version <= $2) returning id
), dead_tokens as (
  delete from ${schema}.tokens where application_id in (select id from gone)
), dead_grants as (
  delete from ${schema}.grants where application_id in (select id from gone)
), dead_devices as (
  delete from ${schema}.device_grants where application_id in (select id from gone)
)
select id from gone`,
    findApplication: `select ${COLUMNS} from ${applications} where client_id = $1`,
    findById: `select ${COLUMNS} from ${applications} where id = $1`,
    upsertAll: `with incoming as (
  select * from jsonb_to_recordset($1::jsonb) as incoming (id bigint, client_id text, name text, secret_digest text,
    redirect_uris text[], scopes text[], confidential boolean, trusted boolean, version bigint, policy jsonb)
), gone as (
  delete from ${schema}.tokens where application_id = any(array(
    select id from incoming where not exists (select from ${applications} held where held.id = incoming.id)))
)
insert into ${applications} (${COLUMNS}) select ${COLUMNS} from incoming
${updateOlder(applications)}
returning client_id`,
    findAll: `select ${COLUMNS} from ${applications} where client_id = any($1)
  and octet_length(name) + octet_length(array_to_string(redirect_uris, ' ')) + octet_length(array_to_string(scopes, ' ')) <= $2`,
    versionsOf: `select id, client_id, version from ${applications} where client_id = any($1)`,
    page: `select id, client_id, version from ${applications} where id > $1 and id <= $2 order by id limit $3`,
    digests: rangeDigestStatement(applications, { id: 'id', clientId: 'client_id', version: 'version' }),
    bounds: `select id from (select id, row_number() over (order by id) as place from ${applications}
  where id > 0 and id <= ${LARGEST_ID}) placed where place % $1 = 0 order by id`,
    nextId: `select setval('${schema}.application_ids', greatest(nextval('${schema}.application_ids'),
  (select coalesce(max(id), 0) + 1 from ${applications}))) as id`,
  })
}
