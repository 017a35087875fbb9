import { type Destination, GATEWAY_COOKIE_MARK } from '../routing/index.ts'

const MARK = '_iam_'
const PREFIXES = ['__Host-', '__Secure-']

/** Whether a cookie of this name belongs to IAM; all others belong to legacy. */
export function isIamCookie(name: string): boolean {
  if (name.startsWith(MARK)) return true
  return PREFIXES.some((prefix) => name.startsWith(prefix + MARK))
}

/** The part of a `Cookie` value that one side may see; empty when nothing is left. The gateway's own are for neither. */
export function cookiesFor(side: Destination, value: string): string {
  if (!value.includes(MARK) && !value.includes(GATEWAY_COOKIE_MARK)) return side === 'iam' ? '' : value
  const kept: string[] = []
  for (const pair of value.split(';')) {
    const trimmed = pair.trim()
    if (trimmed !== '' && ownerOf(nameOf(trimmed)) === side) kept.push(trimmed)
  }
  return kept.join('; ')
}

/** Whether one side may set the cookie of a `Set-Cookie` value. */
export function maySetCookie(side: Destination, value: string): boolean {
  const pair = value.split(';', 1)[0] ?? ''
  return ownerOf(nameOf(pair)) === side
}

function ownerOf(name: string): Destination | 'gateway' {
  if (name.startsWith(GATEWAY_COOKIE_MARK)) return 'gateway'
  return isIamCookie(name) ? 'iam' : 'legacy'
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  return (equals < 0 ? pair : pair.slice(0, equals)).trim()
}
