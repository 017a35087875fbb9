import { Gauge, type Metric, Registry } from 'prom-client'
import { meterProcess, SPANS_METRIC, type Tracing } from '../../observability/index.ts'
import {
  type Destination,
  ENDPOINTS,
  type Endpoint,
  REASONS,
  type Reason,
  WIRE_DESTINATION,
} from '../../routing/index.ts'
import type { KeyAges } from '../both-sides/merged-jwks.ts'
import { BRAKE_HOLDERS, type BrakeHolder } from '../decision-source/brake.ts'
import type { MarkStatus } from '../ledger/mark-check/mark-check.ts'
import type { ConnectionCounts } from '../upstream/connection-limit.ts'
import { ApplicationCounts } from './application-counts.ts'
import type { ExchangeRecord } from './exchange-record.ts'

const DESTINATIONS = ['legacy', 'iam', 'rejected'] as const
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

const ENDPOINT_INDEX = new Map<Endpoint, number>(ENDPOINTS.map((name, index) => [name, index]))
const REASON_INDEX = new Map<Reason, number>(REASONS.map((name, index) => [name, index]))
const DESTINATION_INDEX = { legacy: 0, iam: 1, rejected: 2 } as const

const STANDING_VALUE = { agrees: 1, drifts: 0, unknown: -1 } as const

type Labels = Record<string, string | number>
interface Sample {
  readonly labels: Labels
  readonly value: number
  readonly metricName?: string
}

/** What a scrape reads from the gateway in addition to its own counts. */
export interface GaugeReadings {
  readonly isCircuitOpen: boolean
  /** Number of open circuits of single applications, and of single callers of one application. */
  readonly ownCircuitsOpen: Readonly<Record<'application' | 'caller', number>>
  readonly snapshotVersion: number
  /** Seconds since the last message of the control plane; -1 if there was none. */
  readonly snapshotAgeSeconds: number
  /** Everything that holds the brake; empty while it is off. */
  readonly brakeHolders: readonly BrakeHolder[]
  /** Seconds since each side's signing keys were fetched; undefined if there is only one side. */
  readonly keyAges: KeyAges | undefined
  /** Connections to each upstream, by kind of traffic. */
  readonly connections: ReadonlyArray<ConnectionCounts & { readonly upstream: Destination; readonly traffic: string }>
  /** For the sides with a mark check. */
  readonly markStatus: Readonly<Partial<Record<Destination, MarkStatus>>>
  readonly ledger: {
    readonly entries: number
    readonly evictions: number
    /** Number of issued credentials that contradict the marks of their side. */
    readonly drift: Readonly<Record<Destination, number>>
  }
}

/** Counts outcomes in plain maps and arrays, and converts them to Prometheus text only for a scrape. */
export class Metrics {
  readonly registry = new Registry()
  readonly #requests = new Map<number, number>()
  readonly #errors = new Map<string, number>()
  readonly #buckets = new Float64Array(ENDPOINTS.length * DESTINATIONS.length * BUCKETS.length)
  readonly #sums = new Float64Array(ENDPOINTS.length * DESTINATIONS.length)
  readonly #counts = new Float64Array(ENDPOINTS.length * DESTINATIONS.length)
  readonly #granted: Record<Destination, number> = { legacy: 0, iam: 0 }

  readonly #applications: ApplicationCounts

