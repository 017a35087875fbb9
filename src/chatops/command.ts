import type { Environment } from '../flags/index.ts'

/** The order in which a command goes through its environments: away from users first. */
export const RUN_ORDER: readonly Environment[] = ['dev', 'staging', 'staging-ref', 'pre', 'production']

/** Checks that can be overridden; an override is recorded with the change. */
export const OVERRIDES = ['production_check', 'consistency_check', 'step_limit'] as const
export type Override = (typeof OVERRIDES)[number]

/** The common terms of every command that makes a change. */
export interface ChangeTerms {
  readonly environments: readonly Environment[]
  readonly isDryRun: boolean
  /** True if any number of applications may move, or the exact number. */
  readonly confirm: true | number | undefined
  readonly reason: string | undefined
  readonly changeIssue: string | undefined
  readonly overrides: readonly Override[]
}

/** `feature set`; `parameters` are those of `POST /api/v4/features/:name`, without the environment. */
export interface FeatureSet extends ChangeTerms {
  readonly kind: 'feature_set'
  readonly flag: string
  readonly value: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface FeatureDelete extends ChangeTerms {
  readonly kind: 'feature_delete'
  readonly flag: string
}

/** What ChatOps may do to a rollout. */
export const ACTIONS_OF_CHAT = ['pause', 'resume', 'approve', 'abort'] as const
export type ChatAction = (typeof ACTIONS_OF_CHAT)[number]

/** A command that concerns a rollout. */
export type RolloutCommand =
  | {
      readonly kind: 'rollout_list'
      /** Undefined for all. */
      readonly environments: readonly Environment[] | undefined
    }
  | { readonly kind: 'rollout_show'; readonly rollout: number }
  | {
      readonly kind: 'rollout_act'
      readonly action: ChatAction
      readonly rollout: number
      readonly reason: string | undefined
    }
  | {
      readonly kind: 'report_problem'
      readonly environment: Environment
      /** An id or a client_id. */
      readonly application: string
      readonly reason: string
    }

/** A parsed command. */
export type Command =
  | RolloutCommand
  | FeatureSet
  | FeatureDelete
  | { readonly kind: 'feature_get'; readonly flag: string; readonly environments: readonly Environment[] }
  | { readonly kind: 'feature_list'; readonly match: string; readonly environments: readonly Environment[] }
  | { readonly kind: 'feature_approve'; readonly proposal: number; readonly overrides: readonly Override[] }
  | { readonly kind: 'feature_proposals' }
  | { readonly kind: 'auto_deploy_status'; readonly shas: readonly string[] }
  | { readonly kind: 'release_check'; readonly mergeRequest: MergeRequestAddress; readonly version: string | undefined }
  | { readonly kind: 'help'; readonly topic: Topic | undefined }

/** The parts of a merge request's URL. */
export interface MergeRequestAddress {
  readonly url: string
  /** Path of the project, such as `gitlab-org/gitlab`. */
  readonly project: string
  readonly iid: number
}

/** The commands, by the words that invoke them. */
export const TOPICS = [
  'feature get',
  'feature set',
  'feature list',
  'feature delete',
  'feature approve',
  'feature proposals',
  'auto_deploy status',
  'release check',
  'rollout list',
  'rollout show',
  ...ACTIONS_OF_CHAT.map((action) => `rollout ${action}` as const),
  'report-problem',
] as const
export type Topic = (typeof TOPICS)[number]

/** A command, or an error message for the user who typed it. */
export type Parsed = { readonly command: Command } | { readonly fault: string; readonly topic: Topic | undefined }
