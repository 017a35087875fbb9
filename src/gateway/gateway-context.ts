import type { HttpRequest } from '../http/index.ts'
import type { Log, Tracing } from '../observability/index.ts'
import type { CredentialMarks, Destination } from '../routing/index.ts'
import type { DiscoveryCache } from './both-sides/discovery-cache.ts'
import type { MergedJwks } from './both-sides/merged-jwks.ts'
import type { DecisionSource } from './decision-source/source.ts'
import type { CookieOwner, RenamedCookies } from './headers/cookies.ts'
import type { CredentialLedger } from './ledger/credential-ledger.ts'
import type { Routes } from './routing/routes.ts'
import type { GatewayLimits } from './settings.ts'
import type { Recorder } from './telemetry/recorder.ts'
import type { Circuit } from './upstream/circuit/circuit.ts'
import type { ConnectionCounts, ConnectionLimit } from './upstream/connection-limit.ts'
import type { Patience } from './upstream/patience.ts'
import type { Upstream } from './upstream/upstream.ts'

/** What all requests of one gateway share. */
export interface GatewayContext {
  readonly legacy: Upstream
  /** Limits WebSockets, which last as long as their clients like, separately from requests. */
  readonly tunnels: ConnectionLimit
  /** Undefined if IAM has no address: then no request is read or decided. */
  readonly iam: Upstream | undefined
  readonly circuit: Circuit
  /** Limits how long new flows wait for IAM. */
  readonly patience: Patience
  /** The network of a request, taking trusted proxies into account: an IPv4 address or an IPv6 /64. */
  readonly networkOf: (request: Pick<HttpRequest, 'remoteAddress' | 'headers'>) => string
  readonly source: DecisionSource
  /** Undefined without IAM, since there are only legacy's keys then. */
  readonly keys: MergedJwks | undefined
  readonly discovery: DiscoveryCache
  readonly ledger: CredentialLedger
  readonly recorder: Recorder
  readonly log: Log
  /** Undefined if tracing is off. */
  readonly tracing: Tracing | undefined
  readonly limits: GatewayLimits
  readonly marks: CredentialMarks
  /** IAM has its own pages under /oauth/authorize, so that its flows need a mark as well. */
  readonly marksIamFlows: boolean
  readonly routes: Routes
  /** Undefined for an IAM that marks its cookies itself. */
  readonly renamedCookies: RenamedCookies | undefined
  /** The forms in which the upstreams' own addresses may appear. */
  readonly internalHosts: readonly string[]
  /** Whether this gateway or the control plane holds the brake. */
  readonly isBrakeOn: boolean
  readonly testControls: TestControls | undefined
}

/** Forwards a test control to both sides; see `test-controls.ts`. */
export type TestControls = (target: string) => Promise<{ readonly status: number; readonly body: string }>

/** Returns the owner of the cookies that a request or response may carry; `undefined` if there is only one side. */
export function cookieOwner(context: GatewayContext, destination: Destination): CookieOwner | undefined {
  if (context.iam === undefined) return undefined
  return destination === 'iam' ? (context.renamedCookies ?? 'iam') : 'legacy'
}

/** Returns the counts of connections to the upstreams of a gateway, by kind of traffic. */
export function connectionCounts({
  legacy,
  iam,
  tunnels,
}: GatewayContext): Array<ConnectionCounts & { readonly upstream: Destination; readonly traffic: string }> {
  const oauth = [legacy, ...(iam === undefined ? [] : [iam])].map(({ destination, connections }) => ({
    ...connections.counts('oauth'),
    upstream: destination,
    traffic: 'oauth',
  }))
  const { destination, connections } = legacy
  return [
    ...oauth,
    { ...connections.counts('other'), upstream: destination, traffic: 'other' },
    { ...tunnels.counts('other'), upstream: destination, traffic: 'websocket' },
  ]
}
