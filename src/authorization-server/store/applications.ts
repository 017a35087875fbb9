import type { ApplicationPolicy, Policy } from '../../applications/index.ts'
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
  /** All applications, ordered by id. */
  list(): Promise<ApplicationDocument[]>
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
    list: async () => (await database.query<Row>(statements.listApplications)).map(documentOf),
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

function statementsOf(schema: string) {
  const applications = `${schema}.applications`
  // An application that is created again starts empty, whatever an in-flight grant left behind after its removal.
  const leftovers = `delete from ${schema}.tokens
  where application_id = $1 and not exists (select from ${applications} where id = $1)`
  return named(schema, {
    upsert: `with gone as (${leftovers})
insert into ${applications} (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (client_id) do update set id = excluded.id, name = excluded.name, secret_digest = excluded.secret_digest,
  redirect_uris = excluded.redirect_uris, scopes = excluded.scopes, confidential = excluded.confidential,
  trusted = excluded.trusted, version = excluded.version,
  policy = excluded.policy
where excluded.version > ${applications}.version
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
    listApplications: `select ${COLUMNS} from ${applications} order by id`,
    nextId: `select setval('${schema}.application_ids', greatest(nextval('${schema}.application_ids'),
  (select coalesce(max(id), 0) + 1 from ${applications}))) as id`,
  })
}
