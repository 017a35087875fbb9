import type { FlagEvaluator } from '../../flags/index.ts'
import type { ClientStatus } from '../decision.ts'
import { ROUTING_FLAG, UNKNOWN_CLIENTS_FLAG } from '../vocabulary.ts'
import { ApplicationTable, REFUSALS } from './application-table.ts'
import { Gates } from './gates.ts'
import type { ApplicationRow, FlagGates, Line, SnapshotLine } from './lines.ts'
import { linesOf, type SnapshotContent } from './write.ts'

/**
 * One environment's snapshot, laid out for client lookups: a table of applications by client_id. Flags are evaluated
 * per lookup, from gates compiled once.
 */
export class Snapshot {
  readonly environment: string
  readonly epoch: string | undefined
  readonly #applications = new ApplicationTable()
  readonly #flags: Map<string, Gates>
  #version: number
  #stamp: string | undefined
  #brake: boolean
  #isOn: FlagEvaluator = () => false
  #unknownToIam = false
  #members = 0

  constructor(begin: Line<'begin'>) {
    this.environment = begin.environment
    this.epoch = begin.epoch
    this.#version = begin.version
    this.#stamp = begin.stamp
    this.#brake = begin.brake
    this.#flags = new Map(Object.entries(begin.flags).map(([name, gates]) => [name, new Gates(gates)]))
    if (begin.applications !== undefined) this.#applications.expect(begin.applications)
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

  /** Number of actors that `members` lines added. */
  get members(): number {
    return this.#members
  }

  /** Whether unknown clients go to IAM. */
  get unknownClientsToIam(): boolean {
    return this.#unknownToIam
  }

  /** Looks a client up. An application that has not arrived at IAM stays on legacy, whatever its flag says. */
  lookUp(clientId: string): ClientStatus | 'unknown_client' {
    const handle = this.#applications.find(clientId)
    if (handle === 0) return 'unknown_client'
    const applicationId = this.#applications.id(handle)
    if (!this.#isOn(applicationId)) return { applicationId, flag: 'off' }
    return { applicationId, flag: this.#applications.isReady(handle) ? 'on' : 'not_arrived' }
  }

  /** Adds applications of a snapshot that is being read; returns why it must be refused, or undefined. */
  add(rows: readonly ApplicationRow[]): string | undefined {
    for (const [id, clientId, ready] of rows) {
      if (this.#applications.find(clientId) !== 0) return REFUSALS.duplicate
      const why = this.#applications.put(clientId, id, ready === 1)
      if (why !== undefined) return why
    }
    return undefined
  }

  /** Adds a block of applications; returns why the snapshot must be refused, or undefined. */
  addBlock(words: Uint32Array, rows: number): string | undefined {
    const added = this.#applications.addBlock(words)
    if (typeof added === 'string') return added
    return added === rows ? undefined : `a block holds ${added} applications where ${rows} were announced`
  }

  /** Adds actors of a flag that `begin` named; false if it did not. */
  addMembers(line: Line<'members'>): boolean {
    const gates = this.#flags.get(line.flag)
    if (!gates) return false
    gates.add(line)
    this.#members += (line.actors?.length ?? 0) + (line.opted_out?.length ?? 0)
    if (line.flag === ROUTING_FLAG) this.#compile()
    return true
  }

  /** Why a change must not be applied; undefined if it may be. */
  faultOf({ applications, removed }: Line<'change'>): string | undefined {
    if (!applications) return undefined
    const given = new Set<string>()
    const gone = new Set(removed)
    for (const [id, clientId] of applications) {
      const handle = this.#applications.find(clientId)
      const isTaken = handle !== 0 && !gone.has(clientId) && this.#applications.id(handle) !== id
      if (isTaken || given.has(clientId)) return REFUSALS.duplicate
      given.add(clientId)
    }
    return undefined
  }

  /**
   * Applies one change; its `from` must be this snapshot's version (see `SnapshotReader`), and {@link faultOf} must
   * find nothing.
   */
  change(change: Line<'change'>): void {
    this.#version = change.to
    this.#stamp = change.stamp
    if (change.brake !== undefined) this.#brake = change.brake
    for (const clientId of change.removed ?? []) this.#applications.remove(clientId)
    for (const [id, clientId, ready] of change.applications ?? []) this.#applications.put(clientId, id, ready === 1)
    for (const [name, gates] of Object.entries(change.flags ?? {})) this.#flags.set(name, new Gates(gates))
    for (const [name, step] of Object.entries(change.gates ?? {})) this.#gatesOf(name).apply(step)
    for (const name of change.removed_flags ?? []) this.#flags.delete(name)
    if (change.flags || change.gates || change.removed_flags) this.#compile()
  }

  /** All of it at this moment, for writing it out; later changes do not appear in it. */
  content(): SnapshotContent {
    const { environment, epoch, version, stamp, brake, size } = this
    const flags: Record<string, FlagGates> = {}
    for (const [name, gates] of this.#flags) flags[name] = gates.read()
    return { environment, epoch, version, stamp, brake, flags, applications: size, blocks: this.#applications.blocks() }
  }

  /** The snapshot as lines of format 1, generated lazily, of the moment of the call. */
  lines(): Generator<SnapshotLine> {
    return linesOf(this.content())
  }

  #gatesOf(name: string): Gates {
    const held = this.#flags.get(name)
    if (held) return held
    const gates = new Gates({ boolean: false, actors: [], percentage_of_actors: 0, opted_out: [] })
    this.#flags.set(name, gates)
    return gates
  }

  #compile(): void {
    this.#isOn = this.#flags.get(ROUTING_FLAG)?.compile(ROUTING_FLAG) ?? (() => false)
    // The flag for unknown clients has no application to evaluate: it is either on as a whole or off.
    this.#unknownToIam = this.#flags.get(UNKNOWN_CLIENTS_FLAG)?.boolean ?? false
  }
}
