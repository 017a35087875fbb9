import { request } from 'undici'
import { boundedError } from '../../../credentials/index.ts'
import type { Upstream } from '../../upstream/upstream.ts'

/**
 * A client of one side that may use client_credentials (RFC 6749 §4.4) and authenticates with its secret in the form.
 */
export interface ProbeClient {
  readonly clientId: string
  readonly secret: string
  /** The scope to request; the server's default if undefined. */
  readonly scope?: string | undefined
}

/** Where and as which client to request a token. */
export interface Probe {
  readonly upstream: Upstream
  readonly client: ProbeClient
  /** Paths of the token endpoint and of the revocation endpoint. */
  readonly token: string
  readonly revoke: string
  /** Milliseconds, for each of the two calls. */
  readonly timeoutMs: number
}

/** The outcome of a token request. */
export type ProbeOutcome =
  | { readonly kind: 'issued'; readonly accessToken: string }
  /** The side responded without a token. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'unreachable'; readonly why: string }

const MAX_BYTES = 64 << 10

/**
 * Obtains an access token only to examine its mark. Never rejects; the reasons in the outcome contain no credential.
 *
 * @param giveUp aborts the request
 */
export async function obtainToken(probe: Probe, giveUp: AbortSignal): Promise<ProbeOutcome> {
  try {
    const { scope } = probe.client
    const asked = { grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) }
    const { status, text } = await post(probe, probe.token, asked, giveUp)
    if (status >= 500) return { kind: 'unreachable', why: `status ${status}` }
    const answer = objectIn(text)
    const accessToken = answer?.['access_token']
    if (status === 200 && typeof accessToken === 'string' && accessToken !== '') return { kind: 'issued', accessToken }
    const error = answer?.['error']
    return { kind: 'refused', why: `status ${status}${typeof error === 'string' ? ` ${boundedError(error)}` : ''}` }
  } catch (error) {
    return { kind: 'unreachable', why: causeOf(error) }
  }
}

/** Revokes the token (RFC 7009 §2.1). Returns why it failed, or undefined on success. Never rejects. */
export async function revokeToken(probe: Probe, accessToken: string): Promise<string | undefined> {
  try {
    const { status } = await post(probe, probe.revoke, { token: accessToken, token_type_hint: 'access_token' })
    return status === 200 ? undefined : `status ${status}`
  } catch (error) {
    return causeOf(error)
  }
}

async function post(
  { upstream, client, timeoutMs }: Probe,
  path: string,
  parameters: Readonly<Record<string, string>>,
  giveUp?: AbortSignal,
): Promise<{ status: number; text: string }> {
  const { statusCode, body } = await request(upstream.origin + path, {
    dispatcher: upstream.pool,
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      // A platform that enforces HTTPS would otherwise respond with a redirect.
      'x-forwarded-proto': 'https',
    },
    body: new URLSearchParams({
      ...parameters,
      client_id: client.clientId,
      client_secret: client.secret,
    }).toString(),
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(giveUp === undefined ? [] : [giveUp])]),
  })
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  return { status: statusCode, text: Buffer.concat(chunks).toString('utf8') }
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const document: unknown = JSON.parse(text)
    return document !== null && typeof document === 'object' ? (document as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  return (error as NodeJS.ErrnoException).code?.toString() ?? error.name
}
