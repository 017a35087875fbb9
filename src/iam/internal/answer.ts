import { createHash, timingSafeEqual } from 'node:crypto'
import type { z } from 'zod'
import { AUTH_TOKEN_HEADER } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'

/** A JSON answer of the internal port. Never cached. */
export function json(status: number, body: unknown): HttpReply {
  return {
    status,
    headers: [
      ['Content-Type', 'application/json; charset=utf-8'],
      ['Cache-Control', 'no-store'],
    ],
    body: JSON.stringify(body),
  }
}

/** 400: the request is invalid; `description` names the field and never repeats its value. */
export function invalidRequest(description: string): HttpReply {
  return json(400, { error: 'invalid_request', error_description: description })
}

/** 404: unknown, expired or used. */
export function notFound(): HttpReply {
  return json(404, { error: 'not_found' })
}

/** 409: the user is blocked or deleted here, by a version as new as the caller's. */
export function barredUser(): HttpReply {
  return json(409, { error: 'conflict', error_description: 'subject: is blocked or deleted' })
}

/** Whether a request carries the shared token; compares in constant time, whatever the length. */
export function isAuthorized(request: HttpRequest, token: string): boolean {
  const given = request.headers[AUTH_TOKEN_HEADER]
  if (typeof given !== 'string') return false
  return timingSafeEqual(digest(given), digest(token))
}

/** A validated body, or the 400 that describes the faults. */
export type ReadBody<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reply: HttpReply }

/** Parses and validates a JSON body. Reports every fault at once, by field. */
export function readJson<Schema extends z.ZodType>(request: HttpRequest, schema: Schema): ReadBody<z.infer<Schema>> {
  let raw: unknown
  try {
    raw = JSON.parse(request.body.toString('utf8'))
  } catch {
    return { ok: false, reply: invalidRequest('the body is not JSON') }
  }
  const read = schema.safeParse(raw)
  if (read.success) return { ok: true, value: read.data }
  return { ok: false, reply: invalidRequest(faultsOf(read.error)) }
}

/** Every fault that a schema found, by field. */
export function faultsOf(error: z.ZodError): string {
  const faults = error.issues.map((issue) => `${issue.path.join('.') || '(body)'}: ${issue.message}`)
  return faults.join('; ').slice(0, 1_000)
}

/** A query parameter that must occur exactly once; undefined otherwise. */
export function queryParameter(request: HttpRequest, name: string): string | undefined {
  const values = new URLSearchParams(request.query).getAll(name)
  return values.length === 1 && values[0] !== '' ? values[0] : undefined
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
