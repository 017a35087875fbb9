import type { Destination } from '../routing/index.ts'

const MARK = '_iam_'
const PREFIXES = ['__Host-', '__Secure-']

/** Whether a cookie of this name belongs to IAM; all others belong to legacy. */
export function isIamCookie(name: string): boolean {
  if (name.startsWith(MARK)) return true
  return PREFIXES.some((prefix) => name.startsWith(prefix + MARK))
}

/** The part of a `Cookie` value that one side may see; empty when nothing is left. */
export function cookiesFor(side: Destination, value: string): string {
  if (!value.includes(MARK)) return side === 'iam' ? '' : value
  const kept: string[] = []
  for (const pair of value.split(';')) {
    const trimmed = pair.trim()
    if (trimmed !== '' && isIamCookie(nameOf(trimmed)) === (side === 'iam')) kept.push(trimmed)
  }
  return kept.join('; ')
}

/** Whether one side may set the cookie of a `Set-Cookie` value. */
export function maySetCookie(side: Destination, value: string): boolean {
  const pair = value.split(';', 1)[0] ?? ''
  return isIamCookie(nameOf(pair)) === (side === 'iam')
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  return (equals < 0 ? pair : pair.slice(0, equals)).trim()
}
