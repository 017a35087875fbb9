import { actorOf } from '../../applications/index.ts'
import {
  compileFlag,
  type Definitions,
  ENVIRONMENTS,
  type Environment,
  type FlagEvaluator,
  type FlagState,
  OFF,
  ON,
} from '../../flags/index.ts'
import {
  ApplicationTable,
  type ClientStatus,
  type FlagGates,
  ROUTING_FLAG,
  type SnapshotContent,
  UNKNOWN_CLIENTS_FLAG,
} from '../../routing/index.ts'
import {
  type ApplicationRecord,
  type Brake,
  hasArrived,
  type Position,
  type StoredFlag,
  type VersionedChange,
} from './model.ts'
import { SortedIds } from './sorted-ids.ts'
import type { StoredWorld } from './store.ts'
import { TextBlocks } from './text-blocks.ts'

/** The flags that gateways use; the others are for OFREP clients. */
export const ROUTING_FLAGS: readonly string[] = [ROUTING_FLAG, UNKNOWN_CLIENTS_FLAG]

/** How often a name has changed, so that no two caches have the same version of other names. */
let renamings = 0

const NO_BRAKE: Brake = { on: false, reason: '' }

/** The whole state of the control plane, in memory, at one version. Only {@link StateCache.apply} changes it. */
export class StateCache {
  readonly epoch: string
  readonly definitions: Definitions
  #version: number
  #stamp: string
  #arrived = 0
  readonly #applications = new Map<number, ApplicationRecord>()
  readonly #ids = new SortedIds()
  readonly #texts = new TextBlocks(this.#ids, (id) => this.#applications.get(id))
  #namesVersion = 0
  /** By client_id, laid out as gateways hold it, so that a snapshot is written out without being composed. */
  readonly #byClientId = new ApplicationTable()
  readonly #flags = new Map<Environment, Map<string, StoredFlag>>()
  readonly #brakes = new Map<Environment, Brake>()
  readonly #routing = new Map<Environment, FlagEvaluator>()

  constructor(world: StoredWorld, definitions: Definitions) {
    this.epoch = world.epoch
    this.definitions = definitions
    this.#version = world.version
    this.#stamp = world.stamp
    for (const environment of ENVIRONMENTS) this.#flags.set(environment, new Map())
    for (const row of world.flags)
      this.#flags.get(row.environment)?.set(row.name, { state: row.state, version: row.version })
    for (const row of world.brakes) this.#brakes.set(row.environment, { on: row.on, reason: row.reason })
    for (const application of world.applications) this.#put(application)
    for (const environment of ENVIRONMENTS) this.#compile(environment)
  }

  get version(): number {
    return this.#version
  }

