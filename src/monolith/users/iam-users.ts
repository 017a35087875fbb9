import type { Log } from '../../observability/index.ts'
import { assertSchemaName, type Database } from '../../storage/index.ts'
import type { IamClient } from '../iam-client/iam-client.ts'
import type { Accounts } from './accounts.ts'
import type { PlatformUser, Users } from './users.ts'

/** Reports changes of users to IAM while it runs. */
export interface IamUsers {
  /** Signals that a change was written. */
  wake(): void
  /** Compares the users that IAM knows with the users here, and records the differences for delivery. */
  reconcile(): Promise<void>
  stop(): Promise<void>
}

interface Due {
  readonly subject: string
  readonly version: number
  readonly is_removed: boolean
  readonly attempts: number
}

const BATCH = 50
/** How long no other process delivers what this one is delivering. */
const CLAIM_SECONDS = 15
const LONGEST_WAIT_SECONDS = 30
const IDLE_MS = 30_000
const RECONCILE_MS = 300_000

/** The document that reports a user's change to IAM. */
function changeOf(user: PlatformUser) {
  const { id, username, name, email, claims, version, credentialsEpoch, isBlocked } = user
  const profile = { subject: id, username, name, email, claims: claims as never }
  const state = isBlocked ? ('blocked' as const) : ('active' as const)
  return { ...profile, state, version, credentials_epoch: credentialsEpoch }
}

/**
 * Starts the deliveries: each change as soon as it is committed, repeated until IAM has it, and a comparison at startup
 * and every five minutes that finds missed changes. Callers that make a change never wait for it.
 */
export function startIamUsers(options: {
  readonly database: Database
  readonly schema: string
  readonly iam: IamClient
  readonly users: Users
  readonly accounts: Pick<Accounts, 'raise'>
  readonly log: Log
}): IamUsers {
  const { database, schema, iam, users, accounts, log } = options
  assertSchemaName(schema)
  const table = `${schema}.user_changes`
  const about = (change: Due) => ({ subject: change.subject, version: change.version, removed: change.is_removed })

  async function deliver(change: Due): Promise<boolean> {
    const user = change.is_removed ? undefined : await users.findAny(change.subject)
    const told = user ? changeOf(user) : undefined
    const answer = told ? await iam.putUser(told) : await iam.removeUser(change.subject, change.version)
    if (answer.kind !== 'ok') {
      if (change.attempts === 0)
        log.warn({ ...about(change), reason: answer.kind }, 'users: IAM could not be notified, will retry')
      await database.query(
        `update ${table} set attempts = attempts + 1,
  next_attempt_at = now() + interval '1 second' * least(power(2, least(attempts, 20)), ${LONGEST_WAIT_SECONDS})
where subject = $1 and version = $2`,
        [change.subject, change.version],
      )
      return false
    }
    const { stored, version, state } = answer.value
    const isThere = told === undefined || version === null || (version === told.version && state === told.state)
    if (!stored && !isThere && version !== null && version >= (told?.version ?? 0)) {
      log.error(
        { ...about(change), held_version: version, state },
        'users: IAM holds a newer version; raising the local version',
      )
      await accounts.raise(change.subject, version)
    }
    await database.query(`delete from ${table} where subject = $1 and version = $2`, [change.subject, change.version])
    log.info(about(change), 'users: IAM notified of a change')
    return true
  }

  async function deliverDue(): Promise<void> {
    for (;;) {
      const due = await database.query<Due>(
        `update ${table} set next_attempt_at = now() + interval '${CLAIM_SECONDS} seconds'
where subject in (select subject from ${table} where next_attempt_at <= now() order by next_attempt_at limit ${BATCH}
  for update skip locked) returning subject, version, is_removed, attempts`,
      )
      for (const change of due) if (!(await deliver(change))) return
      if (due.length === 0) return
    }
  }

  async function reconcile(): Promise<void> {
    const gone: Array<{ subject: string; version: number }> = []
    let known = 0
    for (let after: string | null = ''; after !== null; ) {
      const page = await iam.knownUsers(after)
      if (page.kind !== 'ok') return log.warn({ reason: page.kind }, 'users: comparison with IAM failed')
      const ours = new Map((await users.findMany(page.value.users.map(({ subject }) => subject))).map((u) => [u.id, u]))
      for (const { subject, version, state } of page.value.users) {
        if (state !== 'deleted') known++
        const user = ours.get(subject)
        const told = user && changeOf(user)
        if (told && (told.version !== version || told.state !== state)) await note(subject, told.version, false)
        if (!told && state !== 'deleted') gone.push({ subject, version: (version ?? 0) + 1 })
      }
      after = page.value.next
    }
    const isTooMany = gone.length >= Math.max(known, 1) || (gone.length > 1 && gone.length > known / 4)
    if (gone.length > 0 && isTooMany) {
      return log.error({ known, gone: gone.length }, 'users: too many removals at once; none was made')
    }
    for (const { subject, version } of gone) await note(subject, version, true)
  }

  const note = (subject: string, version: number, isRemoved: boolean) =>
    database.query(
      `insert into ${table} (subject, version, is_removed) values ($1, $2, $3) on conflict (subject) do nothing`,
      [subject, version, isRemoved],
    )

  return { ...loop(deliverDue, reconcile, log), reconcile }
}

/** Runs deliveries when woken and periodically, and a reconciliation before them when it is due. */
function loop(deliver: () => Promise<void>, reconcile: () => Promise<void>, log: Log) {
  let stopping = false
  let woken = true
  let alarm: (() => void) | undefined
  let nextReconciliation = 0
  const run = async () => {
    while (!stopping) {
      woken = false
      try {
        if (performance.now() >= nextReconciliation) {
          nextReconciliation = performance.now() + RECONCILE_MS
          await reconcile()
        }
        await deliver()
      } catch (error) {
        log.warn({ err: error }, 'users: changes could not be delivered, will retry')
      }
      if (!stopping && !woken) await rest(1_000)
    }
  }
  const rest = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(milliseconds, IDLE_MS)).unref()
      alarm = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const wake = () => {
    woken = true
    alarm?.()
  }
  const running = run()
  return {
    wake,
    async stop() {
      stopping = true
      wake()
      await running
    },
  }
}
