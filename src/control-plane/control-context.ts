import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Definitions, Environment } from '../flags/index.ts'
import type { StaticBuild } from '../http/index.ts'
import type { LineBudget, Log, Tracing } from '../observability/index.ts'
import type { CredentialMarks } from '../routing/index.ts'
import type { Access } from './access/access.ts'
import type { Caller } from './access/roles/roles.ts'
import type { RouteRules } from './access/roles/route-rules.ts'
import type { TokenStore } from './access/tokens/token-store.ts'
import type { AuditWatch } from './audit/audit-watch.ts'
import type { ChatOps } from './chatops/chat-ops.ts'
import type { FlagLives } from './flags/flag-lives.ts'
import type { GatewayRegistry } from './gateways/gateway-registry.ts'
import type { IamCredentials } from './iam-state/iam-credentials.ts'
import type { IamGrants } from './iam-state/iam-grants.ts'
import type { ControlMetrics } from './metrics.ts'
import type { Outcomes } from './outcomes/outcomes.ts'
import type { Checklists } from './rollouts/checklist/checklists.ts'
import type { LiveGuards } from './rollouts/guards/live-guards.ts'
import type { Leadership } from './rollouts/leadership/leadership.ts'
import type { ChannelName } from './rollouts/notifications/channel.ts'
import type { RolloutIssues } from './rollouts/notifications/rollout-issue.ts'
import type { Probing } from './rollouts/probes/probing.ts'
import type { Rollouts } from './rollouts/rollouts.ts'
import type { SideEffectDispatcher } from './side-effects/dispatcher.ts'
import type { SideEffectOutbox } from './side-effects/outbox.ts'
import type { ChangeFeed } from './state/feed.ts'
import type { LiveStreams } from './state/live/live-streams.ts'
import type { SnapshotStreams } from './state/snapshot-streams.ts'
import type { Store } from './state/store.ts'

/** The context of the routes. */
export interface ControlContext {
  readonly log: Log
  readonly definitions: Definitions
  readonly store: Store
  readonly feed: ChangeFeed
  /** What people do with rollouts. */
  readonly rollouts: Rollouts
  readonly rolloutIssues: RolloutIssues
  /** The configured channels for messages about rollouts. */
  readonly notificationChannels: readonly ChannelName[]
  /** The regular verification of the audit log. */
  readonly auditWatch: AuditWatch
  /** What the outcomes of moved applications say. */
  readonly guards: LiveGuards
  /** Which replica runs what must run once. */
  readonly leadership: Leadership
  readonly outcomes: Outcomes
  readonly tokens: TokenStore
  readonly access: Access
  /** The built web console. */
  readonly consoleBuild: StaticBuild
  readonly metrics: ControlMetrics
  readonly streams: SnapshotStreams
  /** The streams of open consoles. */
  readonly live: LiveStreams
  readonly flagLives: FlagLives
  readonly sideEffects: SideEffectOutbox
  readonly dispatcher: SideEffectDispatcher
  readonly gateways: GatewayRegistry
  readonly chatops: ChatOps
  /** Signs the requests to the routing endpoint; without it, the endpoint refuses every caller. */
  readonly routingSecret: Uint8Array | undefined
  /** Limits the log lines that unauthenticated callers can cause at the routing endpoint. */
  readonly logSampling: LineBudget
  readonly tracing: Tracing | undefined
  readonly forwardAuthOpen: boolean
  /** The environment whose flags the routing endpoint and forward_auth use. */
  readonly environment: Environment
  readonly credentialMarks: CredentialMarks
  /** The environments in which a change towards IAM requires a reason. */
  readonly reasonsRequired: readonly Environment[]
  readonly relativeUrlRoot: string
  /** The platform creates applications at IAM itself, so every announced version counts as held there. */
  readonly platformCreatesAtIam: boolean
  /** The live credentials at the IAM of that environment. */
  readonly iamCredentials: IamCredentials
  /** The grant types that the IAM of that environment can serve. */
  readonly iamGrants: IamGrants
  /** Probes and drills of that environment. */
  readonly probing: Probing
  /** What has to be done before, between and after the steps of a rollout. */
  readonly checklists: Checklists
}

/** The server that routes are added to. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  ZodTypeProvider
>

declare module 'fastify' {
  interface FastifyInstance {
    /** Who may call each route, by method and path. */
    readonly routeRules: ReadonlyMap<string, Partial<RouteRules>>
  }
  interface FastifyContextConfig extends Partial<RouteRules> {}
  interface FastifyRequest {
    /** The caller of the request; undefined on routes that need no token. */
    caller: Caller | undefined
  }
}
