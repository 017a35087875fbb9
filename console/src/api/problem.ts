import { inDuration } from '../format/numbers.ts'

/** Why a request has no usable answer. */
export type ProblemKind = 'answered' | 'signed_out' | 'offline' | 'unreachable' | 'late' | 'unreadable'

/** A field of a request that breaks a rule (RFC 9457 extension member `errors`). */
export interface FieldFault {
  readonly field: string
  readonly rule: string
}

/** An error of the API as a problem document (RFC 9457), or a request that got no answer at all. */
export class ApiProblem extends Error {
  readonly kind: ProblemKind
  /** The status of the answer; 0 without one. */
  readonly status: number
  readonly code: string | undefined
  readonly errors: readonly FieldFault[]
  readonly requestId: string | undefined
  /** The whole document, for members that only one endpoint has, such as both states of a conflict. */
  readonly document: Readonly<Record<string, unknown>>

  constructor(kind: ProblemKind, message: string, status = 0, document: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = 'ApiProblem'
    this.kind = kind
    this.status = status
    this.document = document
    this.code = typeof document['code'] === 'string' ? document['code'] : undefined
    this.requestId = typeof document['request_id'] === 'string' ? document['request_id'] : undefined
    this.errors = Array.isArray(document['errors']) ? (document['errors'] as FieldFault[]) : []
  }
}

/** A response that is not a success, as a problem. Whatever the body holds, the sentence is fit to be shown. */
export function problemOf(status: number, text: string): ApiProblem {
  const document = parseObject(text)
  const detail = document['detail'] ?? document['message']
  const said = typeof detail === 'string' && detail !== '' ? asSentence(detail) : sentenceOfStatus(status)
  return new ApiProblem(status === 401 ? 'signed_out' : 'answered', said, status, document)
}

/** The problem of a request that was given up after `ms`. */
export function lateProblem(ms: number): ApiProblem {
  return new ApiProblem('late', `The control plane did not answer within ${inDuration(ms)}.`)
}

/** The problem of a request that reached no server. */
export function unreachableProblem(isOffline: boolean): ApiProblem {
  return isOffline
    ? new ApiProblem('offline', 'This browser is offline.')
    : new ApiProblem('unreachable', 'The control plane cannot be reached.')
}

/** Whether asking again may help without any change: nothing in the request itself was wrong. */
export function isPassing(problem: unknown): boolean {
  if (!(problem instanceof ApiProblem)) return false
  return problem.kind === 'answered' ? problem.status >= 500 || problem.status === 429 : problem.kind !== 'signed_out'
}

/** What an error says to a person: one or more complete sentences. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiProblem) return error.message
  return 'The console failed to show this. Reload the page; if it happens again, report it with its address.'
}

function sentenceOfStatus(status: number): string {
  if (status === 401) return 'Your session has ended.'
  if (status === 403) return 'Your role does not allow this.'
  if (status === 404) return 'This does not exist, or no longer does.'
  if (status === 409) return 'Someone else changed this first.'
  if (status === 429) return 'There were too many requests. Wait a moment, then try again.'
  return status >= 500 ? `The control plane failed (status ${status}).` : `The request was refused (status ${status}).`
}

/** GitLab's shape puts the status before the reason; a person needs only the reason. */
const STATUS_PREFIX = /^\d{3} [A-Z][A-Za-z ]* - /

/** GitLab's words for this name neither the application nor what to do. */
const OPTED_OUT = /^Opt-out exists for Authn::OauthApplication:(\d+) .*/

function asSentence(text: string): string {
  const trimmed = text
    .trim()
    .replace(STATUS_PREFIX, '')
    .replace(
      OPTED_OUT,
      'application $1 is opted out, as a rollout does that takes it back: try it again from its page first',
    )
  const begun = `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}`
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
