import type { FastifyRequest } from 'fastify'
import { isRolloutIncrease } from '../../chatops/index.ts'
import type { Definitions, Environment } from '../../flags/index.ts'
import type { Log } from '../../observability/index.ts'
import { type ChangeContext, type Channel, missingFields, reasonFaults } from '../audit/change-context.ts'
import type { FieldFault } from '../requests/problems.ts'
import type { ChangeFeed } from '../state/feed.ts'
import { defaultState } from '../state/state-cache.ts'
import { type ChangeAction, confirmationRule } from './confirmation.ts'
import type { WriteTerms } from './feature-request.ts'
import type { FlagOutcome, FlagWrite } from './flag-writes.ts'

/** Headers in which a client that cannot add a field may give a reason. */
export const REASON_HEADER = 'x-change-reason'
export const CHANGE_ISSUE_HEADER = 'x-change-issue'
/** The header with which our own programs name their channel; it grants no rights. */
export const CHANNEL_HEADER = 'x-handover-channel'

/** The fields of a request that give its reason. */
export interface GivenReason {
  readonly reason?: string | undefined
  readonly change_issue_url?: string | undefined
}

/**
 * The cause of a change: the caller of the request, its address, and the reason and change issue from its fields or
 * else from its headers. Empty values count as absent. Faults name the field.
 */
export function readContext(
  request: FastifyRequest,
  said: GivenReason = {},
): { readonly context: ChangeContext } | { readonly errors: readonly FieldFault[] } {
  const given = {
    reason: wordsOf(said.reason) ?? headerOf(request, REASON_HEADER),
    change_issue_url: wordsOf(said.change_issue_url) ?? headerOf(request, CHANGE_ISSUE_HEADER),
  }
  const errors = reasonFaults(given)
  return errors.length > 0 ? { errors } : { context: { ...callerContext(request), ...given } }
}

/** The caller and its address, without a reason. */
export function callerContext(request: FastifyRequest): ChangeContext {
  const { caller } = request
  return {
    by: caller?.name ?? '',
    role: caller?.role ?? '',
    channel: channelOf(request),
    from: request.ip,
    correlation_id: request.id,
  }
}

/** The checks of a flag's write. */
export interface WriteRules {
  /** The environments in which a change towards IAM requires a reason. */
  readonly reasonsRequired: readonly Environment[]
  readonly definitions: Definitions
  readonly feed: ChangeFeed
}

/** A write as a request describes it. */
export interface AskedWrite extends Pick<FlagWrite, 'environment' | 'name'> {
  readonly action: ChangeAction
  readonly terms: WriteTerms
}

/**
 * The write of a flag that a request describes, with the checks of its reason, where the settings require one, and of
 * its confirmation.
 */
export function flagWrite(
  { reasonsRequired, definitions, feed }: WriteRules,
  request: FastifyRequest,
  said: GivenReason,
  { action, terms, ...flag }: AskedWrite,
): FlagWrite | { readonly errors: readonly FieldFault[] } {
  const read = readContext(request, said)
  if ('errors' in read) return read
  const { context } = read
  const otherwise = defaultState(definitions, flag.environment, flag.name)
  const isHeld = reasonsRequired.includes(flag.environment)
  return {
    ...flag,
    context,
    ifVersion: terms.ifVersion,
    isDryRun: terms.isDryRun,
    // A rollback is never refused, because it is what an incident calls for.
    mustSay: (before, after) =>
      isHeld && isRolloutIncrease(before ?? otherwise, after ?? otherwise) ? missingFields(context) : [],
    mustConfirm: confirmationRule(feed.cache, flag, action, terms.confirm),
  }
}

/** Logs a change of a flag with its audit entry, so that the log also preserves the chain's head. */
export function logFlagChange(
  { log }: { readonly log: Log },
  action: 'set' | 'remove' | 'restore',
  { name, environment, context }: FlagWrite,
  { outcome, extra }: { readonly outcome: FlagOutcome; readonly extra?: unknown },
): void {
  const entry = outcome.kind === 'written' ? { audit_number: outcome.entry.number, audit_hash: outcome.entry.hash } : {}
  const said = { key: name, action, environment, outcome: outcome.kind, ...context, ...entry }
  log.info(extra === undefined ? said : { ...said, extra }, 'flag changed')
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  if (typeof value !== 'string') return undefined
  // Node reads header bytes as Latin-1, and people write UTF-8.
  const text = Buffer.from(value, 'latin1').toString('utf8')
  return wordsOf(text.includes('\uFFFD') ? value : text)
}

function wordsOf(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}

function channelOf(request: FastifyRequest): Channel {
  if (request.caller?.by.kind === 'session') return 'console'
  return request.headers[CHANNEL_HEADER] === 'cli' ? 'cli' : 'api'
}
