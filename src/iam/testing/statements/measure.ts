import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthorizationServer, hexTokenIssuer } from '../../../authorization-server/index.ts'
import { type Database, openDatabase } from '../../../storage/index.ts'
import { ChallengeStore } from '../../challenges/challenge-store.ts'
import { purgeChallenges } from '../../challenges/clean-up.ts'
import { startPlatform, VERIFIER_KEY } from '../platform.ts'
import { driveIam } from './drive.ts'
import { type Explained, explaining } from './explaining.ts'
import { addBacklog, BIG_TABLES, fill, type Scale } from './fill.ts'

/** The findings. */
export interface Measured {
  readonly explained: Explained[]
  /** One line for each statement that scans a big table in full, and for each big table that was scanned in full. */
  readonly faults: string[]
  readonly purge: PurgeFigures
}

/** How expired rows are purged, and the effect on other requests. */
export interface PurgeFigures {
  readonly rows: number
  readonly seconds: number
  readonly probes: number
  readonly slowestProbeMs: number
}

const SCHEMA = 'measured'
const SESSIONS_END_LIMIT_MS = 120_000

/**
 * Fills the database at `url`, sends every kind of request to an IAM auth service on it and explains each statement.
 * The server's own counters show the statements inside functions.
 */
export async function measureStatements(url: string, scale: Scale & { readonly backlog: number }): Promise<Measured> {
  const explained = await within(url, (database) => explainAll(database, scale))
  const faults = [...faultsOf(explained), ...(await tablesReadWhole(url))]
  return { explained, faults, purge: await within(url, (database) => timePurge(database, scale.backlog)) }
}

async function within<Result>(url: string, work: (database: Database) => Promise<Result>): Promise<Result> {
  const database = await openDatabase({ kind: 'postgres', url })
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

async function explainAll(database: Database, scale: Scale): Promise<Explained[]> {
  const recorded = explaining(database)
  const platform = await startPlatform(recorded.database, SCHEMA, {
    withPasswords: true,
    protocol: { deviceInterval: 1 },
  })
  try {
    await fill(database, SCHEMA, scale)
    await driveIam(platform)
    await purgeOnce(recorded.database)
    return recorded.explained()
  } finally {
    await platform.close()
  }
}

function purge(database: Database): Promise<number> {
  const resourceOwners = { find: async () => undefined }
  const settings = { issuer: 'https://issuer.test' }
  return createAuthorizationServer({
    database,
    schema: SCHEMA,
    resourceOwners,
    tokenIssuer: hexTokenIssuer,
    settings,
  }).purge()
}

async function purgeOnce(database: Database): Promise<void> {
  await purge(database)
  const challenges = new ChallengeStore(database, `${SCHEMA}_handoff`, VERIFIER_KEY, 86_400)
  await purgeChallenges({ database, schema: `${SCHEMA}_handoff`, challenges, mostOpen: 100_000 })
}

async function timePurge(database: Database, backlog: number): Promise<PurgeFigures> {
  await addBacklog(database, SCHEMA, backlog)
  const probes: number[] = []
  let isDone = false
  const probe = async () => {
    const text = `select id from ${SCHEMA}.tokens where access_hash = sha256('a7')`
    for (; !isDone; await sleep(5)) {
      const begun = performance.now()
      await database.query({ name: 'probe', text })
      probes.push(performance.now() - begun)
    }
  }
  const probing = probe()
  const begun = performance.now()
  const rows = await purge(database)
  const seconds = (performance.now() - begun) / 1_000
  isDone = true
  await probing
  return { rows, seconds, probes: probes.length, slowestProbeMs: Math.max(0, ...probes) }
}

function faultsOf(explained: readonly Explained[]): string[] {
  return explained.flatMap(({ text, readWhole }) =>
    readWhole
      .filter((table) => (BIG_TABLES as readonly string[]).includes(table))
      .map((table) => `reads ${table} whole: ${text.replaceAll(/\s+/g, ' ')}`),
  )
}

/**
 * The big tables that were scanned in full since they were created. An idle session publishes its counters up to 10 s
 * late, and a session that ends publishes them immediately, so every other session has to end first.
 */
async function tablesReadWhole(url: string): Promise<string[]> {
  return within(url, async (database) => {
    await untilAlone(database)
    const rows = await database.query<{ table: string; read: number }>(
      `select relname as table, seq_tup_read as read from pg_stat_user_tables
where schemaname in ('${SCHEMA}', '${SCHEMA}_handoff') and relname = any($1) and seq_tup_read > 0`,
      [[...BIG_TABLES]],
    )
    return rows.map(({ table, read }) => `${read} rows of ${table} were read one after the other`)
  })
}

async function untilAlone(database: Database): Promise<void> {
  for (const until = Date.now() + SESSIONS_END_LIMIT_MS; Date.now() < until; await sleep(50)) {
    const [row] = await database.query<{ others: number }>(
      `select count(*)::integer as others from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`,
    )
    if (row?.others === 0) return
  }
  throw new Error(`another session of the database did not end within ${SESSIONS_END_LIMIT_MS} ms`)
}
