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
  /** The cohort of an application; undefined if the application is unknown. */
  cohortOf(applicationId: number): Promise<string | undefined>
  /**
   * The twins that stand for an application: itself if it is a twin, otherwise those of its cohort. Empty if there is
   * none.
   */
  standingFor(applicationId: number): Promise<readonly KnownTwin[]>
}

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
  return {
    known,
    cohortOf: cohort,
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
