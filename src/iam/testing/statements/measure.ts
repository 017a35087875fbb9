import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthorizationServer, hexMint } from '../../../authorization-server/index.ts'
import { type Database, openDatabase } from '../../../storage/index.ts'
import { ChallengeStore } from '../../challenges/challenge-store.ts'
import { purgeChallenges } from '../../challenges/clean-up.ts'
import { startPlatform, VERIFIER_KEY } from '../platform.ts'
import { driveIam } from './drive.ts'
import { type Explained, explaining } from './explaining.ts'
import { addBacklog, BIG_TABLES, fill, type Scale } from './fill.ts'

/** What was found. */
export interface Measured {
  readonly explained: Explained[]
  /** One line for each statement that reads a big table whole, and for each big table that was read whole. */
  readonly faults: string[]
  readonly purge: PurgeFigures
}

/** How expired rows go, and what others notice of it. */
export interface PurgeFigures {
  readonly rows: number
  readonly seconds: number
  readonly probes: number
  readonly slowestProbeMs: number
}

const SCHEMA = 'measured'

/**
 * Fills the database at `url`, sends every kind of request to an IAM auth service on it and has each statement
 * explained. Statements inside of functions are seen by the server's own counters.
 */
export async function measureStatements(url: string, scale: Scale & { readonly backlog: number }): Promise<Measured> {
  const database = await openDatabase({ kind: 'postgres', url })
  try {
    const recorded = explaining(database)
    const platform = await startPlatform(recorded.database, SCHEMA, {
      withPasswords: true,
      protocol: { deviceInterval: 1 },
    })
    try {
      await fill(database, SCHEMA, scale)
      const before = await rowsReadWhole(url)
      await driveIam(platform)
      await purgeOnce(recorded.database)
      const explained = recorded.explained()
      const faults = [...faultsOf(explained), ...difference(before, await rowsReadWhole(url))]
      return { explained, faults, purge: await timePurge(database, scale.backlog) }
    } finally {
      await platform.close()
    }
  } finally {
    await database.close()
  }
}

function purge(database: Database): Promise<number> {
  const resourceOwners = { find: async () => undefined }
  const settings = { issuer: 'https://issuer.test' }
  return createAuthorizationServer({ database, schema: SCHEMA, resourceOwners, mint: hexMint, settings }).purge()
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

type Counts = Readonly<Record<string, number>>

/** Asked over a connection of its own: others tell what they have counted within a second of their last statement. */
async function rowsReadWhole(url: string): Promise<Counts> {
  await sleep(1_200)
  const database = await openDatabase({ kind: 'postgres', url, connections: 1 })
  try {
    const rows = await database.query<{ table: string; read: number }>(
      `select relname as table, seq_tup_read as read from pg_stat_user_tables
where schemaname in ('${SCHEMA}', '${SCHEMA}_handoff')`,
    )
    return Object.fromEntries(rows.map(({ table, read }) => [table, read]))
  } finally {
    await database.close()
  }
}

function difference(before: Counts, after: Counts): string[] {
  return BIG_TABLES.flatMap((table) => {
    const read = (after[table] ?? 0) - (before[table] ?? 0)
    return read > 0 ? [`${read} rows of ${table} were read one after the other`] : []
  })
}
