import type { RawHeaders } from '../upstream/attempt.ts'
import { type CookieOwner, setCookieFrom } from './cookies.ts'
import { namedInConnection, responseRule } from './header-rules.ts'

/** The headers of a response for the client; names and values alternate. */
export interface ResponseHeaders {
  readonly headers: string[]
  readonly isJson: boolean
}

/** What the rewriting of response headers depends on. */
export interface ResponseRules {
  /** The owner of the response's cookies; `undefined` lets all cookies through, for a gateway without IAM. */
  readonly cookies: CookieOwner | undefined
  /** `host:port` of each upstream, in lower case: addresses that must not appear. */
  readonly internalHosts: readonly string[]
  /** Called only if an address has to be replaced. */
  publicOrigin(): string
}

/**
 * Returns an upstream's response headers for the client. Hop-by-hop headers and cookies that this side may not set are
 * removed, and an upstream's own address in `Location`, `Content-Location` or `Refresh` is replaced by the public one.
 *
 * @param raw names and values alternate
 */
export function responseHeaders(raw: RawHeaders, by: ResponseRules): ResponseHeaders {
  const headers: string[] = []
  const named = namedIn(raw)
  let isJson = false
  for (let at = 0; at < raw.length; at += 2) {
    const name = textOf(raw[at] as Buffer | string)
    const rule = responseRule(name)
    if (rule === 'drop' || named?.has(name.toLowerCase())) continue
    const value = textOf(raw[at + 1] as Buffer | string)
    if (rule === 'set_cookie' && by.cookies !== undefined) {
      const cookie = setCookieFrom(by.cookies, value)
      if (cookie !== undefined) headers.push(name, cookie)
      continue
    }
    if (name.length === 12 && isJsonType(name, value)) isJson = true
    headers.push(name, rule === 'location' ? withoutInternalHost(value, by) : value)
  }
  return { headers, isJson }
}

/** Returns the first value of a header, by its lower-case name. */
export function headerOf(raw: RawHeaders, name: string): string | undefined {
  for (let at = 0; at < raw.length; at += 2) {
    const given = raw[at] as Buffer | string
    if (given.length === name.length && textOf(given).toLowerCase() === name)
      return textOf(raw[at + 1] as Buffer | string)
  }
  return undefined
}

/** Returns trailers under the same rules, without those that are only allowed in a head. */
export function responseTrailers(raw: RawHeaders): Array<[string, string]> {
  const trailers: Array<[string, string]> = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = textOf(raw[at] as Buffer | string)
    if (responseRule(name) === 'pass' && !HEAD_ONLY.test(name))
      trailers.push([name, textOf(raw[at + 1] as Buffer | string)])
  }
  return trailers
}

const HEAD_ONLY =
  /^(content-(length|type|encoding|range)|cache-control|authorization|www-authenticate|host|age|date|vary)$/i

function namedIn(raw: RawHeaders): ReadonlySet<string> | undefined {
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as Buffer | string
    if (name.length === 10 && textOf(name).toLowerCase() === 'connection') {
      const named = namedInConnection(textOf(raw[at + 1] as Buffer | string).toLowerCase())
      if (named) return named
    }
  }
  return undefined
}

function isJsonType(name: string, value: string): boolean {
  return name.toLowerCase() === 'content-type' && /^application\/(?:[a-z.-]+\+)?json\b/i.test(value)
}

const ADDRESS = /^(\s*(?:\d+(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?["']?)?)((?:https?:)?\/\/([^/?#"']*))/i

/** Replaces an upstream's own origin at the start of an address, also inside a `Refresh`. */
export function withoutInternalHost(value: string, by: Pick<ResponseRules, 'internalHosts' | 'publicOrigin'>): string {
  const match = ADDRESS.exec(value)
  if (!match) return value
  const [whole, lead = '', , authority = ''] = match
  const host = authority.slice(authority.lastIndexOf('@') + 1).toLowerCase()
  if (!by.internalHosts.includes(host)) return value
  const origin = by.publicOrigin()
  const rest = value.slice(whole.length)
  return lead + origin + (origin === '' && !rest.startsWith('/') ? `/${rest}` : rest)
}

function textOf(raw: Buffer | string): string {
  return typeof raw === 'string' ? raw : raw.toString('latin1')
}
