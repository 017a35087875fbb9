import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_ENVIRONMENT, ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import type { GuardReading } from '../../../guards/index.ts'
import { ACTIVE_STATES } from '../../../rollouts/index.ts'
import type { ControlContext } from '../../control-context.ts'
import {
  isUnfiltered,
  type ListedApplication,
  type ListFilter,
  listApplications,
  listedApplication,
  listInOrder,
  selectedIds,
} from '../../explain/application-list.ts'
import {
  type ApplicationOrder,
  cursorOf,
  type ListFacts,
  type OrderRequest,
  orderApplications,
  readCursor,
  takenBackBy,
  troubleOf,
} from '../../explain/application-order.ts'
import { Renewed } from '../../explain/renewed.ts'
import { applicationReports } from '../../gateways/application-reports.ts'
import { knownGateways } from '../../gateways/gateway-health.ts'
import { type DayCount, dayCounts } from '../../outcomes/traffic-counts.ts'
import type { FieldFault } from '../../requests/problems.ts'
import type { ApplicationRecord } from '../../state/model.ts'
import { AFTER_RULE, type ListDocument, type ListQuery, listedDocument, type RowFacts } from './listed-application.ts'

const MOST_ROLLOUTS = 100
/** Up to this many selected applications are sorted for each request. */
const MOST_SORTED = 20_000
/** Up to this many applications are sorted again after each change. */
const MOST_ORDERED_AT_ONCE = 100_000
/** How long a page waits for what IAM says of its applications; what comes later is on the next page that is read. */
const CREDENTIALS_MS = 150
const MOST_ASKED = 200

type VersionedOrder = OrderRequest & { readonly version: number }
type Orders = Renewed<VersionedOrder, ApplicationOrder>

/** Pages of the list of applications. Concurrent requests share one computation of the sort keys. */
export class ApplicationPages {
  readonly #control: ControlContext
  readonly #day: Renewed<Environment, ReadonlyMap<number, DayCount>>
  readonly #orders: Orders
  readonly #ordersOfMany: Orders
  readonly #names: Orders
  readonly #evidence: Renewed<Environment, ReadonlyMap<number, RowFacts['evidence']>>
  readonly #credentials: Renewed<string, number | null>

