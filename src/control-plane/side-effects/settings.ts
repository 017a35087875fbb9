import type { Environment } from '../../flags/index.ts'

/** Who is notified of changes, and how; every part is optional. Tokens and webhook addresses are secrets. */
export interface SideEffectSettings {
  readonly grafana?: { readonly url: string; readonly token: string } | undefined
  readonly events?: { readonly url: string; readonly token: string | undefined } | undefined
  readonly gitlab?: SideEffectGitLab | undefined
  /** Incoming webhooks, by environment. */
  readonly qaChannels: Readonly<Partial<Record<Environment, string>>>
  /** What the testers call the environments, such as `gstg`. Default: our own names. */
  readonly environmentNames?: Readonly<Partial<Record<Environment, string>>> | undefined
}

/** What the testers call an environment. */
export function environmentName(
  { environmentNames }: Pick<SideEffectSettings, 'environmentNames'>,
  environment: Environment,
): string {
  return environmentNames?.[environment] ?? environment
}

/** A GitLab that holds records and runs the end-to-end tests. */
export interface SideEffectGitLab {
  /** Its origin, with the relative URL root if there is one. */
  readonly url: string
  readonly token: string
  /** The project whose issues are the records; without it, none are created. */
  readonly recordProject: string | undefined
  readonly pipeline: SideEffectPipeline | undefined
}

/** The end-to-end tests that a change triggers. */
export interface SideEffectPipeline {
  readonly project: string
  readonly ref: string
  readonly triggerToken: string
  /** How long to wait for its result. */
  readonly waitMs: number
  readonly pollMs: number
  /** The environments whose changes trigger it. */
  readonly environments: readonly Environment[]
  /** Whether a change for single applications triggers it too. */
  readonly forApplications: boolean
}
