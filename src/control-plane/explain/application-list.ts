import { setImmediate as turn } from 'node:timers/promises'
import type { Environment } from '../../flags/index.ts'
import type { ApplicationReport } from '../gateways/application-reports.ts'
import { type ApplicationRecord, hasArrived } from '../state/model.ts'
import type { StateCache } from '../state/state-cache.ts'
import { textOf } from '../state/text-blocks.ts'
import { flagStatus } from './what-if.ts'

/** How many applications are processed before other requests get their turn. */
const CHUNK = 2_000
/** How long a search runs before other requests get their turn. */
const TURN_MS = 5

/** The filter of the list. */
export interface ListFilter {
  readonly environment: Environment
  readonly side?: 'iam' | 'rails' | undefined
  readonly arrived?: boolean | undefined
  readonly failing?: boolean | undefined
  /** Only those that the flag covers and whose current version IAM does not hold, so that they stay on legacy. */
  readonly waiting?: true | undefined
  /** A part of the name or client_id in any case, or the whole id. */
  readonly search?: string | undefined
  /** Applications that are left out, such as the twins of probes. */
  readonly except?: ReadonlySet<number> | undefined
}

/** The page of the list, in the order of ids. */
export interface ListPage {
  readonly after: number
  readonly limit: number
}

/**
 * Where new flows of an application go by the flag and by what IAM holds; brake and circuits can still move them back.
 */
export type Side = 'iam' | 'rails'

/** An application as lists show it. */
export interface ListedApplication extends ApplicationRecord {
  readonly arrived: boolean
  readonly side: Side
  /** Whether the routing flag covers it, and the gate that does. */
  readonly flag: { readonly on: boolean; readonly gate: string }
  /** It has moved, and almost none of its requests succeed at IAM, or its own circuit is open. */
  readonly failing: boolean
  readonly report: ApplicationReport | undefined
}

/** The side on which an application's new flows begin. */
export function sideOf(cache: StateCache, environment: Environment, application: ApplicationRecord): Side {
  return hasArrived(application) && cache.isFlagOn(environment, application.id) ? 'iam' : 'rails'
}

/** Whether an application fails at IAM; one that was moved back does not. */
export function isFailing(
  cache: StateCache,
  environment: Environment,
  id: number,
  report: ApplicationReport | undefined,
): boolean {
  if (report === undefined || !cache.isFlagOn(environment, id)) return false
  return report.isFailing || report.circuitOpenAt.length > 0
}

/**
 * One page of the applications that pass a filter, and the id after which the next page begins; null at the end.
 * Processes applications in chunks and lets other requests run in between.
 */
export async function listApplications(
  cache: StateCache,
  filter: ListFilter,
  { after, limit }: ListPage,
  reports: ReadonlyMap<number, ApplicationReport>,
): Promise<{ readonly applications: readonly ListedApplication[]; readonly next: number | null }> {
  const found: ApplicationRecord[] = []
  const matches = matcher(cache, withoutSearch(filter), reports)
  for await (const ids of chunksOf(cache, filter, after, reports)) {
    for (const id of ids) {
      const application = cache.application(id)
      if (application !== undefined && matches(application)) found.push(application)
      if (found.length > limit) break
    }
    if (found.length > limit) break
  }
  const shown = found.slice(0, limit)
  const applications = shown.map((application) => listedApplication(cache, filter.environment, application, reports))
  return { applications, next: found.length > limit ? (shown.at(-1)?.id ?? null) : null }
}

/** The same page of an order, from `from` on; `next` is the index at which the next page begins. */
export async function listInOrder(
  cache: StateCache,
  filter: ListFilter,
  { ids, from, limit }: { readonly ids: readonly number[]; readonly from: number; readonly limit: number },
  reports: ReadonlyMap<number, ApplicationReport>,
): Promise<{ readonly applications: readonly ListedApplication[]; readonly next: number | null }> {
  const found: ListedApplication[] = []
  const matches = matcher(cache, filter, reports)
  for (let index = from; index < ids.length; index++) {
    if ((index - from) % CHUNK === CHUNK - 1) await turn()
    const application = cache.application(ids[index] ?? 0)
    if (application === undefined || !matches(application)) continue
    if (found.length === limit) return { applications: found, next: index }
    found.push(listedApplication(cache, filter.environment, application, reports))
  }
  return { applications: found, next: null }
}

