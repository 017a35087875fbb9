import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { bodyKindOf, decodeUtf8, scanJson } from '../../parameters/index.ts'
import { publicError } from '../responses/pages.ts'
import { jsonReply } from '../responses/replies.ts'
import { parseMultipart } from './multipart.ts'
import { emptyHash, type ParameterFault, parseNestedQuery } from './nested.ts'
import type { Parameters } from './value.ts'

/**
 * The parameters of a request, or the answer when they cannot be parsed (400, empty HTML body; docs/doorkeeper.md, 23).
 */
export type ReadParameters =
  | {
      readonly ok: true
      readonly parameters: Parameters
      /** The method in upper case, after `_method` of a POSTed form was applied. */
      readonly method: string
    }
  | { readonly ok: false; readonly reply: HttpReply; readonly method: string }

/** The limit of a gateway in front. */
const BODY_LIMIT = 1 << 20
const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH', 'LINK', 'UNLINK'])

/**
 * Parses query and body as Rails does: urlencoded, multipart and JSON bodies, a POST without a type as urlencoded, the
 * query over the body, and `_method` of a POSTed form (docs/doorkeeper.md, 23 and 24). Never throws. Rejects more than
 * 1 MiB, 4,096 parameters or parts, 1,024 JSON members, or JSON nested deeper than 100, before parsing.
 */
export function readParameters(request: HttpRequest): ReadParameters {
  const query = parseNestedQuery(request.query, '&;')
  const body = readBodyParameters(request)
  const method = methodOf(request, typeof body === 'string' ? undefined : body)
  if (typeof query === 'string') return { ok: false, method, reply: faultReply(query, request) }
  if (typeof body === 'string') return { ok: false, method, reply: faultReply(body, request) }
  const parameters = body.kind === 'none' ? query : Object.assign(emptyHash(), body.parameters, query)
  return { ok: true, method, parameters: parameters as Parameters }
}

interface Body {
  readonly kind: 'none' | 'form' | 'json'
  readonly parameters: Parameters
}

const NO_BODY: Body = { kind: 'none', parameters: emptyHash() as Parameters }

function readBodyParameters(request: HttpRequest): Body | ParameterFault | 'too_large' {
  const { body } = request
  if (body.length === 0) return NO_BODY
  if (body.length > BODY_LIMIT) return 'too_large'
  const type = request.headers['content-type']
  switch (bodyKindOf(request.method, type)) {
    case 'form':
      return formOf(parseNestedQuery(formText(body), '&'))
    case 'multipart':
      return formOf(parseMultipart(body, type ?? '') ?? parseNestedQuery(formText(body), '&'))
    case 'json':
      return parseJson(body)
    default:
      return NO_BODY
  }
}

/** Some browsers end the body of a scripted POST with a NUL, which Rack drops. */
function formText(body: Buffer): string {
  return body.toString('latin1', 0, body.at(-1) === 0 ? body.length - 1 : body.length)
}

function formOf(hash: object | ParameterFault): Body | ParameterFault {
  return typeof hash === 'string' ? hash : { kind: 'form', parameters: hash as Parameters }
}

function parseJson(body: Buffer): Body | ParameterFault {
  const text = decodeUtf8(body)
  if (text === undefined) return 'malformed'
  if (scanJson(text) === 'too_much') return 'too_many'
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return { kind: 'json', parameters: (isObject ? value : { _json: value }) as Parameters }
  } catch {
    return 'malformed'
  }
}

function methodOf(request: HttpRequest, body: Body | undefined): string {
  if (request.method !== 'POST') return request.method
  const field = body?.kind === 'form' ? body.parameters['_method'] : undefined
  const wanted = typeof field === 'string' ? field : request.headers['x-http-method-override']
  const method = typeof wanted === 'string' ? wanted.toUpperCase() : ''
  return METHODS.has(method) ? method : 'POST'
}

function faultReply(fault: ParameterFault | 'too_large', request: HttpRequest): HttpReply {
  if (fault === 'malformed') return publicError(400, request)
  if (fault === 'too_large') return plainText(413, 'Payload Too Large\n')
  const error_description = 'The request has too many parameters or is nested too deeply.'
  return jsonReply(400, { error: 'invalid_request', error_description }, [['Cache-Control', 'no-store']])
}

function plainText(status: number, body: string): HttpReply {
  return { status, headers: [['Content-Type', 'text/plain']], body }
}
