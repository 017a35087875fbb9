import type { Definitions, Environment } from '../../flags/index.ts'
import {
  type ApplicationRow,
  type FlagGates,
  SNAPSHOT_CHUNK,
  SNAPSHOT_FORMAT,
  type SnapshotLine,
} from '../../routing/index.ts'
import { type ApplicationRecord, hasArrived, type VersionedChange } from './model.ts'
import { defaultState, gatesOf, ROUTING_FLAGS, type StateCache } from './state-cache.ts'

type Row = readonly [id: number, clientId: string, ready: 0 | 1]

/** An application as snapshots contain it. */
export function rowOf(application: ApplicationRecord): ApplicationRow {
  const row: Row = [application.id, application.client_id, hasArrived(application) ? 1 : 0]
  return [...row]
}

/**
 * A whole snapshot of the view at the time of the call. Each line is rendered when it is read, so that a big snapshot
 * is not rendered in one go. Later changes of the view do not appear in it.
 */
export function snapshotLines(cache: StateCache, environment: Environment): Generator<SnapshotLine> {
  const { version, epoch, stamp } = cache.position
  const flags: Record<string, FlagGates> = {}
  for (const name of ROUTING_FLAGS) flags[name] = cache.gates(environment, name)
  const brake = cache.brake(environment).on
  const applications = cache.applications()
  function* lines(): Generator<SnapshotLine> {
    yield { type: 'begin', format: SNAPSHOT_FORMAT, environment, epoch, version, stamp, brake, flags }
    for (let at = 0; at < applications.length; at += SNAPSHOT_CHUNK) {
      yield { type: 'applications', rows: applications.slice(at, at + SNAPSHOT_CHUNK).map(rowOf) }
    }
    yield { type: 'end', version, applications: applications.length }
  }
  return lines()
}

/**
 * One change as an environment's stream carries it. A change that does not concern the environment is an empty step.
 */
export function changeLine(step: VersionedChange, environment: Environment, definitions: Definitions): SnapshotLine {
  const { change, version, stamp } = step
  const line = { type: 'change' as const, from: version - 1, to: version, stamp }
  switch (change.kind) {
    case 'application': {
      const former = change.former_client_id
      const removed = former === undefined ? {} : { removed: [former] }
      return { ...line, ...removed, applications: [rowOf(change.application)] }
    }
    case 'application_removed':
      return { ...line, removed: [change.former_client_id] }
    case 'brake':
      return change.environment === environment ? { ...line, brake: change.brake.on } : line
    case 'flag': {
      if (change.environment !== environment || !ROUTING_FLAGS.includes(change.name)) return line
      const state = change.state ?? defaultState(definitions, environment, change.name)
      return { ...line, flags: { [change.name]: gatesOf(definitions, state) } }
    }
  }
}