  /** @param mostApplications maximum number of applications with their own series */
  constructor(readings: () => GaugeReadings, mostApplications: number) {
    this.#applications = new ApplicationCounts(mostApplications)
    meterProcess(this.registry)
    this.#counter('handover_gateway_requests_total', 'Requests by endpoint, destination, reason and status.', () =>
      this.#requestSamples(),
    )
    this.#counter('handover_gateway_oauth_errors_total', 'OAuth errors in answers.', () => this.#errorSamples())
    this.#counter('handover_oauth_application_auth_total', 'Tokens granted, by the side that granted.', () =>
      (['legacy', 'iam'] as const).map((side) => ({
        labels: { destination: WIRE_DESTINATION[side] },
        value: this.#granted[side],
      })),
    )
    this.#register('handover_gateway_request_duration_seconds', 'Time from head to end.', 'histogram', () =>
      this.#durationSamples(),
    )
    this.#gauge('handover_gateway_iam_circuit_open', "1 while IAM's circuit is not closed.", () =>
      readings().isCircuitOpen ? 1 : 0,
    )
    const own = 'Open circuits of single applications, and of pairs of an application and a network.'
    this.#register('handover_gateway_own_circuits_open', own, 'gauge', () =>
      Object.entries(readings().ownCircuitsOpen).map(([scope, value]) => ({ labels: { scope }, value })),
    )
    this.#gauge('handover_gateway_brake_on', '1 while the brake is on.', () =>
      readings().brakeHolders.length > 0 ? 1 : 0,
    )
    this.#register('handover_gateway_brake_held', '1 for each source that holds the brake.', 'gauge', () => {
      const holders = readings().brakeHolders
      return BRAKE_HOLDERS.map((source) => ({ labels: { source }, value: holders.includes(source) ? 1 : 0 }))
    })
    this.#gauge(
      'handover_snapshot_version',
      'Version of the snapshot in use; -1 for none.',
      () => readings().snapshotVersion,
    )
    this.#gauge(
      'handover_snapshot_age_seconds',
      'Seconds since the snapshot was last confirmed; -1 for never.',
      () => readings().snapshotAgeSeconds,
    )
    this.#register('handover_gateway_keys_age_seconds', 'Age of the signing keys held; -1 for none.', 'gauge', () =>
      Object.entries(readings().keyAges ?? {}).map(([side, value]) => ({
        labels: { upstream: WIRE_DESTINATION[side as Destination] },
        value,
      })),
    )
    const help = "1 where a fresh token carries its side's marks, 0 where it does not, -1 where that is not known."
    this.#register('handover_gateway_credential_mark_check', help, 'gauge', () =>
      Object.entries(readings().markStatus).map(([side, status]) => ({
        labels: { upstream: WIRE_DESTINATION[side as Destination] },
        value: STANDING_VALUE[status],
      })),
    )
    this.#registerConnections(() => readings().connections)
    this.#registerLedger(() => readings().ledger)
    this.#registerApplications()
  }

  #registerApplications(): void {
    const requests = 'Requests of known applications, by side and class of status; application_id other for the rest.'
    this.#counter('handover_gateway_application_requests_total', requests, () => this.#applications.requests())
    const grants = 'Tokens granted to known applications, by the side that granted.'
    this.#counter('handover_gateway_application_grants_total', grants, () => this.#applications.grants())
    const errors = 'OAuth errors answered to known applications, by side.'
    this.#counter('handover_gateway_application_oauth_errors_total', errors, () => this.#applications.errors())
  }

  #registerConnections(connections: () => GaugeReadings['connections']): void {
    const of = (value: (counts: ConnectionCounts) => number) => () =>
      connections().map((one) => ({ labels: labelsOfConnections(one), value: value(one) }))
    const inUse = 'Connections to an upstream in use, by traffic: oauth, other, websocket.'
    this.#register(
      'handover_gateway_upstream_connections',
      inUse,
      'gauge',
      of(({ inUse: count }) => count),
    )
    const queued = 'Requests that wait for a connection to an upstream.'
    this.#register(
      'handover_gateway_upstream_queued',
      queued,
      'gauge',
      of(({ queued: count }) => count),
    )
    const refused = 'Requests that got no connection: the queue was full, or they waited too long.'
    this.#counter('handover_gateway_upstream_queue_refusals_total', refused, () =>
      connections().flatMap((one) =>
        (['full', 'timeout'] as const).map((why) => ({
          labels: { ...labelsOfConnections(one), why },
          value: one.refusals[why],
        })),
      ),
    )
  }

  #registerLedger(ledger: () => GaugeReadings['ledger']): void {
    this.#gauge('handover_gateway_ledger_entries', 'Credentials whose issuer is remembered.', () => ledger().entries)
    this.#counter('handover_gateway_ledger_evictions_total', 'Credentials forgotten for lack of room.', () => [
      { labels: {}, value: ledger().evictions },
    ])
    this.#counter('handover_gateway_credential_drift_total', 'Credentials that their marks do not tell.', () =>
      (['legacy', 'iam'] as const).map((side) => ({
        labels: { upstream: WIRE_DESTINATION[side] },
        value: ledger().drift[side],
      })),
    )
  }

  /** Registers the counts of exported and dropped spans. */
  meterSpans(tracing: Tracing): void {
    this.#counter(SPANS_METRIC.name, SPANS_METRIC.help, () =>
      Object.entries(tracing.counts).map(([outcome, value]) => ({ labels: { outcome }, value })),
    )
  }

  /**
   * Counts one record.
   *
   * @param application the application that sent the request, if known
   */
  count(record: ExchangeRecord, application: number | undefined): void {
    this.#applications.count(record, application)
    const endpoint = ENDPOINT_INDEX.get(record.endpoint) ?? 0
    const series = endpoint * DESTINATIONS.length + DESTINATION_INDEX[record.destination]
    const key = (series * REASONS.length + (REASON_INDEX.get(record.reason) ?? 0)) * 1_000 + record.status
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1)
    const seconds = record.durationMs / 1_000
    this.#sums[series] = (this.#sums[series] ?? 0) + seconds
    this.#counts[series] = (this.#counts[series] ?? 0) + 1
    let bucket = 0
    while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] as number)) bucket++
    if (bucket < BUCKETS.length) {
      const at = series * BUCKETS.length + bucket
      this.#buckets[at] = (this.#buckets[at] ?? 0) + 1
    }
    if (record.oauthError !== undefined) {
      const error = `${record.endpoint} ${record.destination} ${record.oauthError}`
      this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1)
    }
    if (record.granted && record.destination !== 'rejected') this.#granted[record.destination]++
  }

  #requestSamples(): Sample[] {
    return [...this.#requests].map(([key, value]) => {
      const code = key % 1_000
      const reason = REASONS[Math.floor(key / 1_000) % REASONS.length] as Reason
      const series = Math.floor(key / 1_000 / REASONS.length)
      return { labels: { ...labelsOf(series), reason, code }, value }
    })
  }

  #errorSamples(): Sample[] {
    return [...this.#errors].map(([key, value]) => {
      const [endpoint = '', destination = '', error = ''] = key.split(' ')
      return { labels: { endpoint, destination: WIRE_DESTINATION[destination as Destination], error }, value }
    })
  }

  #durationSamples(): Sample[] {
    const name = 'handover_gateway_request_duration_seconds'
    const samples: Sample[] = []
    for (let series = 0; series < this.#counts.length; series++) {
      const count = this.#counts[series] as number
      if (count === 0) continue
      const labels = labelsOf(series)
      let sum = 0
      for (const [index, bound] of BUCKETS.entries()) {
        sum += this.#buckets[series * BUCKETS.length + index] as number
        samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: sum })
      }
      samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count })
      samples.push({ metricName: `${name}_sum`, labels, value: this.#sums[series] as number })
      samples.push({ metricName: `${name}_count`, labels, value: count })
    }
    return samples
  }

  #counter(name: string, help: string, read: () => Sample[]): void {
    this.#register(name, help, 'counter', read)
  }

  #gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.registry],
      collect: (): void => gauge.set(read()),
    })
  }

  /** Registers a metric that computes its samples on each scrape, with only the members that a registry needs. */
  #register(name: string, help: string, type: 'counter' | 'gauge' | 'histogram', read: () => Sample[]): void {
    const metric = {
      name,
      help,
      type,
      aggregator: 'sum',
      get: async () => ({ name, help, type, aggregator: 'sum', values: read() }),
      reset: () => {},
    }
    this.registry.registerMetric(metric as unknown as Metric)
  }
}

function labelsOfConnections({ upstream, traffic }: GaugeReadings['connections'][number]): Labels {
  return { upstream: WIRE_DESTINATION[upstream], traffic }
}

function labelsOf(series: number): Labels {
  const endpoint = ENDPOINTS[Math.floor(series / DESTINATIONS.length)] as Endpoint
  const destination = DESTINATIONS[series % DESTINATIONS.length] as (typeof DESTINATIONS)[number]
  return { endpoint, destination: WIRE_DESTINATION[destination] }
}
