import { Socket } from 'node:net'
import pg from 'pg'
import type { Statement } from './statement.ts'

/** Connections that carry statements without waiting for the answer to the one before. */
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
  /** Undefined while there is no connection, and none is being made. */
  connection: Promise<Connection> | undefined
  unanswered: number
}

/**
 * Opens connections as they are needed, and prepares each with `onConnect`. Each statement is a transaction of its own, so that one that fails fails alone.
 * It goes where the fewest are unanswered: one that is held up, by a lock perhaps, holds up hardly any other. What was
 * unanswered on a connection that is lost is rejected; the next statement makes a new one.
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
        // The server says that it ends the connection before it does so.
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
  // By callback: for a promise, `pg` would take a stack trace with every statement.
  return new Promise((resolve, reject) => {
    const config = { name: statement.name, text: statement.text, values: values as unknown[] }
    const onResult = (error: Error | null, result: pg.QueryResult<Row>) =>
      error ? reject(error) : resolve(result.rows)
    connection.client.query<Row>(config, onResult)
  })
}

/** What the requests of one turn of the event loop ask for goes out in one write. */
function corkForThisTurn(connection: Connection): void {
  if (connection.isCorked) return
  connection.isCorked = true
  connection.socket.cork()
  setImmediate(() => {
    connection.isCorked = false
    connection.socket.uncork()
  })
}