  constructor(control: ControlContext) {
    this.#control = control
    const { store } = control
    this.#day = new Renewed(
      async (environment: Environment) =>
        new Map((await dayCounts(store, environment, Date.now())).map((count) => [count.id, count])),
      { freshMs: 30_000, usableMs: 600_000, most: ENVIRONMENTS.length },
    )
    const order = async ({ version: _version, ...request }: VersionedOrder) =>
      orderApplications(control.feed.cache, request, await this.facts(request.environment))
    this.#orders = new Renewed(order, { freshMs: 5_000, usableMs: 5_000, most: 8 })
    this.#ordersOfMany = new Renewed(order, { freshMs: 15_000, usableMs: 120_000, most: 8 })
    // Names are the same in all environments, and change rarely.
    this.#names = new Renewed(order, { freshMs: 600_000, usableMs: 600_000, most: 2 })
    this.#evidence = new Renewed((environment: Environment) => storedEvidence(control, environment), {
      ...{ freshMs: 5_000, usableMs: 60_000, most: ENVIRONMENTS.length },
    })
    this.#credentials = new Renewed((clientId: string) => liveCredentials(control, clientId), {
      ...{ freshMs: 30_000, usableMs: 600_000, most: 2_000 },
    })
  }

  /** One page, or what is wrong with the cursor. */
  async read(query: ListQuery): Promise<ListDocument | { readonly faults: readonly FieldFault[] }> {
    const { sort: _sort, order: _order, after, limit: _limit, ...rest } = query
    const { feed, iamGrants } = this.#control
    await feed.catchUp()
    // The list by id is complete, because the platform compares its own with it. In other lists, only a search finds twins.
    const isComplete = query.sort === 'id' || rest.search !== undefined
    const twins = new Set(isComplete ? [] : this.#control.probing.twins.applicationIds())
    const filter: ListFilter = { ...rest, except: twins }
    const facts = await this.facts(filter.environment)
    const isCounted = after === undefined || query.sort !== 'id'
    const selected =
      isCounted && !isUnfiltered(filter) ? await selectedIds(feed.cache, filter, facts.reports) : undefined
    const page =
      query.sort === 'id' ? await this.#byId(query, filter, facts) : await this.#sorted(query, filter, facts, selected)
    if (page === undefined) {
      return { faults: [{ field: 'after', rule: AFTER_RULE }] }
    }
    const grants = await iamGrants.current()
    return {
      applications: await this.#rows(page.applications, filter.environment, facts),
      next: page.next,
      total: after === undefined ? (selected?.length ?? feed.cache.counts.all - twins.size) : null,
      iam_grant_types: grants ? [...grants] : null,
    }
  }

  /** What the list says of one application, and the facts behind it. */
  async row(application: ApplicationRecord, environment: Environment) {
    const { cache } = this.#control.feed
    const facts = await this.facts(environment)
    const [row] = await this.#rows(
      [listedApplication(cache, environment, application, facts.reports)],
      environment,
      facts,
    )
    if (row === undefined) throw new Error(`application ${application.id} has no row`)
    return { ...row, facts }
  }

  /** What troubles the applications of an environment, and their flows. */
  async facts(environment: Environment): Promise<ListFacts> {
    const { rollouts } = this.#control
    const active = rollouts.list({ environment, states: ACTIVE_STATES, limit: MOST_ROLLOUTS }).catch(() => [])
    const problems = rollouts.openProblems(environment).catch(() => [])
    const day = await this.#day.get(environment).catch(() => undefined)
    return {
      reports: applicationReports(await knownGateways(this.#control), environment),
      day,
      takenBack: takenBackBy(await active),
      problems: new Set((await problems).map(({ applicationId }) => applicationId)),
    }
  }

  async #byId(
    { after = '0', limit }: ListQuery,
    filter: ListFilter,
    { reports }: ListFacts,
  ): Promise<Page | undefined> {
    if (!/^\d{1,15}$/.test(after)) return undefined
    return listApplications(this.#control.feed.cache, filter, { after: Number(after), limit }, reports)
  }

  async #sorted(
    query: ListQuery,
    filter: ListFilter,
    facts: ListFacts,
    selected: readonly number[] | undefined,
  ): Promise<Page | undefined> {
    const { sort, after, limit } = query
    if (sort === 'id') return undefined
    const { cache } = this.#control.feed
    const place = after === undefined ? undefined : readCursor(after, sort)
    if (after !== undefined && place === undefined) return undefined
    const isDescending = (query.order ?? (sort === 'name' ? 'asc' : 'desc')) === 'desc'
    const request = { environment: filter.environment, sort, isDescending, version: cache.version }
    // A few applications are sorted faster than an order of all is computed after each change.
    const isFew = selected !== undefined && selected.length <= MOST_SORTED
    const order = isFew ? await orderApplications(cache, request, facts, selected) : await this.#orderOfAll(request)
    const from = place === undefined ? 0 : order.after(place)
    const { applications, next } = await listInOrder(cache, filter, { ids: order.ids, from, limit }, facts.reports)
    return { applications, next: next === null ? null : cursorOf(order.placeOf(next - 1)) }
  }

  /**
   * An order of a great many takes a second: it is renewed in the background, and a page shows the current state of its
   * applications in an order that may be 15 s old.
   */
  #orderOfAll(request: VersionedOrder): ReturnType<typeof orderApplications> {
    const { cache } = this.#control.feed
    if (request.sort === 'name') {
      return this.#names.get({ ...request, environment: DEFAULT_ENVIRONMENT, version: cache.namesVersion })
    }
    const isMany = cache.counts.all > MOST_ORDERED_AT_ONCE
    return isMany ? this.#ordersOfMany.get({ ...request, version: 0 }) : this.#orders.get(request)
  }

  async #rows(
    applications: readonly ListedApplication[],
    environment: Environment,
    facts: ListFacts,
  ): Promise<ListDocument['applications']> {
    const evidence = await this.#evidenceOf(applications, environment)
    const credentials = await this.#credentialsOf(applications, environment)
    return applications.map((application) => {
      const { id } = application
      const day = facts.day?.get(id) ?? { flows: 0, failed: 0 }
      return listedDocument(application, {
        trouble: troubleOf(this.#control.feed.cache, environment, application, facts) ?? null,
        traffic_per_day: facts.day === undefined ? null : day.flows,
        failed: facts.day === undefined ? null : day.failed,
        evidence: evidence(id) ?? null,
        iam_credentials: credentials.get(application.client_id) ?? null,
        is_probe_twin: this.#control.probing.twins.isProbe(id),
      })
    })
  }

  /** Only the replica that leads has the guards in memory. */
  async #evidenceOf(applications: readonly ListedApplication[], environment: Environment) {
    const { guards, leadership } = this.#control
    if (applications.length === 0) return () => undefined
    if (leadership.isLeader) return (id: number) => worstOf(guards.readings(environment, id))
    const stored = await this.#evidence.get(environment).catch(() => new Map<number, RowFacts['evidence']>())
    return (id: number) => stored.get(id)
  }

  async #credentialsOf(applications: readonly ListedApplication[], environment: Environment) {
    const known = new Map<string, number | null>()
    if (environment !== this.#control.environment || applications.length > MOST_ASKED) return known
    const asking = applications
      .filter(({ iam_version }) => iam_version !== null)
      .map(async ({ client_id: id }) => known.set(id, await this.#credentials.get(id)))
    await Promise.race([Promise.allSettled(asking), sleep(CREDENTIALS_MS, undefined, { ref: false })])
    return new Map(known)
  }
}

interface Page {
  readonly applications: readonly ListedApplication[]
  readonly next: number | string | null
}

async function storedEvidence({ guards }: ControlContext, environment: Environment) {
  const byApplication = Map.groupBy(await guards.storedReadings(environment), ({ applicationId }) => applicationId)
  return new Map([...byApplication].map(([id, readings]) => [id, worstOf(readings) ?? null]))
}

/** The reading that is nearest to its threshold. */
function worstOf(readings: readonly GuardReading[]): RowFacts['evidence'] | undefined {
  const nearness = ({ evidence, threshold }: GuardReading) => Math.log(Math.max(evidence, 1e-9)) / Math.log(threshold)
  const [worst] = [...readings].sort((a, b) => nearness(b) - nearness(a))
  if (worst === undefined) return undefined
  const { guard, verdict, evidence, threshold, outcomes, failures, sentence } = worst
  return { guard, verdict, evidence, threshold, outcomes, failures, sentence }
}

/** How many credentials of an application are valid at IAM; null when IAM does not say. */
async function liveCredentials({ iamCredentials }: ControlContext, clientId: string): Promise<number | null> {
  const answer = await iamCredentials.list({ after: 0, clientId })
  if (answer.kind === 'unavailable') return null
  const [held] = answer.value.applications.filter(({ client_id }) => client_id === clientId)
  if (held === undefined) return 0
  const { access_tokens: access, refresh_tokens: refresh, codes, device_codes: devices } = held
  return access.count + refresh.count + codes.count + devices.count
}
