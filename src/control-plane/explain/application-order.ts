import { setImmediate as turn } from 'node:timers/promises'
import type { Environment } from '../../flags/index.ts'
import type { ApplicationReport } from '../gateways/application-reports.ts'
import type { DayCount } from '../outcomes/traffic-counts.ts'
import type { StoredRollout } from '../rollouts/store/rollout-store.ts'
import { type ApplicationRecord, hasArrived } from '../state/model.ts'
import type { StateCache } from '../state/state-cache.ts'
import { isFailing } from './application-list.ts'

/** How many applications are processed before other requests get their turn. */
const CHUNK = 5_000
/** More failures than this within a day are a trouble, however many flows there were. */
const FEW_FAILURES = 2

/** What a list can be sorted by besides ids. */
export const LIST_SORTS = ['name', 'traffic', 'trouble'] as const
export type ListSort = (typeof LIST_SORTS)[number]

/** What troubles an application, the worst first. */
export const TROUBLES = ['failing', 'taken_back', 'problem', 'waiting', 'failures', 'not_arrived'] as const
export type Trouble = (typeof TROUBLES)[number]

/** The active rollout that took an application back, and why. */
export interface TakenBack {
  readonly rollout: number
  readonly name: string
  readonly version: number
  readonly sentence: string
  readonly at: string
}

/** The facts about the applications of an environment that the list sorts by. */
export interface ListFacts {
  readonly reports: ReadonlyMap<number, ApplicationReport>
  /** The flows of the last 24 hours; undefined while they cannot be read. */
  readonly day: ReadonlyMap<number, DayCount> | undefined
  /** Those that an active rollout took back, by id. */
  readonly takenBack: ReadonlyMap<number, TakenBack>
  /** Those with an open report of a customer. */
  readonly problems: ReadonlySet<number>
}

/** The applications that these rollouts took back, by id. Of several rollouts, the first one counts. */
export function takenBackBy(rollouts: readonly StoredRollout[]): ReadonlyMap<number, TakenBack> {
  const all = new Map<number, TakenBack>()
  for (const { id, plan, version, excluded } of rollouts) {
    for (const { application_id, sentence, at } of excluded) {
      if (!all.has(application_id)) all.set(application_id, { rollout: id, name: plan.name, version, sentence, at })
    }
  }
  return all
}

/** What troubles an application most; undefined if nothing does. */
export function troubleOf(
  cache: StateCache,
  environment: Environment,
  application: ApplicationRecord,
  { reports, day, takenBack, problems }: ListFacts,
): Trouble | undefined {
  const { id } = application
  if (isFailing(cache, environment, id, reports.get(id))) return 'failing'
  if (takenBack.has(id)) return 'taken_back'
  if (problems.has(id)) return 'problem'
  if (!hasArrived(application)) return cache.isFlagOn(environment, id) ? 'waiting' : 'not_arrived'
  return (day?.get(id)?.failed ?? 0) > FEW_FAILURES ? 'failures' : undefined
}

/** A place in an order: the key of an application, and its id, which decides between equal keys. */
export type Place = readonly [key: string | number, id: number]

/** All applications in one order, at one moment. */
export interface ApplicationOrder {
  readonly ids: readonly number[]
  /** The index of the first application behind a place. */
  after(place: Place): number
  /** The place of an application of the order. */
  placeOf(index: number): Place
}

/** What to sort, and how. */
export interface OrderRequest {
  readonly environment: Environment
  readonly sort: ListSort
  readonly isDescending: boolean
}

/** Sorts applications, all or those with the given ids; other requests run in between. */
export async function orderApplications(
  cache: StateCache,
  { environment, sort, isDescending }: OrderRequest,
  facts: ListFacts,
  only: readonly number[] = cache.idsAfter(0, Number.MAX_SAFE_INTEGER),
): Promise<ApplicationOrder> {
  const keyOf = keys(cache, environment, sort, facts)
  const [ids, keyed]: [number[], Array<string | number>] = [[], []]
  for (let from = 0; from < only.length; from += CHUNK) {
    if (from > 0) await turn()
    for (const id of only.slice(from, from + CHUNK)) {
      const application = cache.application(id)
      if (application === undefined) continue
      ids.push(id)
      keyed.push(keyOf(application))
    }
  }
  // Ids ascend, so equal keys keep the order of their indexes.
  const sign = isDescending ? -1 : 1
  const sorted =
    sort === 'name'
      ? Uint32Array.from(ids.keys()).sort(byText(keyed, sign))
      : sortedByNumber(Float64Array.from(keyed as number[]), sign)
  const placeOf = (index: number): Place => {
    const at = sorted[index] ?? 0
    return [keyed[at] ?? 0, ids[at] ?? 0]
  }
  const isUpTo = ([a, idA]: Place, [b, idB]: Place) => (a < b ? sign > 0 : a > b ? sign < 0 : idA <= idB)
  return {
    ids: Array.from(sorted, (at) => ids[at] ?? 0),
    placeOf,
    after(place) {
      let [low, high] = [0, sorted.length]
      while (low < high) {
        const middle = (low + high) >>> 1
        if (isUpTo(placeOf(middle), place)) low = middle + 1
        else high = middle
      }
      return low
    },
  }
}

/** Sorts only what has traffic or trouble: the others have the key 0, and keep their order. */
function sortedByNumber(keyed: Float64Array, sign: number): Uint32Array {
  const active: number[] = []
  const others: number[] = []
  keyed.forEach((key, index) => void (key === 0 ? others : active).push(index))
  const sorted = Uint32Array.from(active).sort(byNumber(keyed, sign))
  const all = new Uint32Array(keyed.length)
  all.set(sorted, sign < 0 ? 0 : others.length)
  all.set(others, sign < 0 ? sorted.length : 0)
  return all
}

function byNumber(keyed: Float64Array, sign: number) {
  return (a: number, b: number) => sign * ((keyed[a] ?? 0) - (keyed[b] ?? 0)) || a - b
}

function byText(keyed: ReadonlyArray<string | number>, sign: number) {
  return (a: number, b: number) => {
    const [one, other] = [keyed[a] ?? '', keyed[b] ?? '']
    return one < other ? -sign : one > other ? sign : a - b
  }
}

function keys(
  cache: StateCache,
  environment: Environment,
  sort: ListSort,
  facts: ListFacts,
): (application: ApplicationRecord) => string | number {
  const flows = (id: number) => Math.round(facts.day?.get(id)?.flows ?? 0)
  if (sort === 'name') return ({ name, client_id }) => (name ?? client_id).toLowerCase()
  if (sort === 'traffic') return ({ id }) => flows(id)
  return (application) => {
    const trouble = troubleOf(cache, environment, application, facts)
    const severity = trouble === undefined ? 0 : TROUBLES.length - TROUBLES.indexOf(trouble)
    return severity * 1e12 + Math.min(flows(application.id), 1e12 - 1)
  }
}

/** A place as text for the address of the next page. */
export function cursorOf(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

/** Reads a cursor; undefined for an invalid one. */
export function readCursor(text: string, sort: ListSort): Place | undefined {
  try {
    const place: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    if (!Array.isArray(place) || place.length !== 2) return undefined
    const [key, id]: unknown[] = place
    const isKey = typeof key === (sort === 'name' ? 'string' : 'number')
    return isKey && Number.isSafeInteger(id) ? [key as string | number, id as number] : undefined
  } catch {
    return undefined
  }
}
