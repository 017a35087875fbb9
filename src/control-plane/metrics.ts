import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { ENVIRONMENTS } from '../flags/index.ts'
import { meterProcess } from '../observability/index.ts'
import type { GatewayRecord } from './gateways/gateway-record.ts'
import type { ChangeFeed } from './state/feed.ts'

/** The control plane's own metrics. */
export interface ControlMetrics {
  readonly registry: Registry
  readonly requests: Counter<'method' | 'route' | 'status'>
  readonly duration: Histogram<'route'>
  readonly streamsDropped: Counter<'cause'>
  readonly commands: Counter<'channel' | 'command' | 'outcome'>
}

/** The sources of gauges, besides the feed, at scrape time. */
export interface MetricReadings {
  /** The number of open streams. */
  readonly streams: () => number
  readonly gateways: () => readonly GatewayRecord[]
  readonly isLeader: () => boolean
}

/** Registers the metrics. */
export function createMetrics(feed: ChangeFeed, { streams, gateways, isLeader }: MetricReadings): ControlMetrics {
  const registry = new Registry()
  meterProcess(registry)
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('handover_control_version', 'The version of flags and applications that is held.', () => feed.cache.version)
  gauge(
    'handover_control_history_lost_timestamp_seconds',
    'When this replica last found that the database had lost changes; 0 for never.',
    () => (feed.historyLostAt ?? 0) / 1_000,
  )
  gauge('handover_control_is_leader', '1 when this replica runs the rollouts, 0 when another one does.', () =>
    isLeader() ? 1 : 0,
  )
  gauge('handover_control_snapshot_streams', 'Gateways that follow the snapshot stream.', streams)
  gaugeByEnvironment('handover_control_gateways', 'Gateways connected to this replica.', registry, (environment) => {
    return gateways().filter((each) => each.isConnected && each.environment === environment).length
  })
  gaugeByEnvironment(
    'handover_control_gateway_lag_seconds',
    'For how long the slowest gateway connected to this replica has not held the newest version.',
    registry,
    (environment) => {
      const ours = gateways().filter((each) => each.isConnected && each.environment === environment)
      return Math.max(0, ...ours.map(({ behindMs }) => behindMs ?? 0)) / 1_000
    },
  )
  new Gauge({
    name: 'handover_control_applications',
    help: 'Applications, by whether IAM holds their current version.',
    labelNames: ['replicated'],
    registers,
    collect() {
      const { all, arrived } = feed.cache.counts
      this.set({ replicated: 'yes' }, arrived)
      this.set({ replicated: 'no' }, all - arrived)
    },
  })
  return {
    registry,
    requests: new Counter({
      name: 'handover_control_requests_total',
      help: 'Requests answered.',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    duration: new Histogram({
      name: 'handover_control_request_duration_seconds',
      help: 'Time to answer, streams left out.',
      labelNames: ['route'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    commands: new Counter({
      name: 'handover_control_chatops_commands_total',
      help: 'Commands of people, by what they came to.',
      labelNames: ['channel', 'command', 'outcome'],
      registers,
    }),
    streamsDropped: new Counter({
      name: 'handover_control_snapshot_streams_dropped_total',
      help: 'Streams cut because the reader did not keep up, or the thread was lost.',
      labelNames: ['cause'],
      registers,
    }),
  }
}

function gaugeByEnvironment(
  name: string,
  help: string,
  registry: Registry,
  read: (environment: string) => number,
): void {
  new Gauge({
    name,
    help,
    labelNames: ['environment'],
    registers: [registry],
    collect() {
      for (const environment of ENVIRONMENTS) this.set({ environment }, read(environment))
    },
  })
}
