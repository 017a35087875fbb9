import { createHash } from 'node:crypto'
import type { Application } from '../../applications/index.ts'
import { INTERNAL_PATHS } from '../../handoff/index.ts'
import type { Platform } from './platform.ts'

/** The secret of every confidential client in tests. */
export const SECRET = 'gloas-secret-of-the-tests'

const base = {
  secret_digest: createHash('sha512').update(SECRET).digest('hex'),
  redirect_uris: ['https://client.example.test/callback'],
  scopes: [],
  confidential: true,
  trusted: false,
  version: 1,
}

export const confidential: Application = { ...base, id: 1, client_id: 'a'.repeat(64), name: 'Confidential' }
export const publicClient: Application = {
  ...base,
  id: 2,
  client_id: 'b'.repeat(64),
  name: 'Public',
  confidential: false,
  redirect_uris: ['myapp://callback', 'http://127.0.0.1/callback'],
}
export const trusted: Application = { ...base, id: 3, client_id: 'c'.repeat(64), name: 'Trusted', trusted: true }
export const native: Application = {
  ...base,
  id: 4,
  client_id: 'd'.repeat(64),
  name: 'Native',
  redirect_uris: ['urn:ietf:wg:oauth:2.0:oob'],
}

/** Sends the test applications to a platform through its internal port. */
export async function replicateAll(platform: Platform): Promise<void> {
  for (const application of [confidential, publicClient, trusted, native]) {
    const { status, text } = await platform.internal('PUT', INTERNAL_PATHS.clients, application)
    if (status !== 200) throw new Error(`replication: ${status} ${text}`)
  }
}

/** The address of an authorization request; `undefined` removes a parameter. */
export function authorizeUrl(application: Application, changes: Record<string, string | undefined> = {}): string {
  const parameters = {
    client_id: application.client_id,
    redirect_uri: application.redirect_uris[0],
    response_type: 'code',
    scope: 'api',
    state: 'st-123',
    ...changes,
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
  return `/oauth/authorize?${query}`
}

/** POSTs a form to a platform and parses the JSON answer. */
export async function postForm(
  platform: Platform,
  path: string,
  form: Record<string, string>,
): Promise<{ status: number; headers: Headers; json: Record<string, unknown> }> {
  const answer = await fetch(platform.origin + path, { method: 'POST', body: new URLSearchParams(form) })
  const json = (await answer.json()) as Record<string, unknown>
  return { status: answer.status, headers: answer.headers, json }
}

/** Exchanges a code as a confidential client. */
export function exchange(platform: Platform, code: string, form: Record<string, string> = {}) {
  return postForm(platform, '/oauth/token', {
    grant_type: 'authorization_code',
    code,
    client_id: confidential.client_id,
    client_secret: SECRET,
    redirect_uri: confidential.redirect_uris[0] ?? '',
    ...form,
  })
}
