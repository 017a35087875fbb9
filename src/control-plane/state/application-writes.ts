import { type Application, actorOf } from '../../applications/index.ts'
import type { Queryable } from '../../storage/index.ts'
import type { ChangeContext } from '../audit/change-context.ts'
import type { AuditEvent } from '../audit/entry.ts'
import type { ApplicationRecord, Change } from './model.ts'
import type { Store, Written } from './store.ts'

/** The outcome of an announcement. `stale` and `unchanged` are successes: the same or a newer version is known. */
export type ApplicationOutcome =
  | { readonly kind: 'stored' | 'removed' | 'unchanged'; readonly application: ApplicationRecord | undefined }
  /** `version` is the known one, or that of the recorded removal. */
  | { readonly kind: 'stale'; readonly application: ApplicationRecord | undefined; readonly version: number }
  | { readonly kind: 'client_id_taken'; readonly by: number }

/** An application as the control plane stores and shows it: whether it has a secret, but not even the digest of it. */
export type KnownApplication = Omit<Application, 'secret_digest'> & { readonly has_secret: boolean }

interface Stored {
  readonly client_id: string | null
  readonly version: number
  readonly iam_version: number | null
  readonly is_removed: boolean
  readonly document: KnownApplication | null
}

/**
 * Stores an application as its platform announces it, and the version that IAM holds. Announcements may be repeated and
 * may arrive in any order: an older version never replaces a newer one, nor does it undo a removal. With a cause, which
 * replication does not have, the change is recorded in the audit log.
 */
export function putApplication(
  store: Store,
  application: Application,
  iamVersion: number | null,
  context?: ChangeContext,
): Promise<ApplicationOutcome> {
  return store.write<ApplicationOutcome>(async (tx): Promise<Written<ApplicationOutcome>> => {
    const stored = await read(tx, store.schema, application.id)
    const held = stored && recordOf(application.id, stored)
    if (
      stored &&
      (stored.version > application.version || (stored.is_removed && stored.version >= application.version))
    ) {
      return { change: undefined, result: { kind: 'stale', application: held, version: stored.version } }
    }
    const [rival] = await tx.query<{ id: number }>(
      `select id from ${store.schema}.applications where client_id = $1 and id <> $2 and not is_removed`,
      [application.client_id, application.id],
    )
    if (rival) return { change: undefined, result: { kind: 'client_id_taken', by: rival.id } }
    const next: ApplicationRecord = {
      id: application.id,
      client_id: application.client_id,
      version: application.version,
      iam_version: greatest(stored?.is_removed ? null : (stored?.iam_version ?? null), iamVersion),
      name: application.name,
    }
    if (held && held.version === next.version && held.iam_version === next.iam_version) {
      return { change: undefined, result: { kind: 'unchanged', application: held } }
    }
    await tx.query(
      `insert into ${store.schema}.applications (id, client_id, document, version, iam_version, is_removed)
        values ($1, $2, $3, $4, $5, false)
        on conflict (id) do update set client_id = excluded.client_id, document = excluded.document,
          version = excluded.version, iam_version = excluded.iam_version, is_removed = false, changed_at = now()`,
      [next.id, next.client_id, JSON.stringify(known(application)), next.version, next.iam_version],
    )
    if (context !== undefined) {
      const after = { ...known(application), iam_version: next.iam_version }
      await tx.record(eventOf(context, 'application.put', next.id, { stored, after }))
    }
    const former = held && held.client_id !== next.client_id ? { former_client_id: held.client_id } : {}
    const change: Change = { kind: 'application', application: next, ...former }
    return { change, result: { kind: 'stored', application: next } }
  })
}

/**
 * Removes an application as of `version`, unless a newer version of it is known. A tombstone remains, so that an
 * announcement that arrives late does not restore it. With a cause, the removal is recorded in the audit log.
 */
