import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { SNAPSHOT_MEDIA_TYPES, SNAPSHOT_STREAM_PATH } from '../../../routing/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import type { StreamReader } from '../../gateways/gateway-registry.ts'
import { formatFor, snapshotPieces } from '../../state/snapshot-lines.ts'
import type { StreamRequest } from '../../state/snapshot-streams.ts'
import { environmentField } from '../flags/flags.ts'
import { callerOf } from '../hooks/authentication.ts'
import { isOutOfBounds, refuseFollower } from '../hooks/followers.ts'
import { identityFields } from './gateways.ts'

const READERS = { roles: ['gateway', ...PEOPLE] as const }
const NO_OBJECTS = { objectMode: false }
const ACCEPT = 'NDJSON, or with blocks of binary rows for an `Accept` of `application/vnd.handover.snapshot`'

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
        description: ACCEPT,
        querystring: z.object({ environment: environmentField }),
      },
    },
    async (request, reply) => {
      const { environment } = request.query
      if (isOutOfBounds(request, environment)) return refuseFollower(reply, environment)
      await control.feed.catchUp()
      const format = formatFor(request.headers.accept)
      const lines = Readable.from(inTurns(snapshotPieces(control.feed.cache, environment, format)), NO_OBJECTS)
      return reply
        .type(SNAPSHOT_MEDIA_TYPES[format])
        .header('Vary', 'Accept')
        .header('Content-Disposition', `attachment; filename="handover-${environment}.ndjson"`)
        .send(lines)
    },
  )
  api.get(
    SNAPSHOT_STREAM_PATH,
    {
      config: READERS,
      schema: {
        tags: ['snapshot'],
        summary: 'A snapshot, then every change, as NDJSON',
        description: ACCEPT,
        querystring: streamQuery,
      },
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
      const format = formatFor(request.headers.accept)
      await stream(control, reply, reader, { format, since: status === 'known' ? held : undefined })
    },
  )
}

async function stream(
  control: ControlContext,
  reply: FastifyReply,
  reader: StreamReader,
  { format, since }: Pick<StreamRequest, 'format' | 'since'>,
) {
  const { environment, name } = reader
  reply.hijack()
  const response = reply.raw
  response.writeHead(200, {
    'content-type': SNAPSHOT_MEDIA_TYPES[format],
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  response.flushHeaders()
  response.socket?.setKeepAlive(true, 5_000)
  response.socket?.setNoDelay(true)
  control.log.info({ environment, gateway: name, since: since?.version ?? null }, 'snapshot stream opened')
  const disconnected = control.gateways.connected(reader)
  const end = await control.streams.serve(response, { environment, format, since }).finally(disconnected)
  if (end !== 'reader_gone' && end !== 'closing') control.metrics.streamsDropped.inc({ cause: end })
  control.log.info({ environment, gateway: name, end }, 'snapshot stream ended')
}

async function* inTurns(pieces: Iterable<string | Uint8Array>): AsyncGenerator<string | Uint8Array> {
  for (const piece of pieces) {
    yield piece
    await turn()
  }
}
