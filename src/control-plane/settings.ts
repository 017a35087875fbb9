import type { Environment } from '../flags/index.ts'
import type { ListenAddress } from '../http/index.ts'
import type { LineAllowance, TracingSettings } from '../observability/index.ts'
import type { CredentialMarks } from '../routing/index.ts'
import type { Database } from '../storage/index.ts'
import type { AccessSettings } from './access/access.ts'
import type { Role } from './access/roles/roles.ts'
import type { GitLabSettings } from './chatops/releases/gitlab.ts'
import type { ChatOpsSettings } from './chatops/settings.ts'
import type { IamInternal } from './iam-state/iam-credentials.ts'
import type { GuardPort } from './rollouts/engine/facts.ts'
import type { NotificationSettings } from './rollouts/notifications/settings.ts'
import type { ProbeSettings } from './rollouts/probes/settings.ts'
import type { SideEffectSettings } from './side-effects/settings.ts'

/** A token that must be valid: its value, or a file that holds it and is written (mode 0600) if absent. */
export type TokenSetting =
  | { readonly role: Role; readonly name: string; readonly value: string }
  | { readonly role: Role; readonly name: string; readonly file: string }

/** The settings of a control plane; the caller has validated every value. */
export interface ControlPlaneSettings {
  readonly listen: ListenAddress
  /** The peers whose `X-Forwarded-*` headers are trusted: CIDRs or addresses. Default: none. */
  readonly trustedProxies?: readonly string[] | undefined
  /** Opened by the caller, who also closes it, after the control plane. */
  readonly database: Database
  /** Default `control`. */
  readonly schema?: string
  /** The folder that holds `<type>/<name>.yml`. */
  readonly definitionsDirectory: string
  /** Where the first administrator's token is written if the database has no administrator yet. */
  readonly adminTokenFile?: string | undefined
  /** The tokens of gateways and replication. */
  readonly tokens?: readonly TokenSetting[]
  /** 32 bytes in base64, created if absent; without it the routing endpoint refuses every caller. */
  readonly routingSecretFile?: string | undefined
  /** Answer forward_auth without a token, because the network alone protects it. */
  readonly forwardAuthOpen?: boolean
  /** Default: no traces. */
  readonly tracing?: TracingSettings | undefined
  /**
   * The maximum number of log lines of each kind that unauthenticated callers can cause at the routing endpoint.
   * Default: no limit.
   */
  readonly logSampling?: LineAllowance | undefined
  /** The environment whose flags the routing endpoint and forward_auth use. Default: `production`. */
  readonly environment?: Environment
  /** How the origin of credentials is recognised, for forward_auth and explanations; see `readFacts`. */
  readonly credentialMarks?: Partial<CredentialMarks>
  /** How people sign in. Default: only by a link from the command line. */
  readonly access?: AccessSettings | undefined
  /** ChatOps commands. Default: no rule except that staging comes before production, no Slack, no team. */
  readonly chatops?: ChatOpsSettings
  /** The environments in which a change towards IAM requires a reason and a change issue. Default: none. */
  readonly reasonsRequired?: readonly Environment[]
  /**
   * The environments in which new flows go to IAM unless the routing flag says otherwise: the end of a migration.
   * Default: none.
   */
  readonly iamByDefault?: readonly Environment[]
  /**
   * The platform creates and changes applications at IAM itself before it announces them: every announced version
   * counts as held there. Default: IAM holds what replication or a confirmation reports.
   */
  readonly platformCreatesAtIam?: boolean
  /** Where commits are looked up, in this order: a clone of the repository, GitLab. */
  readonly commits?: { readonly repository?: string | undefined; readonly gitlab?: GitLabSettings | undefined }
  /** The external systems that are notified of changes. Default: none. */
  readonly sideEffects?: SideEffectSettings | undefined
  /** Who is notified of rollouts. Default: no one. */
  readonly notifications?: NotificationSettings | undefined
  /** Judges the applications that rollouts move. Default: nothing judges them, and no step passes. */
  readonly guards?: GuardPort | undefined
  /** Accept rollout plans with durations below the minimum; only on loopback. Default: no. */
  readonly testControls?: boolean
  /** The path under which the monolith is mounted, without a trailing slash. Default: none. */
  readonly relativeUrlRoot?: string
  /** The internal port of the IAM of `environment`, to list and revoke its live credentials. Default: not used. */
  readonly iam?: IamInternal | undefined
  /** The folder of the Grafana dashboards whose queries the checklist asks. Default: they are not asked. */
  readonly dashboardsDirectory?: string | undefined
  /** The built web console. Default: none, and `/console/` says so. */
  readonly consoleDirectory?: string | undefined
  /** Probes of `environment`. Default: none, and so no drill can pass. */
  readonly probes?: ProbeSettings | undefined
}