  get position(): Position {
    return { epoch: this.epoch, version: this.#version, stamp: this.#stamp }
  }

  /** How many applications there are, and how many of them IAM holds. */
  get counts(): { readonly all: number; readonly arrived: number } {
    return { all: this.#applications.size, arrived: this.#arrived }
  }

  /** Applies the change that leads to the next version. */
  apply({ version, stamp, change }: VersionedChange): void {
    this.#version = version
    this.#stamp = stamp
    switch (change.kind) {
      case 'application':
        return this.#put(change.application)
      case 'application_removed':
        return this.#drop(change.id)
      case 'brake':
        this.#brakes.set(change.environment, change.brake)
        return
      case 'flag': {
        const flags = this.#flags.get(change.environment)
        if (change.state) flags?.set(change.name, { state: change.state, version })
        else flags?.delete(change.name)
        if (change.name === ROUTING_FLAG) this.#compile(change.environment)
      }
    }
  }

  application(id: number): ApplicationRecord | undefined {
    return this.#applications.get(id)
  }

  applicationByClientId(clientId: string): ApplicationRecord | undefined {
    const handle = this.#byClientId.find(clientId)
    return handle === 0 ? undefined : this.#applications.get(this.#byClientId.id(handle))
  }

  /** The application with this id or client_id; a number is an id first. */
  applicationNamed(name: number | string): ApplicationRecord | undefined {
    const isId = typeof name === 'number' || /^[1-9]\d{0,15}$/.test(name)
    return (isId ? this.application(Number(name)) : undefined) ?? this.applicationByClientId(String(name))
  }

  /** All applications at this moment; the list does not change afterwards. */
  applications(): ApplicationRecord[] {
    return [...this.#applications.values()]
  }

  /** The ids of up to `count` applications after an id, in ascending order. */
  idsAfter(id: number, count: number): readonly number[] {
    return this.#ids.after(id, count)
  }

  /** Changes when an application is added or removed, or its name or client_id changes. */
  get namesVersion(): number {
    return this.#namesVersion
  }

  /** The ids after one of the applications with a text in lower case in their name or client_id, in parts. */
  named(text: string, after: number): Generator<readonly number[]> {
    return this.#texts.find(text, after)
  }

  /** The flags that have been set in an environment, by name. */
  storedFlags(environment: Environment): ReadonlyMap<string, StoredFlag> {
    return this.#flags.get(environment) ?? new Map()
  }

  /** A flag's state: as set, or the default of its definition; off for an undefined flag. */
  flagState(environment: Environment, name: string): FlagState {
    return this.#flags.get(environment)?.get(name)?.state ?? this.defaultState(environment, name)
  }

  /** The default of a flag in an environment where it is not set. */
  defaultState(environment: Environment, name: string): FlagState {
    return defaultState(this.definitions, environment, name)
  }

  brake(environment: Environment): Brake {
    return this.#brakes.get(environment) ?? NO_BRAKE
  }

  /** The routing state of a client in an environment, equal to that of the gateway's own snapshot. */
  status(environment: Environment, clientId: string): ClientStatus | 'unknown_client' {
    const handle = this.#byClientId.find(clientId)
    if (handle === 0) return 'unknown_client'
    const applicationId = this.#byClientId.id(handle)
    if (!this.isFlagOn(environment, applicationId)) return { applicationId, flag: 'off' }
    return { applicationId, flag: this.#byClientId.isReady(handle) ? 'on' : 'not_arrived' }
  }

  /** Whether any gate of the routing flag covers an application, whether or not IAM holds it. */
  isFlagOn(environment: Environment, id: number): boolean {
    return this.#routing.get(environment)?.(id) ?? false
  }

  /** The gates of a flag as snapshots contain them. */
  gates(environment: Environment, name: string): FlagGates {
    return gatesOf(this.definitions, this.flagState(environment, name))
  }

  /** The snapshot of an environment at this moment; later changes do not appear in it. */
  content(environment: Environment): SnapshotContent {
    const flags: Record<string, FlagGates> = {}
    for (const name of ROUTING_FLAGS) flags[name] = this.gates(environment, name)
    const { size } = this.#byClientId
    const table = { applications: size, blocks: this.#byClientId.blocks() }
    return { environment, ...this.position, brake: this.brake(environment).on, flags, ...table }
  }

  #compile(environment: Environment): void {
    this.#routing.set(environment, compileFlag(ROUTING_FLAG, this.gates(environment, ROUTING_FLAG)))
  }

  #put(application: ApplicationRecord): void {
    const { id } = application
    // An older replica records a change without the name.
    const held = this.#applications.get(id)
    const name = application.name ?? held?.name
    if (held === undefined || held.name !== name || held.client_id !== application.client_id) this.#renamed(id)
    this.#forget(id)
    const record = name === application.name ? application : { ...application, name }
    this.#applications.set(id, record)
    this.#ids.add(id)
    const isReady = hasArrived(application)
    const why = this.#byClientId.put(application.client_id, id, isReady)
    if (why !== undefined) throw new Error(why)
    if (isReady) this.#arrived++
  }

  #drop(id: number): void {
    this.#forget(id)
    this.#applications.delete(id)
    this.#ids.remove(id)
    this.#renamed(id)
  }

  #renamed(id: number): void {
    this.#namesVersion = ++renamings
    this.#texts.changed(id)
  }

  #forget(id: number): void {
    const held = this.#applications.get(id)
    if (!held) return
    if (this.applicationByClientId(held.client_id) === held) this.#byClientId.remove(held.client_id)
    if (hasArrived(held)) this.#arrived--
  }
}

/** The default of a flag in an environment where it is not set. */
export function defaultState(definitions: Definitions, environment: Environment, name: string): FlagState {
  if (name === ROUTING_FLAG && definitions.iamByDefault?.has(environment)) return ON
  return definitions.flags.get(name)?.default_enabled ? ON : OFF
}

/** The actors in a feature group; empty for a group that is not (or no longer) defined. */
export function groupActors(definitions: Definitions, group: string): string[] {
  return (definitions.featureGroups.get(group)?.applications ?? []).map((id) => actorOf({ id }))
}

/** A flag's gates as snapshots contain them: a feature group is expanded to its actors. */
export function gatesOf(definitions: Definitions, state: FlagState): FlagGates {
  const members = state.feature_groups.flatMap((group) => groupActors(definitions, group))
  return {
    boolean: state.boolean,
    actors: members.length === 0 ? [...state.actors] : [...new Set([...state.actors, ...members])],
    percentage_of_actors: state.percentage_of_actors,
    opted_out: [...state.opted_out],
  }
}
