import { createHash, randomBytes } from 'node:crypto'
import { type Application, applicationSchema } from '../../applications/index.ts'
import type { ApplicationDocument, ApplicationStore } from '../../authorization-server/index.ts'
import { enqueue } from '../../replication/index.ts'
import { assertSchemaName, type Database, type Queryable } from '../../storage/index.ts'
import { type ApplicationDraft, policyOf } from './draft.ts'

/** Every change of an application goes through here: the document, its owner and the outbox row are one transaction. */
export interface ApplicationRegistry {
  /** In the order of their ids. */
  ofOwner(ownerId: string): Promise<Application[]>
  /** Undefined also for an application of somebody else. */
  find(ownerId: string, id: string): Promise<Application | undefined>
  /** Makes an application; the secret is told this once (undefined for a public one). */
  create(ownerId: string, draft: ApplicationDraft): Promise<{ application: Application; secret: string | undefined }>
  /** `conflict` when somebody else changed or removed it meanwhile. */
  update(application: Application, draft: ApplicationDraft): Promise<'saved' | 'conflict'>
  /** Puts a new secret in the place of the old one, which is worthless from then on; the new one is told this once. */
  renewSecret(application: Application): Promise<string | 'conflict'>
  /** Removes the application with all its tokens; one that is gone already stays gone. */
  remove(application: Application): Promise<void>
  /**
   * Gives an application a version above this one, for a target that holds a newer version of it, or remembers that it
   * was removed. Does nothing where it has one, or is gone.
   */
  raise(clientId: string, above: number): Promise<void>
  /** Adds applications whose id and client_id are both free; leaves the others as they are. Returns how many were added. */
  add(documents: readonly Application[]): Promise<number>
}

/** The registry in `schema`, over the protocol core's store in the same database. */
export function applicationRegistry(database: Database, schema: string, store: ApplicationStore): ApplicationRegistry {
  assertSchemaName(schema)
  const own = async (ownerId: string, id?: string) => {
    const rows = await database.query<{ client_id: string }>(
      `select client_id from ${schema}.applications where owner_id = $1 and ($2::bigint is null or id = $2) order by id`,
      [ownerId, id ?? null],
    )
    const found = await Promise.all(rows.map((row) => store.find(row.client_id)))
    return found.filter((document) => document !== undefined).map(asApplication)
  }
  const announce = (tx: Queryable, applications: readonly Application[], event: 'upsert' | 'delete') =>
    enqueue(
      database,
      schema,
      tx,
      applications.map(({ id, client_id, version }) => ({ id, clientId: client_id, event, version })),
    )
  /** Lets changes of one application happen one after the other; false when it is gone. */
  const lock = async (tx: Queryable, id: number) =>
    (await tx.query(`select 1 from ${schema}.applications where id = $1 for update`, [id])).length > 0
  const save = (application: Application) =>
    database.transaction(async (tx) => {
      // The store would insert what is missing, and so bring back an application that was removed meanwhile.
      if (!(await lock(tx, application.id))) return 'conflict' as const
      if (!(await store.upsert(application, tx))) return 'conflict' as const
      await announce(tx, [application], 'upsert')
      return 'saved' as const
    })
  return {
    ofOwner: (ownerId) => own(ownerId),
    find: async (ownerId, id) => (await own(ownerId, id))[0],
    create: (ownerId, draft) =>
      database.transaction(async (tx) => {
        const client_id = randomBytes(32).toString('hex')
        const [row] = await tx.query<{ id: number }>(
          `insert into ${schema}.applications (client_id, owner_id) values ($1, $2) returning id`,
          [client_id, ownerId],
        )
        const secret = draft.confidential ? newSecret() : undefined
        const application = asApplication({
          id: row?.id ?? 0,
          client_id,
          secret_digest: secret === undefined ? null : secretDigest(secret),
          trusted: false,
          version: 1,
          ...fieldsOf(draft),
        })
        if (!(await store.upsert(application, tx))) throw new Error(`application ${application.id} exists already`)
        await announce(tx, [application], 'upsert')
        return { application, secret }
      }),
    update: (application, draft) => save({ ...application, ...fieldsOf(draft), version: application.version + 1 }),
    async renewSecret(application) {
      const secret = newSecret()
      const saved = await save({
        ...application,
        secret_digest: secretDigest(secret),
        version: application.version + 1,
      })
      return saved === 'saved' ? secret : saved
    },
    remove: (application) =>
      database.transaction(async (tx) => {
        if (!(await lock(tx, application.id))) return
        const [last] = await tx.query<{ version: number }>(
          `select version from ${schema}.outbox where application_id = $1`,
          [application.id],
        )
        // Above whatever was announced, or the removal would count as old news.
        const gone = { ...application, version: Math.max(application.version, last?.version ?? 0) + 1 }
        await store.remove(application.client_id, undefined, tx)
        await tx.query(`delete from ${schema}.applications where id = $1`, [application.id])
        await announce(tx, [gone], 'delete')
      }),
    async raise(clientId, above) {
      const document = await store.find(clientId)
      if (document && document.version <= above) await save({ ...asApplication(document), version: above + 1 })
    },
    add: (documents) => database.transaction((tx) => add(schema, store, tx, documents, announce)),
  }
}

async function add(
  schema: string,
  store: ApplicationStore,
  tx: Queryable,
  documents: readonly Application[],
  announce: (tx: Queryable, applications: readonly Application[], event: 'upsert') => Promise<void>,
): Promise<number> {
  const rows = await tx.query<{ id: number }>(
    `insert into ${schema}.applications (id, client_id) select * from unnest($1::bigint[], $2::text[])
     on conflict do nothing returning id`,
    [documents.map((document) => document.id), documents.map((document) => document.client_id)],
  )
  const added = new Set(rows.map((row) => row.id))
  const fresh = documents.filter((document) => added.has(document.id))
  for (const document of fresh) await store.upsert(document, tx)
  await announce(tx, fresh, 'upsert')
  await tx.query(
    `select setval(pg_get_serial_sequence('${schema}.applications', 'id'), greatest(max(id), 1)) from ${schema}.applications`,
  )
  return fresh.length
}

/** SHA-512 of a secret in hex, which is all that is ever kept of it. */
export function secretDigest(secret: string): string {
  return createHash('sha512').update(secret).digest('hex')
}

function newSecret(): string {
  return `gloas-${randomBytes(32).toString('hex')}`
}

function fieldsOf(draft: ApplicationDraft) {
  const { name, redirectUris, scopes, confidential } = draft
  const said = draft.policy === undefined ? {} : { policy: policyOf(draft) }
  return { name, redirect_uris: [...redirectUris], scopes: [...scopes], confidential, ...said }
}

/** A stored document as the platform's own. */
export function asApplication(document: ApplicationDocument): Application {
  return applicationSchema.parse(document)
}
