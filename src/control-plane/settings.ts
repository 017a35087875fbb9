import type { Environment } from '../flags/index.ts'
import type { ListenAddress } from '../http/index.ts'
import type { LineAllowance, TracingSettings } from '../observability/index.ts'
import type { CredentialMarks } from '../routing/index.ts'
import type { Database } from '../storage/index.ts'
import type { AccessSettings } from './access/access.ts'
import type { Role } from './access/roles/roles.ts'
import type { GitLabSettings } from './chatops/releases/gitlab.ts'
import type { ChatOpsSettings } from './chatops/settings.ts'
import type { EffectSettings } from './effects/settings.ts'
import type { IamInternal } from './iam-state/iam-credentials.ts'

/** A token that must be valid: its value, or a file that holds it and is written (mode 0600) when absent. */
export type TokenSetting =
  | { readonly role: Role; readonly name: string; readonly value: string }
  | { readonly role: Role; readonly name: string; readonly file: string }

/** What a control plane needs; every value has been checked by whoever hands it over. */
export interface ControlPlaneSettings {
  readonly listen: ListenAddress
  /** Whose `X-Forwarded-*` are believed: CIDRs or addresses. Default: nobody's. */
  readonly trustedProxies?: readonly string[] | undefined
  /** Opened by the caller, who also closes it, after the control plane. */
  readonly database: Database
  /** Default `control`. */
  readonly schema?: string
  /** The folder that holds `<type>/<name>.yml`. */
  readonly definitionsDirectory: string
  /** Where the first administrator's token is written, when the database knows no administrator yet. */
  readonly adminTokenFile?: string | undefined
  /** Tokens of gateways and replication. */
  readonly tokens?: readonly TokenSetting[]
  /** 32 bytes in base64, made when absent; without it the routing endpoint refuses every caller. */
  readonly routingSecretFile?: string | undefined
  /** Answer forward_auth without a token, because the network alone decides who may ask. */
  readonly forwardAuthOpen?: boolean
  /** Default: traces are no matter of the control plane. */
  readonly tracing?: TracingSettings | undefined
  /** How many log lines of each kind strangers may cause at the routing endpoint. None: no bound. */
  readonly logNoise?: LineAllowance | undefined
  /** Whose flags the routing endpoint and forward_auth go by. Default `production`. */
  readonly environment?: Environment
  /** How credentials show whose they are, for forward_auth and explanations; see `readFacts`. */
  readonly credentialMarks?: Partial<CredentialMarks>
  /** How people sign in. Default: by a link from the command line alone. */
  readonly access?: AccessSettings | undefined
  /** Commands of people. Default: no rule but that staging comes before production, no Slack, no team. */
  readonly chatops?: ChatOpsSettings
  /** Where a change towards IAM must come with a reason and a change issue. Default: nowhere. */
  readonly reasonsRequired?: readonly Environment[]
  /** Where new flows go to IAM unless the routing flag says otherwise: the end of a migration. Default: nowhere. */
  readonly iamByDefault?: readonly Environment[]
  /**
   * The platform creates and changes applications at IAM itself, before it announces them: every announced version counts
   * as held there. Default: IAM holds what replication, or a confirmation, says.
   */
  readonly platformCreatesAtIam?: boolean
  /** Where commits are looked up, in this order: a clone of the repository, GitLab. */
  readonly commits?: { readonly repository?: string | undefined; readonly gitlab?: GitLabSettings | undefined }
  /** Who is told of changes outside. Default: nobody. */
  readonly effects?: EffectSettings | undefined
  /** The path under which the monolith is mounted, without a slash at the end. Default none. */
  readonly relativeUrlRoot?: string
  /** The internal port of the IAM of `environment`, to tell what lives there and to end it. Default: not asked. */
  readonly iam?: IamInternal | undefined
}

/** The control plane cannot start with what it was given; every fault at once, one line each. */
export class ControlPlaneFault extends Error {
  readonly code = 'control_plane_fault'
  readonly faults: readonly string[]
  constructor(faults: readonly string[], options?: { cause?: unknown }) {
    super(faults.join('\n'), options)
    this.name = 'ControlPlaneFault'
    this.faults = faults
  }
}
