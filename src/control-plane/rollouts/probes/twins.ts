import { cohortOfDocument } from '../../../applications/index.ts'
import type { StateCache } from '../../state/state-cache.ts'
import type { Store } from '../../state/store.ts'
import type { TwinSettings } from './settings.ts'

/** A twin whose application the platform has announced. */
export interface KnownTwin extends TwinSettings {
  readonly applicationId: number
}

/** Knows which applications are twins, and which twin stands for an application. */
export interface Twins {
  /** Whether an application is a twin, so that its traffic never counts as that of a real one. */
  isProbe(applicationId: number): boolean
  /** Those whose applications have been announced. */
  known(): readonly KnownTwin[]
  /** The applications that are twins. */
  applicationIds(): readonly number[]
  /** The cohort of an application; undefined if the application is unknown. */
  cohortOf(applicationId: number): Promise<string | undefined>
  /**
   * The twins that stand for an application: itself if it is a twin, otherwise those of its cohort. Empty if there is
   * none.
   */
  standingFor(applicationId: number): Promise<readonly KnownTwin[]>
  /** The twins that stand for at least one of the applications. */
  standingForAny(applicationIds: readonly number[]): Promise<readonly KnownTwin[]>
}

const PAGE = 1_000

/** Finds twins by their client ids in what the platform has announced. */
export function createTwins(
  settings: readonly TwinSettings[],
  { store, cache }: { readonly store: Pick<Store, 'database' | 'schema'>; readonly cache: () => StateCache },
): Twins {
  const clientIds = new Set(settings.map(({ twin }) => twin.clientId))
  const known = () =>
    settings.flatMap((one): KnownTwin[] => {
      const application = cache().applicationByClientId(one.twin.clientId)
      return application === undefined ? [] : [{ ...one, applicationId: application.id }]
    })
  const cohort = async (applicationId: number) => {
    const [row] = await store.database.query<{ document: unknown }>(
      `select document from ${store.schema}.applications where id = $1 and not is_removed`,
      [applicationId],
    )
    return cohortOfDocument(row?.document)
  }
  const cohortsOf = async (applicationIds: readonly number[]) => {
    const rows = await store.database.query<{ document: unknown }>(
      `select document from ${store.schema}.applications where id = any($1) and not is_removed`,
      [applicationIds],
    )
    return new Set(rows.map(({ document }) => cohortOfDocument(document)))
  }
  return {
    known,
    applicationIds: () => known().map(({ applicationId }) => applicationId),
    cohortOf: cohort,
    async standingForAny(applicationIds) {
      const moved = new Set(applicationIds)
      const twins = await Promise.all(
        known().map(async (twin) => ({ twin, cohort: twin.cohort ?? (await cohort(twin.applicationId)) })),
      )
      const itself = ({ twin }: (typeof twins)[number]) => moved.has(twin.applicationId)
      const found = new Set(twins.filter(itself))
      const others = twins.filter((one) => !one.twin.isForDrills && one.cohort !== undefined && !found.has(one))
      // A step can move most of the applications: once every twin is found, the others need not be read.
      for (let at = 0; at < applicationIds.length && others.some((one) => !found.has(one)); at += PAGE) {
        const cohorts = await cohortsOf(applicationIds.slice(at, at + PAGE))
        for (const one of others) if (cohorts.has(one.cohort)) found.add(one)
      }
      return [...found].map(({ twin }) => twin)
    },
    isProbe(applicationId) {
      const application = cache().application(applicationId)
      return application !== undefined && clientIds.has(application.client_id)
    },
    async standingFor(applicationId) {
      const twins = known()
      const itself = twins.filter((twin) => twin.applicationId === applicationId)
      if (itself.length > 0) return itself
      const wanted = await cohort(applicationId)
      const cohorts = await Promise.all(twins.map((twin) => twin.cohort ?? cohort(twin.applicationId)))
      return twins.filter(({ isForDrills }, index) => !isForDrills && cohorts[index] === wanted && wanted !== undefined)
    },
  }
}
