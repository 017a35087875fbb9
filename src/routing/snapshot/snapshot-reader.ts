import { crc32 } from 'node:zlib'
import { type Line, SNAPSHOT_BLOCK_FORMAT, SNAPSHOT_FORMAT, type SnapshotLine, snapshotLineSchema } from './lines.ts'
import { Snapshot } from './snapshot.ts'

/** The result of a line: `replaced` and `changed` updated the snapshot, `refused` left it unchanged and says why. */
export type Acceptance =
  | { readonly kind: 'read' }
  /** The next bytes, that many, are a block; see {@link SnapshotReader.acceptBlock}. */
  | { readonly kind: 'block'; readonly bytes: number }
  | { readonly kind: 'replaced'; readonly snapshot: Snapshot }
  /** `line` is the text of the change. */
  | { readonly kind: 'changed'; readonly snapshot: Snapshot; readonly line: string }
  | { readonly kind: 'refused'; readonly why: string }
  /**
   * The sender is ahead of the held snapshot, or holds another version of the same number: request it again with
   * `since`.
   */
  | { readonly kind: 'behind' }

/**
 * Reads snapshot lines of both formats, from a stream or a file, and keeps the newest complete snapshot of one
 * environment. Lines that are malformed, for another environment, of an older version (within one epoch), or incomplete
 * never replace the held snapshot.
 */
export class SnapshotReader {
  readonly #environment: string
  #held: Snapshot | undefined
  #coming: Snapshot | undefined
  #block: Line<'block'> | undefined

  constructor(environment: string) {
    this.#environment = environment
  }

  get snapshot(): Snapshot | undefined {
    return this.#held
  }

  /** Discards an incomplete snapshot, as at the start of a new connection. */
  reset(): void {
    this.#coming = undefined
    this.#block = undefined
  }

  /** Handles one line of JSON text. Never throws. */
  accept(text: string): Acceptance {
    let document: unknown
    try {
      document = JSON.parse(text)
    } catch {
      return this.#refuse('a line is not JSON')
    }
    const line = snapshotLineSchema.safeParse(document)
    if (!line.success) {
      const issue = line.error.issues[0]
      const newer = formatThatIsNotRead(document)
      if (newer !== undefined) {
        const known = `${SNAPSHOT_FORMAT} and ${SNAPSHOT_BLOCK_FORMAT}`
        return this.#refuse(`it has format ${newer}, and this gateway reads formats ${known}`)
      }
      return this.#refuse(`a line does not fit: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim())
    }
    return this.#take(line.data, text)
  }

  /** Handles the bytes of a block, which the line before announced; they must begin at a multiple of four. */
  acceptBlock(bytes: Uint8Array): Acceptance {
    const line = this.#block
    this.#block = undefined
    if (!line || !this.#coming) return this.#refuse('a block came without a beginning')
    if (bytes.length !== line.bytes || crc32(bytes) !== line.crc32) return this.#refuse('a block is damaged')
    const why = this.#coming.addBlock(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), line.rows)
    return why === undefined ? { kind: 'read' } : this.#refuse(why)
  }

  #take(line: SnapshotLine, text: string): Acceptance {
    switch (line.type) {
      case 'begin':
        return this.#begin(line)
      case 'members': {
        if (!this.#coming) return this.#refuse('members came without a beginning')
        return this.#coming.addMembers(line) ? { kind: 'read' } : this.#refuse('members are of a flag it does not have')
      }
      case 'applications': {
        if (!this.#coming) return this.#refuse('applications came without a beginning')
        const why = this.#coming.add(line.rows)
        return why === undefined ? { kind: 'read' } : this.#refuse(why)
      }
      case 'block':
        if (!this.#coming) return this.#refuse('a block came without a beginning')
        this.#block = line
        return { kind: 'block', bytes: line.bytes }
      case 'end':
        return this.#end(line)
      case 'change':
        return this.#change(line, text)
      case 'heartbeat':
        return this.#held && isElsewhere(line, this.#held) ? { kind: 'behind' } : { kind: 'read' }
    }
  }

  #begin(line: Line<'begin'>): Acceptance {
    if (line.environment !== this.#environment) {
      return this.#refuse(`it is of environment ${line.environment}, not ${this.#environment}`)
    }
    const held = this.#held
    if (held && held.epoch === line.epoch && line.version < held.version) {
      return this.#refuse(`version ${line.version} is older than ${held.version}, which is held`)
    }
    this.#coming = new Snapshot(line)
    return { kind: 'read' }
  }

  #end(line: Line<'end'>): Acceptance {
    const coming = this.#coming
    if (!coming) return this.#refuse('it ends without a beginning')
    if (line.version !== coming.version)
      return this.#refuse(`it begins as version ${coming.version}, ends as ${line.version}`)
    if (line.applications !== coming.size) {
      return this.#refuse(`it holds ${coming.size} applications where ${line.applications} were announced`)
    }
    if ((line.members ?? 0) !== coming.members) {
      return this.#refuse(`it lists ${coming.members} actors where ${line.members ?? 0} were announced`)
    }
    this.#held = coming
    this.#coming = undefined
    return { kind: 'replaced', snapshot: coming }
  }

  #change(line: Line<'change'>, text: string): Acceptance {
    const held = this.#held
    if (!held || line.from > held.version) return { kind: 'behind' }
    if (line.to <= held.version) return { kind: 'read' }
    if (line.from < held.version) return this.#refuse(`a change from version ${line.from} does not fit ${held.version}`)
    const why = held.faultOf(line)
    if (why !== undefined) return this.#refuse(why)
    held.change(line)
    return { kind: 'changed', snapshot: held, line: text }
  }

  #refuse(why: string): Acceptance {
    this.reset()
    return { kind: 'refused', why }
  }
}

function isElsewhere({ version, stamp }: Line<'heartbeat'>, held: Snapshot): boolean {
  if (version !== held.version) return version > held.version
  return stamp !== undefined && held.stamp !== undefined && stamp !== held.stamp
}

/** The format of a `begin` line of another format than those read here. */
function formatThatIsNotRead(document: unknown): number | undefined {
  if (typeof document !== 'object' || document === null) return undefined
  const { type, format } = document as Record<string, unknown>
  const isRead = format === SNAPSHOT_FORMAT || format === SNAPSHOT_BLOCK_FORMAT
  return type === 'begin' && typeof format === 'number' && !isRead ? format : undefined
}
