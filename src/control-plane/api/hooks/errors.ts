import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { isStoreAway } from '../../../storage/index.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import {
  type FieldFault,
  faultsInWords,
  sendFieldFaults,
  sendGitLabError,
  sendProblem,
} from '../../requests/problems.ts'

/** Renders every error: GitLab's shapes on `/api/v4`, problem documents everywhere else. */
export function renderErrors(api: Api, control: ControlContext): void {
  api.setNotFoundHandler((request, reply) => {
    if (isGitLabApi(request)) return reply.code(404).send({ error: '404 Not Found' })
    return sendProblem(reply, 404, 'not_found', { detail: `${request.method} ${pathOf(request)} is not served here` })
  })
  api.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500
    if (hasZodFastifySchemaValidationErrors(error)) return sendUnreadable(request, reply, fieldFaults(error))
    if (status >= 400 && status < 500) return sendClientFault(request, reply, status, error)
    control.log.error({ err: error, route: request.routeOptions.url, request_id: request.id }, 'request failed')
    if (isStoreAway(error)) return sendUnavailable(request, reply)
    if (isGitLabApi(request)) return sendGitLabError(reply, 500)
    return sendProblem(reply, 500, 'internal_error', { detail: 'the control plane failed; see its log, request_id' })
  })
}

const RETRY_AFTER_SECONDS = '5'

/** 503 (RFC 9110 §15.6.4): the client may retry the same request. */
function sendUnavailable(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.header('Retry-After', RETRY_AFTER_SECONDS)
  if (isGitLabApi(request)) return sendGitLabError(reply, 503)
  return sendProblem(reply, 503, 'unavailable', { detail: 'the database does not answer; try again' })
}

function sendUnreadable(request: FastifyRequest, reply: FastifyReply, errors: FieldFault[]): FastifyReply {
  if (isGitLabApi(request)) return sendGitLabError(reply, 400, faultsInWords(errors))
  return sendFieldFaults(reply, errors)
}

function sendClientFault(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  error: FastifyError,
): FastifyReply {
  // Some parsers quote the text they failed on, and a body may hold a secret.
  const detail = status === 400 ? 'the body is not valid JSON or does not match its content type' : error.message
  if (isGitLabApi(request)) return sendGitLabError(reply, status, status === 400 ? detail : undefined)
  const code = status === 413 ? 'body_too_large' : status === 415 ? 'unsupported_media_type' : 'invalid_request'
  return sendProblem(reply, status, code, { detail })
}

function fieldFaults(error: FastifyError): FieldFault[] {
  const faults: FieldFault[] = []
  for (const issue of error.validation ?? []) {
    const place = issue.instancePath.replace(/^\//, '').replaceAll('/', '.')
    const unknown = (issue.params as { keys?: unknown } | undefined)?.keys
    if (Array.isArray(unknown)) {
      for (const key of unknown) {
        const field = [place, String(key).slice(0, 100)].filter((part) => part !== '').join('.')
        faults.push({ field, rule: 'is not a known field' })
      }
      continue
    }
    const isMissing = issue.message?.endsWith('received undefined') ?? false
    const rule = isMissing ? 'must be given' : (issue.message ?? 'is not valid')
    faults.push({ field: place === '' ? (error.validationContext ?? 'request') : place, rule })
  }
  return faults
}

function isGitLabApi(request: FastifyRequest): boolean {
  return request.url.startsWith('/api/v4/')
}

function pathOf(request: FastifyRequest): string {
  return (request.url.split('?', 1)[0] ?? '').slice(0, 200)
}
