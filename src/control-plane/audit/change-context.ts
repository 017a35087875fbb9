import type { FieldFault } from '../requests/problems.ts'

/** The channels through which a change arrives; `system` is the control plane itself, at startup. */
export const CHANNELS = ['api', 'cli', 'slack', 'console', 'system'] as const
export type Channel = (typeof CHANNELS)[number]

/** Who makes a change, from where, and why: one value that accompanies every write. Never holds a secret. */
export interface ChangeContext {
  /** The name of a token or a user. */
  readonly by: string
  readonly role: string
  readonly channel: Channel
  /** The address of the client; for Slack, team and channel; null for the control plane itself. */
  readonly from: string | null
  readonly correlation_id: string | null
  readonly reason?: string | undefined
  readonly change_issue_url?: string | undefined
  /** Who proposed the change that `by` approved. */
  readonly proposed_by?: string | undefined
  /** The checks that were overridden, and their findings. */
  readonly overrides?: readonly string[] | undefined
}

/** The cause of changes that the control plane makes because of its settings. */
export const SYSTEM_CONTEXT: ChangeContext = {
  by: 'control plane',
  role: 'system',
  channel: 'system',
  from: null,
  correlation_id: null,
}

/** The engine that carries out rollouts, as a principal of its own. */
export const ROLLOUT_PRINCIPAL = 'handover-rollouts'

const MAX_REASON = 500
const MAX_URL = 2_048
/** Words that begin like a token of ours, of IAM, of GitLab or of Slack, and JWTs. */
const CREDENTIAL = /\b(?:ho[a-z]{3}-|gliam[a-z]{2}-|gl(?:pat|dt|rt|oas|soat|ptt)-|xox[a-z]-|eyJ[\w-]{8,}\.)[\w-]{8,}/

/** What is wrong with a given reason or link to a change issue. */
export function reasonFaults(given: Pick<ChangeContext, 'reason' | 'change_issue_url'>): FieldFault[] {
  const { reason, change_issue_url: url } = given
  const faults: FieldFault[] = []
  const add = (field: string, rule: string | undefined) => {
    if (rule !== undefined) faults.push({ field, rule })
  }
  if (reason !== undefined) add('reason', ruleOfText(reason, MAX_REASON))
  if (url !== undefined) add('change_issue_url', ruleOfText(url, MAX_URL) ?? ruleOfUrl(url))
  return faults
}

/** What is still missing from the reason, for the caller. */
export function missingFields({ reason, change_issue_url: url }: ChangeContext): FieldFault[] {
  const rule = 'must be given for a change towards IAM in this environment'
  return [
    ...(reason === undefined ? [{ field: 'reason', rule }] : []),
    ...(url === undefined ? [{ field: 'change_issue_url', rule }] : []),
  ]
}

function ruleOfText(text: string, longest: number): string | undefined {
  if (text.length > longest) return `must be at most ${longest} characters`
  if (text.includes('\0') || !text.isWellFormed()) return 'must not hold NUL or broken Unicode'
  return CREDENTIAL.test(text) ? 'must not hold a credential' : undefined
}

function ruleOfUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return 'must be an http or https URL'
  return url.username !== '' || url.password !== '' ? 'must hold no user name' : undefined
}
