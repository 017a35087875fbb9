import type { HttpRequest } from '../http/index.ts'
import type { Log, Tracing } from '../observability/index.ts'
import type { CredentialMarks, Destination } from '../routing/index.ts'
import type { Documents } from './both-sides/documents.ts'
import type { KeyUnion } from './both-sides/key-union.ts'
import type { DecisionSource } from './decision-source/source.ts'
import type { CookieOwner, RenamedCookies } from './headers/cookies.ts'
import type { CredentialLedger } from './ledger/credential-ledger.ts'
import type { Routes } from './routing/routes.ts'
import type { GatewayLimits } from './settings.ts'
import type { Recorder } from './telemetry/recorder.ts'
import type { Circuit } from './upstream/circuit/circuit.ts'
import type { ConnectionCounts, ConnectionLimit } from './upstream/connection-limit.ts'
import type { Upstream } from './upstream/upstream.ts'

/** What every request of one gateway shares. */
export interface Gate {
  readonly legacy: Upstream
  /** Of WebSockets, which last as long as their clients like; beside those of requests. */
  readonly tunnels: ConnectionLimit
  /** Without it nothing is read or decided. */
  readonly iam: Upstream | undefined
  readonly circuit: Circuit
  /** Where a request came from, as far as the proxies in between are believed: an IPv4 address or an IPv6 /64. */
  readonly networkOf: (request: Pick<HttpRequest, 'remoteAddress' | 'headers'>) => string
  readonly source: DecisionSource
  /** Undefined without IAM, as legacy's keys are all there are then. */
  readonly keys: KeyUnion | undefined
  readonly documents: Documents
  readonly ledger: CredentialLedger
  readonly recorder: Recorder
  readonly log: Log
  /** Undefined where traces are no matter of the gateway. */
  readonly tracing: Tracing | undefined
  readonly limits: GatewayLimits
  readonly marks: CredentialMarks
  /** IAM shows pages of its own under /oauth/authorize, so that its flows need a mark as well. */
  readonly marksIamFlows: boolean
  readonly routes: Routes
  /** Undefined for an IAM that marks its cookies itself. */
  readonly renamedCookies: RenamedCookies | undefined
  /** How the upstreams' own addresses could be written. */
  readonly internalHosts: readonly string[]
  /** The local brake or the control plane's. */
  readonly isBrakeOn: boolean
  readonly testControls: TestControls | undefined
}

/** Sends a test control to both sides; see `test-controls.ts`. */
export type TestControls = (target: string) => Promise<{ readonly status: number; readonly body: string }>

/** The side whose cookies a request or answer may carry; `undefined` where there is only one side. */
export function cookieOwner(gate: Gate, destination: Destination): CookieOwner | undefined {
  if (gate.iam === undefined) return undefined
  return destination === 'iam' ? (gate.renamedCookies ?? 'iam') : 'legacy'
}

/** The connections to the upstreams of a gateway, by what they are used for. */
export function connectionCounts({
  legacy,
  iam,
  tunnels,
}: Gate): Array<ConnectionCounts & { readonly upstream: Destination; readonly traffic: string }> {
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
