import { type Destination, GATEWAY_COOKIE_MARK } from '../../routing/index.ts'

const MARK = '_iam_'
const PREFIXES = ['__Host-', '__Secure-']

/**
 * An IAM with unmarked cookies: the gateway prefixes their names with the mark for the browser and removes it for IAM.
 */
export interface RenamedCookies {
  /** Path of IAM's authorize endpoint; its cookies must also reach the public path of that endpoint. */
  readonly authorizePath: string
}

/** The side that owns cookies, and how the gateway recognizes them. */
export type CookieOwner = Destination | RenamedCookies

/** Whether a cookie of this name belongs to IAM; all others belong to legacy. */
export function isIamCookie(name: string): boolean {
  if (name.startsWith(MARK)) return true
  return PREFIXES.some((prefix) => name.startsWith(prefix + MARK))
}

/**
 * The part of a `Cookie` value that one side may see; empty if nothing is left. The gateway's own cookies go to
 * neither.
 */
export function cookiesFor(owner: CookieOwner, value: string): string {
  if (!value.includes(MARK) && !value.includes(GATEWAY_COOKIE_MARK)) return owner === 'legacy' ? value : ''
  const side = sideOf(owner)
  const kept: string[] = []
  for (const pair of value.split(';')) {
    const trimmed = pair.trim()
    if (trimmed !== '' && ownerOf(nameOf(trimmed)) === side) kept.push(owner === side ? trimmed : unmarked(trimmed))
  }
  return kept.join('; ')
}

/** A `Set-Cookie` value of one side for the browser; undefined for a cookie that this side may not set. */
export function setCookieFrom(owner: CookieOwner, value: string): string | undefined {
  if (typeof owner === 'object') return marked(value, owner.authorizePath)
  const pair = value.split(';', 1)[0] ?? ''
  return ownerOf(nameOf(pair)) === owner ? value : undefined
}

function sideOf(owner: CookieOwner): Destination {
  return typeof owner === 'object' ? 'iam' : owner
}

function ownerOf(name: string): Destination | 'gateway' {
  if (name.startsWith(GATEWAY_COOKIE_MARK)) return 'gateway'
  return isIamCookie(name) ? 'iam' : 'legacy'
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  return (equals < 0 ? pair : pair.slice(0, equals)).trim()
}

/** Browsers enforce the prefixes of cookie names, so the mark follows the prefix. */
function prefixOf(name: string): string {
  return PREFIXES.find((prefix) => name.startsWith(prefix)) ?? ''
}

function unmarked(pair: string): string {
  const prefix = prefixOf(pair)
  return prefix + pair.slice(prefix.length + MARK.length)
}

function marked(value: string, authorizePath: string): string {
  const trimmed = value.trimStart()
  const prefix = prefixOf(trimmed)
  return widened(prefix + MARK + trimmed.slice(prefix.length), authorizePath)
}

const PATH = /;\s*path\s*=\s*([^;]*)/i

/**
 * A cookie for IAM's authorize endpoint must also reach the public endpoint, which may have another path; its path then
 * becomes the whole origin. Only IAM receives it there too.
 */
function widened(value: string, authorizePath: string): string {
  const path = PATH.exec(value)?.[1]?.trim() ?? ''
  return isWithin(authorizePath, path) && path !== '/' ? value.replace(PATH, '; Path=/') : value
}

/** RFC 6265 §5.1.4. */
function isWithin(path: string, cookiePath: string): boolean {
  if (!cookiePath.startsWith('/') || !path.startsWith(cookiePath)) return false
  return path.length === cookiePath.length || cookiePath.endsWith('/') || path[cookiePath.length] === '/'
}
