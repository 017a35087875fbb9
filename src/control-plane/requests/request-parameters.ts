import type { FastifyRequest } from 'fastify'
import { type Pairs, type PairsFault, parsePairs } from './form.ts'

/** The parameters of a request by name, or what is wrong with one. */
export type RequestParameters = { readonly values: ReadonlyMap<string, string> } | { readonly fault: string }

/** A form body, as the parser of `acceptForms` produces it. */
export interface FormBody {
  readonly pairs: Pairs | PairsFault
}

/**
 * Gathers the parameters of a request from query, form and JSON body, as GitLab's API does. None may be repeated, and
 * in JSON each must be text, a number or a boolean.
 */
export function requestParameters(request: FastifyRequest): RequestParameters {
  const mark = request.url.indexOf('?')
  const query = mark < 0 ? [] : parsePairs(request.url.slice(mark + 1))
  if ('fault' in query) return { fault: `the query ${query.fault}` }
  const body = bodyPairs(request.body)
  if ('fault' in body) return body
  const values = new Map<string, string>()
  for (const [name, value] of [...query, ...body.pairs]) {
    if (values.has(name)) return { fault: `${quote(name)} is given twice` }
    values.set(name, value)
  }
  return { values }
}

/** Quotes a client's input, cut to a readable length. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}

function bodyPairs(body: unknown): { readonly pairs: Pairs } | { readonly fault: string } {
  if (body === undefined || body === null) return { pairs: [] }
  if (isFormBody(body)) {
    return 'fault' in body.pairs ? { fault: `the form ${body.pairs.fault}` } : { pairs: body.pairs }
  }
  if (typeof body !== 'object' || Array.isArray(body)) return { fault: 'the body must be a JSON object' }
  const pairs: Array<readonly [string, string]> = []
  for (const [name, value] of Object.entries(body)) {
    if (value === null) continue
    if (typeof value === 'object') return { fault: `${quote(name)} must be text, a number or a boolean` }
    const text = String(value)
    if (text.includes('\0')) return { fault: `${quote(name)} holds a NUL` }
    pairs.push([name, text])
  }
  return { pairs }
}

function isFormBody(body: unknown): body is FormBody {
  return body !== null && typeof body === 'object' && FORM in body
}

const FORM = Symbol('form')

/** A form body that {@link requestParameters} recognises. */
export function formBody(text: string): FormBody {
  return { [FORM]: true, pairs: parsePairs(text) } as FormBody
}
