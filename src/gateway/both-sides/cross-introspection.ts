import { DESCRIBED_PAIR_HEADER } from '../../credentials/index.ts'
import type { Destination, Facts } from '../../routing/index.ts'
import { isServerFailure } from '../responses/failure.ts'
import type { UpstreamRequest } from '../upstream/attempt.ts'
import type { CompleteResponse } from '../upstream/query-upstream.ts'
import type { SideResult } from './query-both-sides.ts'

/** The outcome of an introspection: a document, a side that answers the original request, or an error. */
export type CrossResult =
  | { readonly by: 'gateway'; readonly document: Readonly<Record<string, unknown>> }
  | { readonly by: Destination }
  | { readonly by: 'neither' }

interface TokenInfo {
  readonly scope: readonly string[]
  readonly expiresIn: number
  readonly clientId: string
  readonly createdAt: number
}

/** Whether a bearer token of one side introspects a token of the other, so that neither side knows both. */
export function isAcross({ credential, caller, presented }: Facts): boolean {
  if (caller === undefined || presented === undefined) return false
  return (caller.issuer === 'iam') !== (credential === 'iam') && [caller.token, presented].every(isHeaderSafe)
}

/**
 * Answers an introspection (RFC 7662 §2.1) with a bearer token from one side and a subject from the other. Queries the
 * token info endpoint of each side about its own token and composes the response. As in Doorkeeper, a token can only
 * introspect tokens of its own application. If a side has no such endpoint, the original request goes to the side that
 * issued the subject. Only servers that know {@link DESCRIBED_PAIR_HEADER} describe a refresh token; at others it is
 * reported as inactive, although Doorkeeper describes it to another token of its application; see
 * docs/how-to/connect-a-client.md.
 *
 * @param ask queries a side about the token of the caller, or about the subject
 * @param now seconds since the epoch
 */
export async function introspectAcross(
  facts: Facts,
  ask: (side: Destination, token: string, role: 'caller' | 'subject') => Promise<SideResult>,
  now: number,
): Promise<CrossResult> {
  const subjectSide: Destination = facts.credential === 'iam' ? 'iam' : 'legacy'
  const callerSide: Destination = subjectSide === 'iam' ? 'legacy' : 'iam'
  const [caller, subject] = await Promise.all([
    ask(callerSide, facts.caller?.token ?? '', 'caller'),
    ask(subjectSide, facts.presented ?? '', 'subject'),
  ])
  if (!hasAnswered(caller) || !hasAnswered(subject)) return { by: 'neither' }
  // A caller without a valid token gets the error of the side that would know it.
  if (caller.status === 401) return { by: callerSide }
  const known = infoOf(caller)
  if (known === undefined) return { by: subjectSide }
  if (subject.status === 401) return { by: 'gateway', document: { active: false } }
  const info = infoOf(subject)
  if (info === undefined) return { by: subjectSide }
  if (info.clientId !== known.clientId) return { by: callerSide }
  return { by: 'gateway', document: documentOf(info, now) }
}

/** Builds the token info request for `token` from a client's request; for a subject it may be a refresh token. */
export function tokenInfoRequest(
  { headers }: UpstreamRequest,
  path: string,
  token: string,
  role: 'caller' | 'subject',
): UpstreamRequest {
  const kept: string[] = ['Authorization', `Bearer ${token}`]
  if (role === 'subject') kept.push(DESCRIBED_PAIR_HEADER, 'true')
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string
    if (!/^(authorization|content-.*|transfer-encoding|if-.*|accept-encoding)$/i.test(name)) {
      kept.push(name, headers[at + 1] as string)
    }
  }
  return { method: 'GET', path, headers: kept, body: null, traffic: 'oauth' }
}

function hasAnswered(asked: SideResult): asked is CompleteResponse {
  return typeof asked !== 'string' && !isServerFailure(asked.status)
}

function isHeaderSafe(token: string): boolean {
  return /^[\x21-\x7e]{1,4096}$/.test(token)
}

function infoOf({ status, body }: CompleteResponse): TokenInfo | undefined {
  if (status !== 200) return undefined
  try {
    const read = JSON.parse(body.toString('utf8')) as Record<string, unknown>
    const { scope, expires_in: expiresIn, created_at: createdAt } = read
    const clientId = (read['application'] as { uid?: unknown } | undefined)?.uid
    if (!Array.isArray(scope) || typeof clientId !== 'string' || typeof createdAt !== 'number') return undefined
    return { scope: scope.map(String), clientId, createdAt, expiresIn: Number(expiresIn) }
  } catch {
    return undefined
  }
}

/**
 * The members of an introspection response; `exp` is accurate to one second, and absent if the token does not expire.
 */
function documentOf({ scope, clientId, createdAt, expiresIn }: TokenInfo, now: number): Record<string, unknown> {
  const document = { active: true, scope: scope.join(' '), client_id: clientId, token_type: 'Bearer', iat: createdAt }
  return Number.isFinite(expiresIn) && expiresIn > 0 ? { ...document, exp: Math.floor(now + expiresIn) } : document
}
