import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { Parameters, ReadParameters } from '../contract.ts'
import { publicError } from '../pages.ts'
import { decodeUtf8 } from './decode.ts'
import { parseMultipart } from './multipart.ts'
import { emptyHash, type ParameterFault, parseNestedQuery } from './nested.ts'

/** A little over 1 MiB, which is what a gateway in front lets through. */
const BODY_LIMIT = 2 << 20
const JSON_TYPES = new Set(['application/json', 'text/x-json', 'application/jsonrequest'])
const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH', 'LINK', 'UNLINK'])

/**
 * Reads query and body as Rails does: urlencoded, multipart and JSON bodies, a POST without a type as urlencoded, the
 * query over the body, `_method` of a POSTed form obeyed (README of the recording, 23 and 24). Never throws; more than
 * 4,096 parameters or 2 MiB are not looked at.
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
  const header = request.headers['content-type']
  const type = header?.split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? ''
  if (type === 'application/x-www-form-urlencoded' || (type === '' && request.method === 'POST')) {
    return formOf(parseNestedQuery(body.toString('latin1'), '&'))
  }
  if (type === 'multipart/form-data' || type === 'multipart/mixed' || type === 'multipart/related') {
    return formOf(parseMultipart(body, header ?? '') ?? parseNestedQuery(body.toString('latin1'), '&'))
  }
  return JSON_TYPES.has(type) ? parseJson(body) : NO_BODY
}

function formOf(hash: object | ParameterFault): Body | ParameterFault {
  return typeof hash === 'string' ? hash : { kind: 'form', parameters: hash as Parameters }
}

function parseJson(body: Buffer): Body | ParameterFault {
  const text = decodeUtf8(body)
  if (text === undefined) return 'malformed'
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
  return plainText(
    500,
    "500 Internal Server Error\nIf you are the administrator of this website, then please read this web application's log file and/or the web server's log file to find out what went wrong.",
  )
}

function plainText(status: number, body: string): HttpReply {
  return { status, headers: [['Content-Type', 'text/plain']], body }
}
