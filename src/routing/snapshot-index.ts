import { compileFlag } from '../flags/index.ts'
import type { ClientStatus } from './decision.ts'
import {
  type ApplicationRow,
  type FlagGates,
  SNAPSHOT_CHUNK,
  SNAPSHOT_FORMAT,
  type SnapshotLine,
  snapshotLineSchema,
} from './snapshot.ts'
import { ROUTING_FLAG, UNKNOWN_CLIENTS_FLAG } from './vocabulary.ts'

type Line<Type extends SnapshotLine['type']> = Extract<SnapshotLine, { type: Type }>
type Evaluate = (applicationId: number) => boolean

/**
 * One environment's snapshot, laid out for client lookups: one map from client_id to a small integer that holds the
 * application's id and whether IAM has it. Flags are evaluated per lookup, from gates compiled once.
 */
export class Snapshot {
  readonly environment: string
  readonly epoch: string | undefined
  readonly #applications: Map<string, number>
  readonly #flags: Map<string, FlagGates>
  #version: number
  #stamp: string | undefined
  #brake: boolean
  #isOn: Evaluate = () => false
  #unknownToIam = false

  constructor(begin: Line<'begin'>) {
    this.environment = begin.environment
    this.epoch = begin.epoch
    this.#version = begin.version
    this.#stamp = begin.stamp
    this.#brake = begin.brake
    this.#flags = new Map(Object.entries(begin.flags))
    this.#applications = new Map()
    this.#compile()
  }

  get version(): number {
    return this.#version
  }

  /** Distinguishes this version from another one with the same number; undefined if the control plane sends none. */
  get stamp(): string | undefined {
    return this.#stamp
  }

  get brake(): boolean {
    return this.#brake
  }

  /** Number of known applications. */
  get size(): number {
    return this.#applications.size
  }

  /** Whether unknown clients go to IAM. */
  get unknownClientsToIam(): boolean {
    return this.#unknownToIam
  }

  /** Looks a client up. An application that has not arrived at IAM stays on legacy, whatever its flag says. */
  lookUp(clientId: string): ClientStatus | 'unknown_client' {
    const packed = this.#applications.get(clientId)
    if (packed === undefined) return 'unknown_client'
    const applicationId = (packed - (packed % 2)) / 2
    if (!this.#isOn(applicationId)) return { applicationId, flag: 'off' }
    return { applicationId, flag: packed % 2 === 1 ? 'on' : 'not_arrived' }
  }

  add(rows: readonly ApplicationRow[]): void {
    for (const [id, clientId, ready] of rows) this.#applications.set(clientId, id * 2 + ready)
  }

  /** Applies one change; its `from` must be this snapshot's version (see {@link SnapshotReader}). */
  change(change: Line<'change'>): void {
    this.#version = change.to
    this.#stamp = change.stamp
    if (change.brake !== undefined) this.#brake = change.brake
    for (const clientId of change.removed ?? []) this.#applications.delete(clientId)
    if (change.applications) this.add(change.applications)
    for (const [name, gates] of Object.entries(change.flags ?? {})) this.#flags.set(name, gates)
    for (const name of change.removed_flags ?? []) this.#flags.delete(name)
    if (change.flags || change.removed_flags) this.#compile()
  }

  /** The snapshot as lines of the wire format, generated lazily. */
  *lines(): Generator<SnapshotLine> {
    const { environment, version, brake, epoch, stamp } = this
    const flags = Object.fromEntries(this.#flags)
    const position = { version, ...(epoch && { epoch }), ...(stamp !== undefined && { stamp }) }
    yield { type: 'begin', format: SNAPSHOT_FORMAT, environment, ...position, brake, flags }
    let rows: ApplicationRow[] = []
    for (const [clientId, packed] of this.#applications) {
      rows.push([(packed - (packed % 2)) / 2, clientId, packed % 2 === 1 ? 1 : 0])
      if (rows.length === SNAPSHOT_CHUNK) {
        yield { type: 'applications', rows }
        rows = []
      }
    }
    if (rows.length > 0) yield { type: 'applications', rows }
    yield { type: 'end', version, applications: this.#applications.size }
  }

  #compile(): void {
    const routing = this.#flags.get(ROUTING_FLAG)
    this.#isOn = routing ? compileFlag(ROUTING_FLAG, routing) : () => false
    // The flag for unknown clients has no application to evaluate: it is either on as a whole or off.
    this.#unknownToIam = this.#flags.get(UNKNOWN_CLIENTS_FLAG)?.boolean ?? false
  }
}

/** The result of a line: `replaced` and `changed` updated the snapshot, `refused` left it unchanged and says why. */
export type Acceptance =
  | { readonly kind: 'read' }
  | { readonly kind: 'replaced' | 'changed'; readonly snapshot: Snapshot }
  | { readonly kind: 'refused'; readonly why: string }
  /**
   * The sender is ahead of the held snapshot, or holds another version of the same number: request it again with
   * `since`.
   */
  | { readonly kind: 'behind' }

/**
 * Reads snapshot lines, from a stream or a file, and keeps the newest complete snapshot of one environment. Lines that
 * are malformed, for another environment, of an older version (within one epoch), or incomplete never replace the held
 * snapshot.
 */
export class SnapshotReader {
  readonly #environment: string
  #held: Snapshot | undefined
  #coming: Snapshot | undefined

  constructor(environment: string) {
    this.#environment = environment
  }

  get snapshot(): Snapshot | undefined {
    return this.#held
  }

  /** Discards an incomplete snapshot, as at the start of a new connection. */
  reset(): void {
    this.#coming = undefined
  }

  /** Handles one line of NDJSON text. Never throws. */
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
      return this.#refuse(`a line does not fit: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim())
    }
    return this.#take(line.data)
  }

  #take(line: SnapshotLine): Acceptance {
    switch (line.type) {
      case 'begin':
        return this.#begin(line)
      case 'applications':
        if (!this.#coming) return this.#refuse('applications came without a beginning')
        this.#coming.add(line.rows)
        return { kind: 'read' }
      case 'end':
        return this.#end(line)
      case 'change':
        return this.#change(line)
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
    this.#held = coming
    this.#coming = undefined
    return { kind: 'replaced', snapshot: coming }
  }

  #change(line: Line<'change'>): Acceptance {
    const held = this.#held
    if (!held || line.from > held.version) return { kind: 'behind' }
    if (line.to <= held.version) return { kind: 'read' }
    if (line.from < held.version) return this.#refuse(`a change from version ${line.from} does not fit ${held.version}`)
    held.change(line)
    return { kind: 'changed', snapshot: held }
  }

  #refuse(why: string): Acceptance {
    this.#coming = undefined
    return { kind: 'refused', why }
  }
}

function isElsewhere({ version, stamp }: Line<'heartbeat'>, held: Snapshot): boolean {
  if (version !== held.version) return version > held.version
  return stamp !== undefined && held.stamp !== undefined && stamp !== held.stamp
}