/** Whether a filter lets every application pass that is not left out. */
export function isUnfiltered({ environment: _environment, except: _except, ...filters }: ListFilter): boolean {
  return Object.values(filters).every((value) => value === undefined)
}

/** The ids of all applications that pass a filter, in ascending order. */
export async function selectedIds(
  cache: StateCache,
  filter: ListFilter,
  reports: ReadonlyMap<number, ApplicationReport>,
): Promise<number[]> {
  const matches = matcher(cache, withoutSearch(filter), reports)
  const selected: number[] = []
  for await (const ids of chunksOf(cache, filter, 0, reports)) {
    for (const id of ids) {
      const application = cache.application(id)
      if (application !== undefined && matches(application)) selected.push(id)
    }
  }
  return selected
}

async function* chunksOf(
  cache: StateCache,
  { failing, search }: ListFilter,
  after: number,
  reports: ReadonlyMap<number, ApplicationReport>,
): AsyncGenerator<readonly number[]> {
  if (failing === true) {
    yield [...reports.keys()].filter((id) => id > after).sort((a, b) => a - b)
    return
  }
  if (search !== undefined) {
    yield* foundBy(cache, search, after)
    return
  }
  for (let last = after; ; ) {
    const ids = cache.idsAfter(last, CHUNK)
    yield ids
    if (ids.length < CHUNK) return
    last = ids.at(-1) ?? last
    await turn()
  }
}

/** The rest of a filter, for applications that a search has found. */
function withoutSearch(filter: ListFilter): ListFilter {
  return filter.failing === true ? filter : { ...filter, search: undefined }
}

/** The ids of a search, in ascending order: texts that contain it, and the application with this id. */
async function* foundBy(cache: StateCache, search: string, after: number): AsyncGenerator<readonly number[]> {
  const own = cache.application(Number(search))?.id
  const exact = own !== undefined && String(own) === search && own > after ? own : undefined
  let isDue = exact !== undefined
  let scanned = performance.now()
  for (const ids of cache.named(search.toLowerCase(), after)) {
    const place = isDue && exact !== undefined ? ids.findIndex((id) => id >= exact) : -1
    if (place < 0 || exact === undefined) yield ids
    else {
      isDue = false
      yield ids[place] === exact ? ids : [...ids.slice(0, place), exact, ...ids.slice(place)]
    }
    if (performance.now() - scanned > TURN_MS) {
      await turn()
      scanned = performance.now()
    }
  }
  if (isDue && exact !== undefined) yield [exact]
}

function isNamed(application: ApplicationRecord, wanted: string): boolean {
  return textOf(application).includes(wanted) || String(application.id) === wanted
}

function matcher(cache: StateCache, filter: ListFilter, reports: ReadonlyMap<number, ApplicationReport>) {
  const { environment, side, arrived, failing, waiting, search, except } = filter
  const wanted = search?.toLowerCase()
  return (application: ApplicationRecord): boolean =>
    (except === undefined || !except.has(application.id)) &&
    (side === undefined || sideOf(cache, environment, application) === side) &&
    (arrived === undefined || hasArrived(application) === arrived) &&
    (failing === undefined || isFailing(cache, environment, application.id, reports.get(application.id)) === failing) &&
    (waiting !== true || (!hasArrived(application) && cache.isFlagOn(environment, application.id))) &&
    (wanted === undefined || isNamed(application, wanted))
}

/** An application as lists show it. */
export function listedApplication(
  cache: StateCache,
  environment: Environment,
  application: ApplicationRecord,
  reports: ReadonlyMap<number, ApplicationReport>,
): ListedApplication {
  const { on, gate } = flagStatus(cache, environment, application)
  const report = reports.get(application.id)
  return {
    ...application,
    arrived: hasArrived(application),
    side: sideOf(cache, environment, application),
    flag: { on, gate },
    failing: isFailing(cache, environment, application.id, report),
    report,
  }
}
