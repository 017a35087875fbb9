import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { SNAPSHOT_STREAM_PATH, type SnapshotLine } from '../../../routing/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import type { StreamReader } from '../../gateways/gateway-registry.ts'
import { snapshotLines } from '../../state/snapshot-lines.ts'
import type { StreamRequest } from '../../state/snapshot-streams.ts'
import { environmentField } from '../flags/flags.ts'
import { callerOf } from '../hooks/authentication.ts'
import { isOutOfBounds, refuseFollower } from '../hooks/followers.ts'
import { identityFields } from './gateways.ts'

const READERS = { roles: ['gateway', ...PEOPLE] as const }
const NDJSON = 'application/x-ndjson'

const streamQuery = z.object({
  environment: environmentField,
  since: z
    .string()
    .regex(/^(0|[1-9]\d{0,14})$/, 'must be a version number')
    .transform(Number)
    .optional()
    .describe('The version to resume from'),
  epoch: z
    .string()
    .max(64)
    .optional()
    .describe('The epoch of that version; a version of another epoch cannot be resumed'),
  stamp: z
    .string()
    .max(64)
    .optional()
    .describe('The stamp of that version; a version with another stamp cannot be resumed'),
  ...identityFields,
})

/** The data that gateways decide by: complete as a file, and as a stream of every change. */
export function snapshotRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/snapshot',
    {
      config: READERS,
      schema: {
        tags: ['snapshot'],
        summary: 'A complete snapshot, as NDJSON',
        querystring: z.object({ environment: environmentField }),
      },
    },
    async (request, reply) => {
      const { environment } = request.query
      if (isOutOfBounds(request, environment)) return refuseFollower(reply, environment)
      await control.feed.catchUp()
      const lines = Readable.from(textOf(snapshotLines(control.feed.cache, environment)))
      return reply
        .type(NDJSON)
        .header('Content-Disposition', `attachment; filename="handover-${environment}.ndjson"`)
        .send(lines)
    },
  )
  api.get(
    SNAPSHOT_STREAM_PATH,
    {
      config: READERS,
      schema: { tags: ['snapshot'], summary: 'A snapshot, then every change, as NDJSON', querystring: streamQuery },
    },
    async (request, reply) => {
      const { since, epoch, stamp, ...reader } = request.query
      if (isOutOfBounds(request, reader.environment)) return refuseFollower(reply, reader.environment)
      await control.feed.catchUp()
      const held = since === undefined ? undefined : { epoch: epoch ?? control.feed.cache.epoch, version: since, stamp }
      const status = held === undefined ? 'unknown' : await control.feed.judge(held)
      // A gateway holds only versions that were committed once. Claims of other callers change nothing.
      if (held !== undefined && status === 'lost' && callerOf(request).role === 'gateway') {
        await control.feed.reportLost(held)
      }
      await stream(control, reply, reader, status === 'known' ? held : undefined)
    },
  )
}

async function stream(
  control: ControlContext,
  reply: FastifyReply,
  reader: StreamReader,
  since: StreamRequest['since'],
) {
  const { environment, name } = reader
  reply.hijack()
  const response = reply.raw
  response.writeHead(200, { 'content-type': NDJSON, 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  response.flushHeaders()
  response.socket?.setKeepAlive(true, 5_000)
  response.socket?.setNoDelay(true)
  control.log.info({ environment, gateway: name, since: since?.version ?? null }, 'snapshot stream opened')
  const disconnected = control.gateways.connected(reader)
  const end = await control.streams.serve(response, { environment, since }).finally(disconnected)
  if (end !== 'reader_gone' && end !== 'closing') control.metrics.streamsDropped.inc({ cause: end })
  control.log.info({ environment, gateway: name, end }, 'snapshot stream ended')
}

async function* textOf(lines: Iterable<SnapshotLine>): AsyncGenerator<string> {
  for (const line of lines) {
    yield `${JSON.stringify(line)}\n`
    await turn()
  }
}
