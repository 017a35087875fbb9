import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { FlagDocument } from '../api/documents.ts'
import { inFull } from '../format/numbers.ts'
import { type Condition, ConditionBadge } from '../parts/badges/condition.tsx'
import { Time } from '../parts/text/time.tsx'

export type InEnvironment = FlagDocument['environments'][number]

/** A row of the comparison: what it shows of an environment, and the text that is compared between environments. */
export interface GateRow {
  readonly key: string
  readonly head: string
  readonly cell: (one: InEnvironment) => ReactNode
  /** Undefined for a row that naturally differs, such as who changed it last. */
  readonly compared?: (one: InEnvironment) => string
}

const STATES: Readonly<Record<InEnvironment['state'], { condition: Condition; words: string }>> = {
  on: { condition: 'set', words: 'on' },
  conditional: { condition: 'pending', words: 'on for some' },
  off: { condition: 'unknown', words: 'off' },
}
const NONE = <span className="text-faded">–</span>
const GATES_IN_WORDS: Readonly<Record<string, string>> = {
  opt_out: 'opted out',
  boolean: 'on for all',
  actor: 'named by the flag',
  percentage_of_actors: 'within the share',
  feature_group: 'in a feature group',
  none: 'no gate applies',
}

/** The rows of the comparison; gates that no environment uses are left out. */
export function gateRows({ environments, application }: FlagDocument): GateRow[] {
  const isUsed = (uses: (gates: InEnvironment['gates']) => boolean) => environments.some(({ gates }) => uses(gates))
  return [
    { key: 'state', head: 'State', cell: stateOf, compared: ({ state }) => state },
    ...(application === null ? [] : [previewRow(application)]),
    {
      key: 'share',
      head: 'Share of applications',
      cell: ({ gates: { percentage_of_actors: share } }) => (share > 0 ? `${share} %` : NONE),
      compared: ({ gates }) => String(gates.percentage_of_actors),
    },
    ...(isUsed(({ percentage_of_time: share }) => share > 0) ? [timeRow] : []),
    {
      key: 'actors',
      head: 'Named applications',
      cell: ({ gates }) => namedIn(gates.actors),
      compared: ({ gates }) => gates.actors.join(),
    },
    ...(isUsed(({ opted_out: out }) => out.length > 0) ? [optedOutRow] : []),
    ...(isUsed(({ feature_groups: groups }) => groups.length > 0) ? [groupsRow] : []),
    ...(environments.some(({ waiting_applications: waiting }) => waiting > 0) ? [waitingRow] : []),
    { key: 'change', head: 'Last change', cell: changeOf },
  ]
}

const timeRow: GateRow = {
  key: 'time',
  head: 'Share of the time',
  cell: ({ gates: { percentage_of_time: share } }) => (share > 0 ? `${share} %` : NONE),
  compared: ({ gates }) => String(gates.percentage_of_time),
}
const optedOutRow: GateRow = {
  key: 'out',
  head: 'Opted out',
  cell: ({ gates }) => namedIn(gates.opted_out),
  compared: ({ gates }) => gates.opted_out.join(),
}
const groupsRow: GateRow = {
  key: 'groups',
  head: 'Feature groups',
  cell: ({ gates }) => (gates.feature_groups.length === 0 ? NONE : gates.feature_groups.join(', ')),
  compared: ({ gates }) => gates.feature_groups.join(),
}
const waitingRow: GateRow = {
  key: 'waiting',
  head: 'Waiting for iam',
  cell: ({ waiting_applications: waiting }) => (waiting > 0 ? `${inFull(waiting)} do not hold yet` : NONE),
}

function previewRow({ bucket }: NonNullable<FlagDocument['application']>): GateRow {
  return {
    key: 'preview',
    head: `For this application, in bucket ${bucket} %`,
    cell: ({ preview }) =>
      preview === null ? (
        NONE
      ) : (
        <ConditionBadge condition={preview.on ? 'set' : 'unknown'}>
          {preview.on ? 'on' : 'off'}
          <span className="block text-faded">{GATES_IN_WORDS[preview.gate] ?? preview.gate}</span>
        </ConditionBadge>
      ),
    compared: ({ preview }) => JSON.stringify(preview),
  }
}

function stateOf({ state, is_set: isSet }: InEnvironment) {
  const { condition, words } = STATES[state]
  return (
    <ConditionBadge condition={condition}>
      {words}
      {!isSet && <span className="block text-faded">by default</span>}
    </ConditionBadge>
  )
}

const MOST_NAMED = 5

function namedIn(actors: readonly string[]) {
  if (actors.length === 0) return NONE
  return (
    <span className="flex flex-wrap gap-x-2">
      {actors.slice(0, MOST_NAMED).map((actor) => {
        const id = /:(\d+)$/.exec(actor)?.[1]
        return id === undefined ? (
          <bdi key={actor}>{actor}</bdi>
        ) : (
          <Link key={actor} to="/applications/$id" params={{ id }} className="underline underline-offset-4">
            #{id}
          </Link>
        )
      })}
      {actors.length > MOST_NAMED && <span>and {inFull(actors.length - MOST_NAMED)} more</span>}
    </span>
  )
}

function changeOf({ changed_at: at, changed_by: by, version }: InEnvironment) {
  if (at === null) return <span className="text-faded">never changed</span>
  return (
    <>
      <Time at={at} show="age" />
      <span className="block break-words text-faded">
        by <bdi>{by}</bdi>, version {inFull(version)}
      </span>
    </>
  )
}
