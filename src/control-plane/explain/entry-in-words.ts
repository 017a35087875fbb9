import { applicationInWords } from '../../applications/index.ts'
import { applicationIdOf, type FlagState } from '../../flags/index.ts'
import type { AuditEntry } from '../audit/entry.ts'
import { actorInWords } from '../flags/notes.ts'
import type { StateCache } from '../state/state-cache.ts'
import { gatesInFewWords } from './status.ts'

/** The part of an entry that its sentence is about. */
export type DescribedEntry = Pick<
  AuditEntry,
  'action' | 'by' | 'environment' | 'subject' | 'reason' | 'before' | 'after' | 'details'
>

type Words = (entry: DescribedEntry, cache: StateCache) => string

const WORDS: Readonly<Record<string, Words>> = {
  'flag.set': (entry, cache) => `set ${flagOf(entry)}: ${gatesOf(cache, entry.after)}`,
  'flag.restore': (entry, cache) => `restored ${flagOf(entry)}: ${gatesOf(cache, entry.after)}`,
  'flag.delete': (entry) => `deleted the state of ${flagOf(entry)}, so its default applies`,
  'default.iam': ({ environment }) => `made IAM the default of new flows in ${environment}`,
  'default.rails': ({ environment }) => `made rails the default of new flows in ${environment}`,
  'brake.on': ({ environment }) => `put the brake on in ${environment}`,
  'brake.off': ({ environment }) => `released the brake in ${environment}`,
  'application.put': ({ subject, before }, cache) =>
    `${before === null ? 'registered' : 'changed the registration of'} ${nameOf(cache, subject)}`,
  'application.remove': ({ subject }, cache) => `removed ${nameOf(cache, subject)}`,
  'application.confirm': ({ subject }, cache) => `reported which version of ${nameOf(cache, subject)} IAM holds`,
  'token.create': ({ subject, after }) => `created the token ${subject} (${textIn(after, 'role') ?? 'unknown role'})`,
  'token.end': ({ subject }) => `ended the token ${subject}`,
  sign_in: () => 'signed in',
  sign_out: ({ by, subject }) => (by === subject ? 'signed out' : `ended a session of ${subject}`),
  'access.refused': ({ subject }) => `may not call ${subject}, and was refused`,
  'change.refused': ({ subject, environment }) => `was refused a change of ${subject}${inPlace(environment)}`,
  'credentials.revoke': ({ subject }, cache) => `revoked credentials of ${nameOf(cache, subject)} at IAM`,
  'deployment.record': ({ subject, environment, after }) =>
    `recorded the deployment of ${subject} ${textIn(after, 'version') ?? ''}${inPlace(environment)}`.replace('  ', ' '),
  'side_effect.retry': ({ subject }) => `retried the failed side effect ${subject}`,
  'side_effect.drop': ({ subject }) => `dropped the failed side effect ${subject}`,
  'checklist.tick': ({ subject, environment }) => `ticked ${subject}${inPlace(environment)}`,
  'checklist.untick': ({ subject, environment }) => `removed the tick of ${subject}${inPlace(environment)}`,
  'rollout.create': ({ subject, environment, details }) =>
    `created ${rolloutOf(subject)} ${textIn(details, 'name') ?? ''}${inPlace(environment)}`.replace('  ', ' '),
  'problem.report': ({ subject }, cache) => `reported a problem with ${nameOf(cache, subject)}`,
}

/**
 * An entry of the audit log as one sentence, without its reason unless the sentence is that reason. Names come from the
 * platform and are untrusted text.
 */
export function entryInWords(entry: DescribedEntry, cache: StateCache): string {
  const { action, by, subject, reason, details } = entry
  if (action === 'history.lost') return 'The database had lost changes that it had committed'
  if (action === 'rollout.decision') return `${capitalized(rolloutOf(subject))}: ${reason ?? 'a decision'}`
  if (action === 'rollout.action')
    return `${capitalized(rolloutOf(subject))}: ${textIn(details, 'sentence') ?? `${by} acted`}`
  const words = WORDS[action]
  return words === undefined ? `${by}: ${action} of ${subject}` : `${by} ${words(entry, cache)}`
}

function flagOf({ subject, environment }: DescribedEntry): string {
  return `${subject}${inPlace(environment)}`
}

function inPlace(environment: string | null): string {
  return environment === null ? '' : ` in ${environment}`
}

function rolloutOf(subject: string): string {
  return subject.replace(/^rollout:/, 'rollout ')
}

function capitalized(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function nameOf(cache: StateCache, subject: string): string {
  const id = applicationIdOf(subject)
  if (id === undefined) return actorInWords(cache, subject)
  const application = cache.application(id)
  return `application ${application === undefined ? id : applicationInWords(application)}`
}

function gatesOf(cache: StateCache, state: unknown): string {
  return isState(state) ? gatesInFewWords(cache, state) : 'its default'
}

/** Entries of older versions may lack a gate. */
function isState(state: unknown): state is FlagState {
  const { actors, opted_out: out, feature_groups: groups } = (state ?? {}) as Partial<Record<keyof FlagState, unknown>>
  return Array.isArray(actors) && Array.isArray(out) && Array.isArray(groups)
}

function textIn(value: unknown, field: string): string | undefined {
  const text = (value as Readonly<Record<string, unknown>> | null)?.[field]
  return typeof text === 'string' ? text : undefined
}
