import pg from 'pg'
import { isStoreSilent } from './away.ts'
import { StorageError } from './errors.ts'

/** How long a pooler may take to find a connection to the server for one statement. */
const PROBE_LIMIT_MS = 5_000
/** Transactions that are held open at once, so that a pooler which takes its servers in turn comes to the first again. */
const PROBES = 4
/** "protocol violation", by which PgBouncer refuses transactions in statement mode, and parameters that it does not know. */
const PROTOCOL_VIOLATION = '08P01'

/**
 * Rejects with {@link StorageError} when `settings` lead to a pooler that gives a connection to the server to one client
 * after each transaction or statement. What we rely on belongs to a connection: prepared statements, LISTEN, and the time
 * limits that are set once. Answers of such a pooler fail now and then, after writes that have happened.
 */
export async function refuseTransactionPooling(settings: pg.ClientConfig): Promise<void> {
  const clients: pg.Client[] = []
  const connect = async () => {
    const client = new pg.Client({ ...settings, query_timeout: PROBE_LIMIT_MS })
    client.on('error', () => {})
    clients.push(client)
    await client.connect()
    return client
  }
  try {
    const first = await connect()
    const own = await serverOf(first)
    // A pooler invents the key by which its client may cancel a statement; a server's holds the process that serves it.
    if ((first as pg.Client & { processID?: number }).processID === own) return
    for (let probe = 0; probe < PROBES; probe++) {
      const other = await connect()
      await other.query('begin')
      const isShared = (await serverOf(other)) === own || (await serverOf(first)) !== own
      if (isShared) throw transactionPooling()
    }
  } catch (error) {
    if (isTransactionRefused(error)) throw transactionPooling(error)
    if (clients.length > 1 && isStoreSilent(error)) throw noFurtherConnection(error)
    throw error
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => {})))
  }
}

/** The process of the server that carried out this very statement. */
async function serverOf(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid
}

function isTransactionRefused(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: string }
  return code === PROTOCOL_VIOLATION && /transaction blocks not allowed/.test(message ?? '')
}

function noFurtherConnection(cause: unknown): StorageError {
  return new StorageError(
    `the connection pooler before the database gave no further connection within ${PROBE_LIMIT_MS / 1_000} s: raise its ` +
      'pool_size (PgBouncer: default_pool_size) to 20 for each process that connects through it',
    { cause },
  )
}

function transactionPooling(cause?: unknown): StorageError {
  return new StorageError(
    'the database is reached through a connection pooler in transaction or statement mode, which this program cannot ' +
      'use: set pool_mode = session for its database or user, or connect to PostgreSQL directly',
    { cause },
  )
}
