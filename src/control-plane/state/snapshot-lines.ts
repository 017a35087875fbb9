import type { Definitions, Environment } from '../../flags/index.ts'
import {
  type ApplicationRow,
  linesOf,
  MAX_MEMBERS,
  membersOfStep,
  piecesOf,
  SNAPSHOT_BLOCK_FORMAT,
  SNAPSHOT_FORMAT,
  SNAPSHOT_MEDIA_TYPES,
  type SnapshotFormat,
  type SnapshotLine,
  textOf,
} from '../../routing/index.ts'
import type { FeedStep } from './feed.ts'
import { type ApplicationRecord, hasArrived } from './model.ts'
import { defaultState, gatesOf, ROUTING_FLAGS, type StateCache } from './state-cache.ts'

const BLOCK_TYPE: string = SNAPSHOT_MEDIA_TYPES[SNAPSHOT_BLOCK_FORMAT]

/** An application as change lines contain it. */
function rowOf(application: ApplicationRecord): ApplicationRow {
  return [application.id, application.client_id, hasArrived(application) ? 1 : 0]
}

/**
 * A whole snapshot of the view at the time of the call, piece by piece, in the format that the reader asked for. Each
 * piece is rendered when it is read, so that a big snapshot is not rendered in one go.
 */
export function snapshotPieces(
  cache: StateCache,
  environment: Environment,
  format: SnapshotFormat,
): Generator<string | Uint8Array> {
  const content = cache.content(environment)
  return format === SNAPSHOT_FORMAT ? textsOf(linesOf(content)) : piecesOf(content)
}

function* textsOf(lines: Iterable<SnapshotLine>): Generator<string> {
  for (const line of lines) yield textOf(line)
}

/** The format that a reader accepts: format 2 if its `Accept` names it, otherwise format 1, which every reader knows. */
export function formatFor(accept: string | undefined): SnapshotFormat {
  const isNamed = accept?.split(',').some((range) => range.split(';', 1)[0]?.trim() === BLOCK_TYPE)
  return isNamed ? SNAPSHOT_BLOCK_FORMAT : SNAPSHOT_FORMAT
}

/** What a change line depends on besides the change. */
export interface LineContext {
  readonly environment: Environment
  readonly definitions: Definitions
  readonly format: SnapshotFormat
}

/**
 * One change as an environment's stream carries it. A change that does not concern the environment is an empty step.
 * Undefined if format 2 has no line for it, because too many actors came or went.
 */
export function changeLine(step: FeedStep, context: LineContext): SnapshotLine | undefined {
  const { change, version, stamp } = step
  const { environment, definitions, format } = context
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
      if (step.gates && format === SNAPSHOT_BLOCK_FORMAT) {
        return membersOfStep(step.gates) > MAX_MEMBERS ? undefined : { ...line, gates: { [change.name]: step.gates } }
      }
      const gates = gatesOf(definitions, change.state ?? defaultState(definitions, environment, change.name))
      const members = gates.actors.length + gates.opted_out.length
      if (format === SNAPSHOT_BLOCK_FORMAT && members > MAX_MEMBERS) return undefined
      return { ...line, flags: { [change.name]: gates } }
    }
  }
}
