import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { type Database, type DatabaseLocation, openDatabase } from '../../src/storage/index.ts'

/** A database for the exclusive use of one test file. */
export interface TestDatabase {
  /**
   * For code that opens the database itself. In memory for the embedded engine: a second opener gets a different one.
   */
  readonly location: DatabaseLocation
  readonly database: Database
  /** Closes and removes it. */
  close(): Promise<void>
}

/** An engine that tests run on. */
export interface TestEngine {
  readonly kind: DatabaseLocation['kind']
  /** A fresh, empty database. */
  open(): Promise<TestDatabase>
}

/**
 * The engines on which to run a store's suite: always the embedded one, and a PostgreSQL server when available (`npm
 * test` starts it). Open one database per file, not per test: the embedded engine takes 2 s and 300 MB.
 *
 * ```ts
 * for (const engine of testDatabases()) {
 *   describe(`flags on ${engine.kind}`, () => {
 *     let store: TestDatabase
 *     before(async () => { store = await engine.open() })
 *     after(() => store.close())
 * ```
 */
export function testDatabases(): TestEngine[] {
  const engines: TestEngine[] = [{ kind: 'embedded', open: openEmbedded }]
  const server = process.env.HANDOVER_TEST_DATABASE_URL
  if (server) engines.push({ kind: 'postgres', open: () => openOnServer(server) })
  return engines
}

async function openEmbedded(): Promise<TestDatabase> {
  const location: DatabaseLocation = { kind: 'embedded', dataDir: undefined }
  const database = await openDatabase(location)
  return { location, database, close: () => database.close() }
}

async function openOnServer(server: string): Promise<TestDatabase> {
  const { url, remove } = await createServerDatabase(server)
  const location: DatabaseLocation = { kind: 'postgres', url }
  const database = await openDatabase(location)
  return {
    location,
    database,
    async close() {
      await database.close()
      await remove()
    },
  }
}

/** Creates an empty database on a PostgreSQL server, for a process under test that receives its URL. */
export async function createServerDatabase(server: string): Promise<{ url: string; remove(): Promise<void> }> {
  const name = `handover_test_${randomBytes(6).toString('hex')}`
  await runOnServer(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, remove: () => runOnServer(server, `drop database if exists ${name} with (force)`) }
}

async function runOnServer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
