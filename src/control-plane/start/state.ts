import { DEFAULT_ENVIRONMENT, type Definitions, type Environment } from '../../flags/index.ts'
import type { Log } from '../../observability/index.ts'
import { migrate } from '../../storage/index.ts'
import { establishTokens } from '../access/tokens/token-files.ts'
import { TokenStore } from '../access/tokens/token-store.ts'
import { loadDefinitions } from '../flags/definition-files.ts'
import { switchOffAfterFailedTests } from '../flags/failed-tests.ts'
import { enforceDefaults } from '../flags/iam-by-default.ts'
import { GatewayRegistry } from '../gateways/gateway-registry.ts'
import { type ControlMetrics, createMetrics } from '../metrics.ts'
import { MIGRATIONS } from '../migrations.ts'
import { LeaderLease } from '../rollouts/leadership/leadership.ts'
import type { ControlPlaneSettings } from '../settings.ts'
import type { SideEffectAdapter } from '../side-effects/adapter.ts'
import { adaptersOf } from '../side-effects/adapters.ts'
import { SideEffectDispatcher } from '../side-effects/dispatcher.ts'
import { flagEventOf } from '../side-effects/flag-event.ts'
import { SideEffectMetrics } from '../side-effects/metrics.ts'
import { SideEffectOutbox } from '../side-effects/outbox.ts'
import { ChangeFeed } from '../state/feed.ts'
import { SnapshotStreams } from '../state/snapshot-streams.ts'
import { openStore, type Store } from '../state/store.ts'

/** What the parts of a control plane share: the state and its changes, who leads, and what follows a change. */
export interface ControlState {
  readonly definitions: Definitions
  /** The environment that this control plane decides for. */
  readonly environment: Environment
  readonly store: Store
  readonly tokens: TokenStore
  readonly feed: ChangeFeed
  readonly leadership: LeaderLease
  readonly streams: SnapshotStreams
  readonly gateways: GatewayRegistry
  readonly metrics: ControlMetrics
  readonly sideEffects: SideEffectOutbox
  readonly dispatcher: SideEffectDispatcher
  close(): Promise<void>
}

/** Whether a rollout is in charge of a flag. */
export type IsInRollout = (environment: Environment, flag: string) => Promise<boolean>

/**
 * Migrates the schema, reads the definitions, makes tokens valid and follows the changes. Rejects with
 * `ControlPlaneFault` for invalid definitions or secret files.
 */
export async function openState(
  settings: ControlPlaneSettings,
  log: Log,
  isInRollout: IsInRollout,
): Promise<ControlState> {
  const { database, schema = 'control', environment = DEFAULT_ENVIRONMENT } = settings
  const iamByDefault = new Set(settings.iamByDefault)
  const definitions: Definitions = { ...loadDefinitions(settings.definitionsDirectory), iamByDefault }
  await migrate(database, schema, MIGRATIONS)
  const sideEffects = new SideEffectOutbox(database, schema)
  const adapters: readonly SideEffectAdapter[] = adaptersOf(
    settings.sideEffects ?? { qaChannels: {} },
    definitions,
    async ({ environment: where, name }, url) => {
      const failed = { environment: where, name, url }
      await switchOffAfterFailedTests({ store, definitions }, () => isInRollout(where, name), failed)
    },
  )
  const store = openStore(database, schema, async (tx, recorded, version) => {
    const event = flagEventOf(recorded, version)
    if (event === undefined) return
    const concerned = adapters.filter((one) => one.concerns(event)).map(({ kind }) => kind)
    await sideEffects.add(tx, event, concerned)
  })
  const tokens = new TokenStore(database, schema)
  await establishTokens(settings, { store, tokens }, log)
  await enforceDefaults(store, iamByDefault)
  const feed = await ChangeFeed.open(store, definitions, log)
  const leadership = await LeaderLease.join(database, schema, log)
  const streams = new SnapshotStreams(feed)
  const gateways = new GatewayRegistry(store, log, () => feed.cache.position, iamByDefault)
  const metrics = createMetrics(feed, {
    streams: () => streams.size,
    gateways: () => gateways.own(),
    isLeader: () => leadership.isLeader,
  })
  const sideEffectMetrics = new SideEffectMetrics(sideEffects, metrics.registry)
  const onEnd: ConstructorParameters<typeof SideEffectDispatcher>[0]['onEnd'] = (kind, state) =>
    sideEffectMetrics.ended(kind, state)
  const dispatcher = new SideEffectDispatcher({ outbox: sideEffects, adapters, log, onEnd })
  const unfollow = feed.subscribe(() => gateways.superseded())
  const unwatch = feed.subscribe(() => dispatcher.wake())
  return {
    ...{ definitions, environment, store, tokens, feed, leadership, streams, gateways, metrics },
    ...{ sideEffects, dispatcher },
    async close() {
      unwatch()
      await dispatcher.close()
      streams.close()
      unfollow()
      await gateways.close()
      await leadership.close()
      await feed.close()
    },
  }
}
