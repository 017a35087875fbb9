import type { ListenAddress } from '../http/index.ts'
import type { LineAllowance, TracingSettings } from '../observability/index.ts'
import type { GatewayIdentity } from '../routing/index.ts'
import type { ProbeClient } from './ledger/mark-check/probe-side.ts'
import type { OwnPaths } from './routing/routes.ts'
import type { BreakerPolicy } from './upstream/circuit/breaker.ts'

/** The source of routing decisions. */
export type DecisionSourceSettings =
  | {
      readonly kind: 'control'
      /** Base address of the control plane. */
      readonly url: string
      /** Further replicas on the same database, tried in turn when the previous one does not respond. */
      readonly otherUrls?: readonly string[]
      /** Bearer token of role `gateway`. */
      readonly token: string
      readonly environment: string
      /**
       * File for the last good snapshot, so that routing survives an outage of the control plane. Processes may share
       * it.
       */
      readonly stateFile: string | undefined
      /** Identity of this gateway in its reports to the control plane; without it the gateway sends no reports. */
      readonly identity?: GatewayIdentity | undefined
    }
  | {
      readonly kind: 'endpoint'
      /** Used as given if it has a path, otherwise with `/-/oauth/iam_routing`. */
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
  /** From the end of the request to the head of the response. */
  readonly iamHeadersMs: number
  /** The same for a request that starts a flow; on timeout it falls back to legacy. */
  readonly iamNewFlowMs: number
  readonly legacyHeadersMs: number
  /** How long a body may make no progress, in either direction. */
  readonly bodyIdleMs: number
  /** Maximum number of connections to one upstream in use at a time. */
  readonly maxConnections: number
  /** Maximum number of queued requests of each kind, OAuth and other. */
  readonly queueLength: number
  /** Maximum time in the queue. */
  readonly queueMs: number
  /** Maximum number of open WebSockets. */
  readonly maxTunnels: number
  /** Minimum average rate of an upload in bytes per second; 0 for no limit. */
  readonly minUploadRate: number
  /** To receive the head of a request, and the complete body of a routed one. */
  readonly requestHeadMs: number
  readonly requestBodyMs: number
  /** Maximum size of a request head in bytes; a larger one gets a 431. */
  readonly requestHeadBytes: number
  /** For the complete call of the routing endpoint. */
  readonly routingEndpointMs: number
  /** To fetch one side's signing keys. */
  readonly keysMs: number
  /** For the probe that shows whether IAM is up. */
  readonly probeMs: number
  /** For IAM's part in a response that concerns both sides. */
  readonly queryMs: number
  /** For requests in flight when the gateway stops. */
  readonly drainMs: number
}

/** The default limits of a gateway. */
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
  queryMs: 3_000,
  drainMs: 15_000,
}

/** The settings of a gateway. They must be validated already: URLs parse, CIDRs are valid. */
export interface GatewaySettings {
  readonly listen: ListenAddress
  /** Health, metrics and the brake; without it none of them is available. */
  readonly adminListen?: ListenAddress | undefined
  readonly legacyUrl: string
  /** Without it the gateway passes everything through to legacy. */
  readonly iamUrl?: string | undefined
  readonly source: DecisionSourceSettings
  /** Prefixes that mark a credential as IAM's, in addition to IAM's own. */
  readonly extraIamPrefixes?: readonly string[]
  readonly iamJwtIssuer?: string | undefined
  readonly legacyJwtIssuer?: string | undefined
  /**
   * Milliseconds from startup until the signing keys of both sides are fetched, unless a client requests them earlier.
   * Default 0.
   */
  readonly keysAheadMs?: number | undefined
  /** The key that IAM signs its verifiers with; without it no verifier is trusted. */
  readonly verifierKey?: Uint8Array | undefined
  /** 32 bytes, the same for all gateways, that key the marks of flows; without it no flow is marked. */
  readonly flowKey?: Uint8Array | undefined
  /** IAM has its own pages under /oauth/authorize, so its flows are marked too. Default false. */
  readonly marksIamFlows?: boolean
  /**
   * Clients that obtain a token from each side, to check its marks against the configuration; no check without them.
   */
  readonly markCheck?: {
    readonly legacy?: ProbeClient | undefined
    readonly iam?: ProbeClient | undefined
    readonly everyMs: number
  }
  /** Paths of IAM's endpoints that differ from Doorkeeper's. */
  readonly iamPaths?: OwnPaths
  /** The same for legacy; clients may use these paths in addition to Doorkeeper's. */
  readonly legacyPaths?: OwnPaths
  /** Paths of IAM's pages for browsers; each includes everything below it. */
  readonly iamPages?: readonly string[]
  /** IAM's cookie names do not begin with `_iam_`, so the gateway adds the prefix. Default false. */
  readonly renamesIamCookies?: boolean
  /** IAM issues credentials without marks, so the gateway remembers them as they pass. Default false. */
  readonly isIamUnmarked?: boolean
  readonly ledger?: {
    /** Maximum number of entries in memory. Default 1,000,000. */
    readonly capacity?: number
    /** Redis or Valkey instance with the ledger that gateways share. */
    readonly url?: string | undefined
  }
  /** Proxies with trusted `X-Forwarded-*`, `Forwarded` and `X-Request-Id` headers, as CIDRs or addresses. */
  readonly trustedProxies?: readonly string[]
  /**
   * The secret of the data plane in front of this gateway: a request that brings it also says who the peer of the data
   * plane is.
   */
  readonly frontSecret?: string | undefined
  /** Further metrics for the admin port, in Prometheus's text format; those of the same name are added. */
  readonly otherMetrics?: (() => Promise<string>) | undefined
  /** Without a trailing slash; empty for none. */
  readonly relativeUrlRoot?: string
  readonly limits?: Partial<GatewayLimits>
  readonly breaker?: Partial<BreakerPolicy>
  /** Path of the health probe of IAM. Any response below 500 counts as up. Default `/readyz`. */
  readonly iamProbePath?: string
  /** Default: `traceparent` passes through unchanged. */
  readonly tracing?: TracingSettings | undefined
  /**
   * Maximum number of log lines per reason for requests that belong to no known application; one line reports how many were suppressed. No limit by
   * default.
   */
  readonly logSampling?: LineAllowance | undefined
  /**
   * Maximum number of applications with their own metric series; the rest are grouped as `other`. Default 200; 0 for
   * none.
   */
  readonly mostMeteredApplications?: number
  /** Whether the brake's switch is on at startup. Default false. */
  readonly isBrakeOn?: boolean | undefined
  /** While this file exists, the brake is on. */
  readonly brakeFile?: string | undefined
  /** SIGUSR2 turns the brake on, SIGUSR1 turns it off, SIGHUP reloads a snapshot file. Default false. */
  readonly signals?: boolean
  /** Forwards `POST /__lab/*` to both sides. */
  readonly testControls?: boolean
  /**
   * Serves plain requests to OAuth endpoints without `node:http` and undici, at two thirds of the cost. Default true.
   */
  readonly fastPath?: boolean
}
