import { formsIn, visibleText } from './forms.ts'
import { alphabetOf, type Placeholders, parseJson } from './placeholders.ts'
import type { RecordedResponse } from './recording.ts'
import type { Answer } from './transport.ts'

const MOMENTS = ['created_at', 'iat', 'exp', 'auth_time', 'updated_at']
const SPANS = ['expires_in', 'expires_in_seconds', 'interval']
const TOKEN_LIFETIME = 7200
const ID_TOKEN_LIFETIME = 120
const LONG = 6000

/** A response in the form of the recording: variable values are replaced, JSON and pages are parsed. */
export function normaliseAnswer(answer: Answer, known: Placeholders): RecordedResponse {
  const type = answer.headers['content-type'] ?? ''
  const json = type.includes('json') || /^[[{]/.test(answer.body) ? parseJson(answer.body) : undefined
  const isPage = type.includes('html')
  return {
    status: answer.status,
    reason: answer.reason,
    headers: answer.lines.map(([name, value]) => [name, normaliseHeader(name, value, known)]),
    ...(json === undefined ? { body: known.text(shorten(answer.body)) } : { json: normaliseJson(json, known) }),
    ...(isPage ? { html: describePage(answer.body, known) } : {}),
  }
}

/** A header's value without its variable parts. */
export function normaliseHeader(name: string, value: string, known: Placeholders): string {
  switch (name.toLowerCase()) {
    case 'etag':
      return value.startsWith('W/') ? 'W/"<etag>"' : '"<etag>"'
    case 'x-request-id':
      return '<uuid>'
    case 'x-runtime':
      return '<seconds>'
    case 'date':
      return '<date>'
    case 'content-length':
      return '<length>'
    case 'set-cookie':
      return value
        .replace(/^([^=]+)=([^;]*)/, (_, cookie, content) => `${cookie}=${content ? '<cookie>' : ''}`)
        .replace(/expires=[^;]+/i, 'expires=<date>')
    case 'cookie':
      return value.replace(/=([^;]*)/g, '=<cookie>')
    case 'authorization':
      return normaliseAuthorization(value, known)
    default:
      return known.text(value)
  }
}

/** The text, shortened if necessary. */
export function shorten(text: string): string {
  return text.length > LONG ? `${text.slice(0, 80)}…(${text.length} characters)` : text
}

function normaliseAuthorization(value: string, known: Placeholders): string {
  const [, scheme = '', encoded = ''] = /^(basic)\s+(.*)$/i.exec(value) ?? []
  const decoded = Buffer.from(encoded, 'base64').toString()
  return /^[\x20-\x7e]+$/.test(decoded) ? `${scheme} {base64 ${known.text(decoded)}}` : known.text(value)
}

function describePage(body: string, known: Placeholders): NonNullable<RecordedResponse['html']> {
  return {
    forms: formsIn(body).map((form) => ({
      method: form.method,
      action: known.text(form.action),
      fields: form.fields.map(([name, value]) => [name, name === 'authenticity_token' ? '<csrf>' : known.text(value)]),
    })),
    text: known.text(visibleText(body)).slice(0, 600),
  }
}

function normaliseJson(value: unknown, known: Placeholders): unknown {
  if (Array.isArray(value)) return value.map((member) => normaliseJson(member, known))
  if (typeof value === 'string') return known.text(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, normaliseMember(key, member, known)]))
}

function normaliseMember(key: string, value: unknown, known: Placeholders): unknown {
  if (key === 'kid') return `<kid:${String(value).length}>`
  if (typeof value === 'number') {
    if (MOMENTS.includes(key)) return value > 1e9 ? '<unix-time>' : value
    if (!SPANS.includes(key)) return value
    if (value < 0) return '<negative>'
    return value !== TOKEN_LIFETIME && isNear(value, TOKEN_LIFETIME) ? '<about 7200>' : value
  }
  if (typeof value === 'string') {
    if (key === 'id_token' && value.split('.').length === 3) return describeJwt(value, known)
    if (key === 'n' && value.length > 100) return `<rsa-modulus:${value.length}>`
    if (key === 'sub_legacy') return `<sub_legacy:${value.length}:${alphabetOf(value)}>`
  }
  return normaliseJson(value, known)
}

function describeJwt(token: string, known: Placeholders): unknown {
  const [header, claims] = token.split('.', 2).map((part) => {
    const parsed = parseJson(Buffer.from(part, 'base64url').toString())
    return typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []
  })
  const issued = (claims ?? []).find(([name]) => name === 'iat')?.[1]
  const describe = ([name, value]: [string, unknown]) => [name, describeClaim(name, value, issued, known)] as const
  const describeField = ([name, value]: [string, unknown]) =>
    [name, name === 'kid' ? `<kid:${String(value).length}>` : value] as const
  return {
    $jwt: {
      header: Object.fromEntries((header ?? []).map(describeField)),
      claims: Object.fromEntries((claims ?? []).map(describe)),
    },
  }
}

function describeClaim(name: string, value: unknown, issued: unknown, known: Placeholders): unknown {
  if (typeof value === 'number') {
    if (name === 'exp' && typeof issued === 'number' && isNear(value - issued, ID_TOKEN_LIFETIME)) return '<iat+120>'
    if (name === 'auth_time') return '<unix-time>'
    if (name === 'iat' || name === 'exp' || name === 'nbf')
      return isNear(value, Date.now() / 1000) ? '<now>' : '<unix-time>'
  }
  if (typeof value !== 'string') return value
  const isDigest = name === 'sub_legacy' || name === 'at_hash' || name === 'c_hash' || name === 'jti'
  return isDigest ? `<${name}:${value.length}:${alphabetOf(value)}>` : known.text(value)
}

function isNear(value: number, wanted: number): boolean {
  return Math.abs(value - wanted) <= 6
}
