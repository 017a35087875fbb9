import { createHash, randomBytes } from 'node:crypto'
import { type Application, applicationSchema } from '../../applications/index.ts'
import type { ApplicationDocument, ApplicationStore } from '../../authorization-server/index.ts'
import { enqueue } from '../../replication/index.ts'
import { assertSchemaName, type Database, type Queryable } from '../../storage/index.ts'
import { type ApplicationDraft, policyOf } from './draft.ts'

/** Handles every change of an application: the document, its owner and the outbox row are one transaction. */
export interface ApplicationRegistry {
  /** The applications of an owner, ordered by id. */
  ofOwner(ownerId: string): Promise<Application[]>
  /** Undefined also for an application of another user. */
  find(ownerId: string, id: string): Promise<Application | undefined>
  /**
   * Creates an application. Returns the secret, which cannot be retrieved again (undefined for a public application).
   */
  create(ownerId: string, draft: ApplicationDraft): Promise<{ application: Application; secret: string | undefined }>
  /** `conflict` when it was changed or removed in the meantime. */
  update(application: Application, draft: ApplicationDraft): Promise<'saved' | 'conflict'>
  /** Replaces the secret; the old one is invalid from then on. Returns the new one, which cannot be retrieved again. */
  renewSecret(application: Application): Promise<string | 'conflict'>
  /** Removes the application with all its tokens. Does nothing when it is already gone. */
  remove(application: Application): Promise<void>
  /**
   * Gives an application a version above this one, for a target with a newer version of it or with a remembered
   * removal. Does nothing when its version is already above, or the application is gone.
   */
  raise(clientId: string, above: number): Promise<void>
  /** Adds applications with an unused id and client_id; leaves the others unchanged. Returns the number added. */
  add(documents: readonly Application[]): Promise<number>
}

/** Opens the registry in `schema`, over the protocol core's store in the same database. */
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
  /** Serialises changes of one application; false when it is gone. */
  const lock = async (tx: Queryable, id: number) =>
    (await tx.query(`select 1 from ${schema}.applications where id = $1 for update`, [id])).length > 0
  const save = (application: Application) =>
    database.transaction(async (tx) => {
      // The store inserts a missing application, and so would restore one that was removed in the meantime.
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
        // Above every announced version, or the removal would count as outdated.
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

/** SHA-512 of a secret in hex, the only form in which it is stored. */
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

/** Converts a stored document to the platform's own type. */
export function asApplication(document: ApplicationDocument): Application {
  return applicationSchema.parse(document)
}
