import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { json } from './answer.ts'

/**
 * Answers `/healthz` (the process is alive) and `/readyz` (its database answers) on either port; undefined for another
 * path.
 */
export async function health(request: HttpRequest, ready: () => Promise<boolean>): Promise<HttpReply | undefined> {
  if (request.path !== '/healthz' && request.path !== '/readyz') return undefined
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'method_not_allowed' })
  if (request.path === '/healthz') return json(200, { status: 'ok' })
  return (await ready()) ? json(200, { status: 'ready' }) : json(503, { status: 'database unreachable' })
}
