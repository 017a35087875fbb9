import { type GatewayError, gatewayErrorResponse } from '../../gateway/index.ts'

/** Which of the gateway's own responses a client gets from a backend. */
export type AnswerForm = 'text' | 'json' | 'page'

const FORMS = {
  text: { endpoint: 'other', accept: undefined },
  json: { endpoint: 'token', accept: undefined },
  page: { endpoint: 'authorize', accept: 'text/html' },
} as const

/** The file that holds the body of an error in a form. */
export interface ErrorFile {
  readonly name: string
  readonly body: string
}

const ERRORS = ['bad_gateway', 'gateway_timeout', 'temporarily_unavailable', 'overloaded'] as const

/** All files that {@link errorRules} refer to. */
export function errorFiles(): ErrorFile[] {
  return ERRORS.flatMap((error) =>
    (['text', 'json', 'page'] as const).map((form) => ({
      name: fileName(error, form),
      body: answer(error, form).body,
    })),
  )
}

/**
 * The rules that make a backend answer as the gateway does when its server cannot: a refused connection is HAProxy's 503,
 * a broken answer 502, a late one 504.
 */
export function errorRules(form: AnswerForm, directory: string): string[] {
  return [
    httpError(503, 'bad_gateway', form, directory),
    httpError(502, 'bad_gateway', form, directory),
    httpError(504, 'gateway_timeout', form, directory),
    'http-response set-var(txn.answered) bool(true)',
    'http-after-response set-status 502 if { status 503 } !{ var(txn.answered) -m bool }',
  ]
}

/** The same for a request that only IAM may answer: each failure of IAM is 503, and the client keeps its credential. */
export function unavailableRules(directory: string, isForPrograms: string): string[] {
  const form = 'json'
  const { headers } = answer('temporarily_unavailable', form)
  const shown = headers.filter(([name]) => name !== 'Content-Type').map(([name, value]) => `hdr ${name} '${value}'`)
  const file = `${directory}/${fileName('temporarily_unavailable', form)}`
  const unavailable = `http-response return status 503 content-type 'application/json; charset=utf-8' file ${file} ${shown.join(' ')}`
  return [
    ...[502, 503, 504].map((status) => httpError(status, 'temporarily_unavailable', form, directory)),
    'http-response set-var(txn.answered) bool(true)',
    `${unavailable} if { status ge 500 }`,
    `${unavailable} if ${isForPrograms} { status 200 } { res.fhdr(content-type) -m reg -i '^text/html(?![A-Za-z0-9_])' }`,
    'http-after-response set-status 503 if { status 502 504 } !{ var(txn.answered) -m bool }',
  ]
}

/** Answers every request as a backend without its server does; a credential of IAM gets 503 from its backend. */
export function apologyRules(form: AnswerForm, directory: string): string[] {
  const { headers } = answer('bad_gateway', form)
  const type = headers.find(([name]) => name === 'Content-Type')?.[1] ?? ''
  const shown = headers
    .filter(([name]) => name !== 'Content-Type')
    .map(([name, value]) => `hdr ${name} ${quoted(value)}`)
  const file = `${directory}/${fileName('bad_gateway', form)}`
  return [`http-request return status 502 content-type '${type}' file ${file} ${shown.join(' ')}`]
}

/** The rules for a request that only the gateway could have judged. */
export function gatewayBackendErrors(directory: string): string[] {
  return [502, 503, 504].map((status) => httpError(status, 'temporarily_unavailable', 'json', directory))
}

function httpError(status: number, error: GatewayError, form: AnswerForm, directory: string): string {
  const { headers } = answer(error, form)
  const type = headers.find(([name]) => name === 'Content-Type')?.[1] ?? ''
  const shown = headers
    .filter(([name]) => name !== 'Content-Type')
    .map(([name, value]) => `hdr ${name} ${quoted(value)}`)
  return `http-error status ${status} content-type '${type}' file ${directory}/${fileName(error, form)} ${shown.join(' ')}`
}

/** A policy has single quotes, which only double quotes can hold. */
function quoted(value: string): string {
  return `"${value}"`
}

function answer(error: GatewayError, form: AnswerForm) {
  const { endpoint, accept } = FORMS[form]
  return gatewayErrorResponse(error, endpoint, accept)
}

function fileName(error: GatewayError, form: AnswerForm): string {
  return `${error}.${form}`
}
