import { Socket } from 'node:net'
import pg from 'pg'
import type { Statement } from './statement.ts'

/** Connections that carry statements without waiting for the answer to the previous one. */
export interface Pipelines {
  query<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  close(): Promise<void>
}

interface Connection {
  readonly client: pg.Client
  readonly socket: Socket
  isCorked: boolean
}

interface Pipeline {
  /** Undefined while there is no connection and none is being established. */
  connection: Promise<Connection> | undefined
  unanswered: number
}

/**
 * Opens connections as needed, and prepares each with `onConnect`. Each statement is a separate transaction, so that a
 * failure affects no other. A statement uses the connection with the fewest unanswered ones, so that a blocked
 * statement, for example by a lock, delays few others. The unanswered statements of a lost connection are rejected; the
 * next statement opens a new one.
 */
export function openPipelines(
  settings: pg.ClientConfig,
  count: number,
  onConnect: (client: pg.Client) => Promise<void>,
): Pipelines {
  const pipelines = Array.from({ length: count }, (): Pipeline => ({ connection: undefined, unanswered: 0 }))
  return {
    async query<Row extends object>(statement: Statement, values: readonly unknown[]) {
      const pipeline = leastBusy(pipelines)
      pipeline.unanswered++
      try {
        pipeline.connection ??= connect(settings, pipeline, onConnect)
        return await send<Row>(await pipeline.connection, statement, values)
      } catch (error) {
        // The server announces that it ends the connection before it does so.
        if ((error as { severity?: unknown }).severity === 'FATAL') pipeline.connection = undefined
        throw error
      } finally {
        pipeline.unanswered--
      }
    },
    async close() {
      const connections = pipelines.map(({ connection }) => connection)
      await Promise.allSettled(connections.map(async (connection) => (await connection)?.client.end()))
    },
  }
}

function leastBusy(pipelines: readonly Pipeline[]): Pipeline {
  let least = pipelines[0] as Pipeline
  for (const pipeline of pipelines) if (pipeline.unanswered < least.unanswered) least = pipeline
  return least
}

function connect(
  settings: pg.ClientConfig,
  pipeline: Pipeline,
  onConnect: (client: pg.Client) => Promise<void>,
): Promise<Connection> {
  const socket = new Socket()
  const client = new pg.Client({ ...settings, pipeline: true, stream: () => socket } as pg.ClientConfig)
  const connected = client
    .connect()
    .then(() => onConnect(client))
    .then(() => ({ client, socket, isCorked: false }))
  const forget = () => {
    if (pipeline.connection === connected) pipeline.connection = undefined
  }
  client.on('error', forget)
  client.on('end', forget)
  connected.catch(forget)
  return connected
}

function send<Row extends object>(
  connection: Connection,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  corkForThisTurn(connection)
  // Uses a callback: with a promise, `pg` would capture a stack trace for every statement.
  return new Promise((resolve, reject) => {
    const config = { name: statement.name, text: statement.text, values: values as unknown[] }
    const onResult = (error: Error | null, result: pg.QueryResult<Row>) =>
      error ? reject(error) : resolve(result.rows)
    connection.client.query<Row>(config, onResult)
  })
}

/** Sends the statements of one turn of the event loop in one write. */
function corkForThisTurn(connection: Connection): void {
  if (connection.isCorked) return
  connection.isCorked = true
  connection.socket.cork()
  setImmediate(() => {
    connection.isCorked = false
    connection.socket.uncork()
  })
}
