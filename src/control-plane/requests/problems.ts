import type { FastifyReply } from 'fastify'

/** Every code that an error of `/api/v1` can have; their meaning never changes. */
export const PROBLEM_CODES = [
  'invalid_request',
  'unauthorized',
  'forbidden',
  'not_found',
  'unknown_flag',
  'unknown_environment',
  'unknown_application',
  'unknown_token',
  'too_many_failures',
  'too_many_streams',
  'token_of_settings',
  'name_reserved',
  'client_id_taken',
  'version_conflict',
  'change_refused',
  'no_history',
  'already_restored',
  'confirmation_required',
  'body_too_large',
  'unsupported_media_type',
  'unavailable',
  'internal_error',
] as const
export type ProblemCode = (typeof PROBLEM_CODES)[number]

/** A field that breaks a rule. */
export interface FieldFault {
  readonly field: string
  readonly rule: string
}

/** Both states of something that someone else changed first, for the person whose change was refused. */
export interface Conflict {
  /** The state on which the refused change was decided; without words when it is no longer known. */
  readonly decided_on: { readonly version: number; readonly in_words: string | null }
  readonly current: {
    readonly version: number
    readonly in_words: string
    readonly changed_by: string | null
    readonly changed_at: string | null
  }
}

/** The content of an error besides its status and code. */
export interface ProblemDetails {
  readonly detail: string
  readonly errors?: readonly FieldFault[]
  readonly conflict?: Conflict
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** Sends an error as `application/problem+json` (RFC 9457) with a stable `code` and the request's id. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  code: ProblemCode,
  details: ProblemDetails,
): FastifyReply {
  const problem = {
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    code,
    detail: details.detail,
    request_id: reply.request.id,
    ...(details.errors && { errors: details.errors }),
    ...(details.conflict && { conflict: details.conflict }),
  }
  // Serialized here: the schemas of a route describe only its successes.
  return reply
    .code(status)
    .type('application/problem+json')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(problem)
}

/** Faults in words, each with its field. */
export function faultsInWords(errors: readonly FieldFault[]): string {
  return errors.map(({ field, rule }) => `${field}: ${rule}`).join('; ')
}

/** Sends 400 with each field that breaks a rule. */
export function sendFieldFaults(reply: FastifyReply, errors: readonly FieldFault[]): FastifyReply {
  return sendProblem(reply, 400, 'invalid_request', { detail: faultsInWords(errors), errors })
}

/**
 * Sends an error in GitLab's shape, `{"message": …}`: 401 and 403 with only their phrase, 400 followed by the reason. A
 * conflict adds both states.
 */
export function sendGitLabError(
  reply: FastifyReply,
  status: number,
  reason?: string,
  conflict?: Conflict,
): FastifyReply {
  const phrase = `${status} ${status === 400 ? 'Bad request' : (TITLES[status] ?? 'Error')}`
  return reply
    .code(status)
    .type('application/json')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send({ message: reason === undefined ? phrase : `${phrase} - ${reason}`, ...(conflict && { conflict }) })
}
