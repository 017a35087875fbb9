import { type Application, actorOf } from '../../applications/index.ts'
import { isStoreAway, type Queryable } from '../../storage/index.ts'
import type { ChangeContext } from '../audit/change-context.ts'
import type { AuditEvent } from '../audit/entry.ts'
import type { ApplicationRecord, Change } from './model.ts'
import type { Store, Written, WrittenChanges } from './store.ts'

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
    const [rival] = await tx.query<{ id: number }>(
      `select id from ${store.schema}.applications where client_id = $1 and id <> $2 and not is_removed`,
      [application.client_id, application.id],
    )
    const judged = judgeAnnouncement({ application, iamVersion }, stored, rival?.id)
    if (judged.change === undefined) return { change: undefined, result: judged.outcome }
    await writeApplications(tx, store.schema, [judged.row])
    if (context !== undefined) {
      const after = { ...known(application), iam_version: judged.row.iam_version }
      await tx.record(eventOf(context, 'application.put', application.id, { stored, after }))
    }
    return { change: judged.change, result: judged.outcome }
  })
}

/** An application as its platform announces it, and the version that IAM holds. */
export interface Announcement {
  readonly application: Application
  readonly iamVersion: number | null
}

/** The outcome of an announcement of a batch; `unstorable` when the database refuses this one alone. */
export type AnnouncementOutcome = ApplicationOutcome | { readonly kind: 'unstorable' }

/**
 * Does to each announcement what {@link putApplication} does without a cause, in their order and in one transaction.
 * When the database refuses them together, it is asked for each of them alone.
 */
export async function putApplications(
  store: Store,
  announcements: readonly Announcement[],
): Promise<readonly AnnouncementOutcome[]> {
  try {
    return await store.writeAll((tx) => putTogether(tx, store.schema, announcements))
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
  const outcomes: AnnouncementOutcome[] = []
  for (const { application, iamVersion } of announcements) {
    const outcome = putApplication(store, application, iamVersion)
    outcomes.push(
      await outcome.catch((error: unknown) => {
        if (!isRefusal(error)) throw error
        return { kind: 'unstorable' as const }
      }),
    )
  }
  return outcomes
}

async function putTogether(
  tx: Queryable,
  schema: string,
  announcements: readonly Announcement[],
): Promise<WrittenChanges<readonly ApplicationOutcome[]>> {
  const all = announcements.map(({ application }) => application)
  const held = await tx.query<Stored & { readonly id: number }>(
    `select id, client_id, version, iam_version, is_removed, document from ${schema}.applications
      where id = any($1::bigint[]) or (client_id = any($2) and not is_removed)`,
    [all.map(({ id }) => id), all.map(({ client_id }) => client_id)],
  )
  const stored = new Map<number, Stored>(held.map((row) => [row.id, row]))
  const owners = new Map(held.flatMap((row) => (row.client_id === null ? [] : [[row.client_id, row.id] as const])))
  const rows = new Map<number, ApplicationRow>()
  const changes: Change[] = []
  const outcomes = announcements.map((announcement): ApplicationOutcome => {
    const { id, client_id } = announcement.application
    const owner = owners.get(client_id)
    const judged = judgeAnnouncement(announcement, stored.get(id), owner === id ? undefined : owner)
    if (judged.change === undefined) return judged.outcome
    const former = stored.get(id)?.client_id
    if (former && former !== client_id) owners.delete(former)
    owners.set(client_id, id)
    stored.set(id, judged.row)
    rows.set(id, judged.row)
    changes.push(judged.change)
    return judged.outcome
  })
  if (rows.size > 0) await writeApplications(tx, schema, [...rows.values()])
  return { changes, result: outcomes }
}

interface ApplicationRow extends Stored {
  readonly id: number
  readonly document: KnownApplication
}

/** What an announcement does, given what is stored of its application and who else has its client_id. */
function judgeAnnouncement(
  { application, iamVersion }: Announcement,
  stored: Stored | undefined,
  rival: number | undefined,
):
  | { readonly change: undefined; readonly outcome: ApplicationOutcome }
  | { readonly change: Change; readonly outcome: ApplicationOutcome; readonly row: ApplicationRow } {
  const { id, client_id, version, name } = application
  const held = stored && recordOf(id, stored)
  const nothing = (outcome: ApplicationOutcome) => ({ change: undefined, outcome })
  if (stored && (stored.version > version || (stored.is_removed && stored.version >= version))) {
    return nothing({ kind: 'stale', application: held, version: stored.version })
  }
  if (rival !== undefined) return nothing({ kind: 'client_id_taken', by: rival })
  const iam_version = greatest(stored?.is_removed ? null : (stored?.iam_version ?? null), iamVersion)
  if (held && held.version === version && held.iam_version === iam_version) {
    return nothing({ kind: 'unchanged', application: held })
  }
  const next: ApplicationRecord = { id, client_id, version, iam_version, name }
  const former = held && held.client_id !== client_id ? { former_client_id: held.client_id } : {}
  return {
    change: { kind: 'application', application: next, ...former },
    outcome: { kind: 'stored', application: next },
    row: { id, client_id, version, iam_version, is_removed: false, document: known(application) },
  }
}

async function writeApplications(tx: Queryable, schema: string, rows: readonly ApplicationRow[]): Promise<void> {
  await tx.query(
    `insert into ${schema}.applications (id, client_id, document, version, iam_version, is_removed)
      select id, client_id, document, version, iam_version, false from jsonb_to_recordset($1::jsonb)
        as announced (id bigint, client_id text, document jsonb, version bigint, iam_version bigint)
      on conflict (id) do update set client_id = excluded.client_id, document = excluded.document,
        version = excluded.version, iam_version = excluded.iam_version, is_removed = false, changed_at = now()`,
    [JSON.stringify(rows)],
  )
}

/** Whether the database refused a statement because of what it says. */
function isRefusal(error: unknown): boolean {
  return !isStoreAway(error) && typeof (error as { readonly code?: unknown } | null)?.code === 'string'
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
