import { crc32 } from 'node:zlib'
import {
  type ApplicationRow,
  type FlagGates,
  MEMBERS_CHUNK,
  SNAPSHOT_BLOCK_FORMAT,
  SNAPSHOT_CHUNK,
  SNAPSHOT_FORMAT,
  type SnapshotLine,
} from './lines.ts'
import { type RecordBlock, rowsOf } from './record-store.ts'

/** A whole snapshot, of one moment. */
export interface SnapshotContent {
  readonly environment: string
  readonly epoch: string | undefined
  readonly version: number
  readonly stamp: string | undefined
  readonly brake: boolean
  readonly flags: Readonly<Record<string, FlagGates>>
  readonly applications: number
  readonly blocks: Iterable<RecordBlock>
}

/** A snapshot in format 1, line by line. */
export function* linesOf(content: SnapshotContent): Generator<SnapshotLine> {
  const { version, applications, blocks, flags } = content
  yield { type: 'begin', format: SNAPSHOT_FORMAT, ...headOf(content), flags: { ...flags } }
  let rest: ApplicationRow[] = []
  for (const block of blocks) {
    const rows = [...rest, ...rowsOf(block)]
    let at = 0
    for (; rows.length - at >= SNAPSHOT_CHUNK; at += SNAPSHOT_CHUNK) {
      yield { type: 'applications', rows: rows.slice(at, at + SNAPSHOT_CHUNK) }
    }
    rest = rows.slice(at)
  }
  if (rest.length > 0) yield { type: 'applications', rows: rest }
  yield { type: 'end', version, applications }
}

/**
 * A snapshot in format 2, piece by piece: text, and the bytes of blocks, which may be the memory of the table they come
 * from and must not be changed.
 */
export function* piecesOf(content: SnapshotContent): Generator<string | Uint8Array> {
  const { version, applications, blocks } = content
  const flags = Object.fromEntries(
    Object.entries(content.flags).map(([name, gates]) => [name, { ...gates, actors: [], opted_out: [] }]),
  )
  yield textOf({ type: 'begin', format: SNAPSHOT_BLOCK_FORMAT, ...headOf(content), applications, flags })
  let members = 0
  for (const [flag, gates] of Object.entries(content.flags)) {
    for (const list of ['actors', 'opted_out'] as const) {
      for (let at = 0; at < gates[list].length; at += MEMBERS_CHUNK) {
        yield textOf({ type: 'members', flag, [list]: gates[list].slice(at, at + MEMBERS_CHUNK) })
      }
      members += gates[list].length
    }
  }
  for (const { rows, words } of blocks) {
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
    yield textOf({ type: 'block', rows, bytes: bytes.length, crc32: crc32(bytes) })
    yield bytes
  }
  yield textOf({ type: 'end', version, applications, members })
}

/** A line as it is sent. */
export function textOf(line: SnapshotLine): string {
  return `${JSON.stringify(line)}\n`
}

function headOf({ environment, epoch, version, stamp, brake }: SnapshotContent) {
  return { environment, ...(epoch && { epoch }), version, ...(stamp !== undefined && { stamp }), brake }
}
