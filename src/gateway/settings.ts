import type { ListenAddress } from '../http/index.ts'
import type { LineAllowance, TracingSettings } from '../observability/index.ts'
import type { GatewayIdentity } from '../routing/index.ts'
import type { ProbeClient } from './ledger/mark-check/probe-side.ts'
import type { OwnPaths } from './routing/routes.ts'
import type { BreakerPolicy } from './upstream/circuit/breaker.ts'

/** Where routing decisions come from: exactly one of three. */
export type DecisionSourceSettings =
  | {
      readonly kind: 'control'
      /** Base address of the control plane. */
      readonly url: string
      /** Its other replicas, on the same database: each is tried in turn when the one before does not answer. */
      readonly otherUrls?: readonly string[]
      /** Bearer token of role `gateway`. */
      readonly token: string
      readonly environment: string
      /** File that keeps the last good snapshot, so that routing outlives the control plane. Processes may share it. */
      readonly stateFile: string | undefined
      /** Who the control plane is told that this is; without it nothing is told. */
      readonly identity?: GatewayIdentity | undefined
    }
  | {
      readonly kind: 'endpoint'
      /** Used as given when it has a path, else with `/-/oauth/iam_routing`. */
      readonly url: string
      /** The 32 bytes that sign the call. */
      readonly secret: Uint8Array
    }
  | { readonly kind: 'file'; readonly path: string; readonly environment: string }
  | { readonly kind: 'none' }

/** Limits; times in milliseconds. */
export interface GatewayLimits {
  /** To connect to an upstream. */
  readonly connectMs: number
  /** From the end of the request to the head of the answer. */
  readonly iamHeadersMs: number
  /** The same for a request that starts a flow: then legacy answers it. */
  readonly iamNewFlowMs: number
  readonly legacyHeadersMs: number
  /** How long a body may stand still, in either direction. */
  readonly bodyIdleMs: number
  /** Connections to one upstream in use at a time, */
  readonly maxConnections: number
  /** requests of each kind, OAuth and other, that may wait for one, */
  readonly queueLength: number
  /** and for how long. */
  readonly queueMs: number
  /** WebSockets open at a time. */
  readonly maxTunnels: number
  /** Bytes a second, on the whole, below which an upload is given up; 0 for no bound. */
  readonly minUploadRate: number
  /** To receive the head of a request, and the whole body of a routed one. */
  readonly requestHeadMs: number
  readonly requestBodyMs: number
  /** The head of a request, in bytes; more is answered 431. */
  readonly requestHeadBytes: number
  /** The whole call of the routing endpoint. */
  readonly routingEndpointMs: number
  /** To fetch one side's signing keys. */
  readonly keysMs: number
  /** For the probe that shows whether IAM is up. */
  readonly probeMs: number
  /** For IAM's part in an answer that concerns both sides. */
  readonly inquiryMs: number
  /** What requests under way get when the gateway stops. */
  readonly drainMs: number
}

/** The limits a gateway has unless told otherwise. */
export const DEFAULT_LIMITS: GatewayLimits = {
  connectMs: 2_000,
  iamHeadersMs: 10_000,
  iamNewFlowMs: 3_000,
  legacyHeadersMs: 60_000,
  bodyIdleMs: 60_000,
  maxConnections: 1_024,
  queueLength: 1_024,
  queueMs: 2_000,
  maxTunnels: 8_192,
  minUploadRate: 240,
  requestHeadMs: 15_000,
  requestBodyMs: 30_000,
  requestHeadBytes: 112 << 10,
  routingEndpointMs: 1_000,
  keysMs: 3_000,
  probeMs: 2_000,
  inquiryMs: 3_000,
  drainMs: 15_000,
}

/** Everything a gateway is told. The values are taken as checked: URLs parse, CIDRs are CIDRs. */
export interface GatewaySettings {
  readonly listen: ListenAddress
  /** Health, metrics and the brake; none of them without it. */
  readonly adminListen?: ListenAddress | undefined
  readonly legacyUrl: string
  /** Without it the gateway passes everything through to legacy. */
  readonly iamUrl?: string | undefined
  readonly source: DecisionSourceSettings
  /** Prefixes beside IAM's own that mark a credential as IAM's. */
  readonly extraIamPrefixes?: readonly string[]
  readonly iamJwtIssuer?: string | undefined
  readonly legacyJwtIssuer?: string | undefined
  /** How long after the start the signing keys of both sides are fetched, unless a client asks before. Default 0. */
  readonly keysAheadMs?: number | undefined
  /** The key by which IAM signs its verifiers; without it no verifier is believed. */
  readonly verifierKey?: Uint8Array | undefined
  /** 32 bytes, the same for all gateways, by which flows are marked as one side's; without it none is. */
  readonly flowKey?: Uint8Array | undefined
  /** IAM shows pages of its own under /oauth/authorize: its flows are marked too. Default false. */
  readonly marksIamFlows?: boolean
  /** Clients by which each side is asked for a token, to see whether its marks are as configured; none, no check. */
  readonly markCheck?: {
    readonly legacy?: ProbeClient | undefined
    readonly iam?: ProbeClient | undefined
    readonly everyMs: number
  }
  /** Where IAM has its endpoints, where that is not where Doorkeeper has them. */
  readonly iamPaths?: OwnPaths
  /** The same for legacy; clients know these paths beside Doorkeeper's. */
  readonly legacyPaths?: OwnPaths
  /** Paths at and below which IAM shows pages to browsers. */
  readonly iamPages?: readonly string[]
  /** IAM does not begin the names of its cookies with `_iam_`: the gateway does it in its place. Default false. */
  readonly renamesIamCookies?: boolean
  /** IAM issues credentials that nothing marks as its own: they are remembered as they pass. Default false. */
  readonly isIamUnmarked?: boolean
  readonly ledger?: {
    /** Entries held in memory at most. Default 1,000,000. */
    readonly capacity?: number
    /** Redis or Valkey that gateways share the ledger in. */
    readonly url?: string | undefined
  }
  /** Proxies whose `X-Forwarded-*`, `Forwarded` and `X-Request-Id` are believed, as CIDRs or addresses. */
  readonly trustedProxies?: readonly string[]
  /** Without a trailing slash; empty for none. */
  readonly relativeUrlRoot?: string
  readonly limits?: Partial<GatewayLimits>
  readonly breaker?: Partial<BreakerPolicy>
  /** What IAM is asked for to see whether it is up. Any answer below 500 will do. Default `/readyz`. */
  readonly iamProbePath?: string
  /** Default: `traceparent` passes through as it came. */
  readonly tracing?: TracingSettings | undefined
  /** How many log lines of each reason strangers may cause; a line tells how many more there were. None: no bound. */
  readonly logNoise?: LineAllowance | undefined
  /** So many applications have metrics of their own, the others share series. Default 200; 0 for none. */
  readonly mostMeteredApplications?: number
  /** Whether the switch of the brake is on from the start. Default false. */
  readonly isBrakeOn?: boolean | undefined
  /** While this file exists, the brake is on. */
  readonly brakeFile?: string | undefined
  /** SIGUSR2 puts the brake on, SIGUSR1 takes it off again, SIGHUP re-reads a snapshot file. Default false. */
  readonly signals?: boolean
  /** `POST /__lab/*` goes to both sides. */
  readonly testControls?: boolean
  /** Lets several processes listen on one port. */
  readonly reusePort?: boolean
  /** Serves plain requests to OAuth endpoints without `node:http` and undici, at two thirds of the cost. Default true. */
  readonly fastLane?: boolean
}
