import pg from 'pg'
import { isStoreSilent } from './away.ts'
import { StorageError } from './errors.ts'

/** How long a pooler may take to find a server connection for one statement. */
const PROBE_LIMIT_MS = 5_000
/** The number of concurrent open transactions, so that a pooler which uses its servers in turn returns to the first. */
const PROBES = 4
/** "protocol violation": how PgBouncer rejects transactions in statement mode, and unknown parameters. */
const PROTOCOL_VIOLATION = '08P01'

/**
 * Rejects with {@link StorageError} when `settings` lead to a pooler that reassigns a server connection after each
 * transaction or statement. Prepared statements, LISTEN, and the time limits that are set once belong to a connection.
 * Behind such a pooler, statements would fail intermittently, after writes that have happened.
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
    // A pooler invents the key that cancels a client's statement; a server's key contains its process id.
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

/** The server process that executed this very statement. */
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