export function removeApplication(
  store: Store,
  id: number,
  version: number,
  context?: ChangeContext,
): Promise<ApplicationOutcome> {
  return store.write<ApplicationOutcome>(async (tx): Promise<Written<ApplicationOutcome>> => {
    const stored = await read(tx, store.schema, id)
    const held = stored && recordOf(id, stored)
    if (stored && stored.version > version) {
      return { change: undefined, result: { kind: 'stale', application: held, version: stored.version } }
    }
    await tx.query(
      `insert into ${store.schema}.applications (id, version, is_removed) values ($1, $2, true)
        on conflict (id) do update set client_id = null, document = null, version = excluded.version,
          iam_version = null, is_removed = true, changed_at = now()`,
      [id, version],
    )
    if (!held) return { change: undefined, result: { kind: 'unchanged', application: undefined } }
    if (context !== undefined) await tx.record(eventOf(context, 'application.remove', id, { stored, after: null }))
    const change: Change = { kind: 'application_removed', id, former_client_id: held.client_id }
    return { change, result: { kind: 'removed', application: undefined } }
  })
}

/** The outcome of a confirmation. */
export type ConfirmOutcome =
  | { readonly kind: 'stored' | 'unchanged'; readonly application: ApplicationRecord }
  | { readonly kind: 'unknown' }
  /** IAM cannot hold a version that the platform has not announced. */
  | { readonly kind: 'too_new'; readonly version: number }

/**
 * Records which version of an application IAM holds, as reported by the platform that creates applications there; null for none.
 * Unlike an announcement it may also lower the version, so that an application that IAM lost is not routed there.
 */
export function confirmApplication(
  store: Store,
  id: number,
  iamVersion: number | null,
  context?: ChangeContext,
): Promise<ConfirmOutcome> {
  return store.write<ConfirmOutcome>(async (tx): Promise<Written<ConfirmOutcome>> => {
    const stored = await read(tx, store.schema, id)
    const held = stored && recordOf(id, stored)
    const nothing = (result: ConfirmOutcome) => ({ change: undefined, result })
    if (!held) return nothing({ kind: 'unknown' })
    if (iamVersion !== null && iamVersion > held.version) return nothing({ kind: 'too_new', version: held.version })
    if (held.iam_version === iamVersion) return nothing({ kind: 'unchanged', application: held })
    await tx.query(`update ${store.schema}.applications set iam_version = $2, changed_at = now() where id = $1`, [
      id,
      iamVersion,
    ])
    if (context !== undefined) {
      const [before, after] = [{ iam_version: held.iam_version }, { iam_version: iamVersion }]
      await tx.record({
        ...{ context, action: 'application.confirm', environment: null, subject: actorOf({ id }) },
        ...{ before, after },
      })
    }
    const application = { ...held, iam_version: iamVersion }
    return { change: { kind: 'application', application }, result: { kind: 'stored', application } }
  })
}

/** An application as it was announced, without the digest of its secret; undefined if it is not known. */
export async function readApplication(store: Store, id: number): Promise<KnownApplication | undefined> {
  const [row] = await store.database.query<{ document: KnownApplication }>(
    `select document from ${store.schema}.applications where id = $1 and not is_removed`,
    [id],
  )
  return row && known(row.document)
}

async function read(tx: Queryable, schema: string, id: number): Promise<Stored | undefined> {
  const [row] = await tx.query<Stored>(
    `select client_id, version, iam_version, is_removed, document from ${schema}.applications where id = $1`,
    [id],
  )
  return row
}

function eventOf(
  context: ChangeContext,
  action: 'application.put' | 'application.remove',
  id: number,
  { stored, after }: { readonly stored: Stored | undefined; readonly after: unknown },
): AuditEvent {
  const before = stored?.document ? { ...known(stored.document), iam_version: stored.iam_version } : null
  return { context, action, environment: null, subject: actorOf({ id }), before, after }
}

/** Removes the digest, also from a row that an older replica wrote. */
function known(document: Application | KnownApplication): KnownApplication {
  if (!('secret_digest' in document)) return document
  const { secret_digest: digest, ...application } = document
  return { ...application, has_secret: digest !== null }
}

function recordOf(id: number, stored: Stored): ApplicationRecord | undefined {
  if (stored.is_removed || stored.client_id === null) return undefined
  const { client_id, version, iam_version, document } = stored
  return { id, client_id, version, iam_version, name: document?.name }
}

function greatest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.max(a, b)
}
