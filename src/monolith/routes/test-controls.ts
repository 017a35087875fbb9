import type { AuthorizationServer } from '../../authorization-server/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { SharedGrants } from '../grants/shared-grants.ts'
import type { SignInThrottle } from '../users/sign-in-throttle.ts'
import type { Users } from '../users/users.ts'

const DONE: HttpReply = { status: 204, headers: [], body: '' }
const LONGEST_SECONDS = 10 * 365 * 86_400

/**
 * POST /__lab/reset and /__lab/advance?seconds=N: deletes what was issued, or makes it older. Undefined for any other
 * request. For tests only.
 */
export async function testControl(
  request: HttpRequest,
  {
    core,
    users,
    throttle,
    grants,
  }: {
    readonly core: AuthorizationServer
    readonly users: Users
    readonly throttle: SignInThrottle
    readonly grants: SharedGrants
  },
): Promise<HttpReply | undefined> {
  if (request.method !== 'POST') return undefined
  if (request.path === '/__lab/reset') {
    throttle.clear()
    await core.reset()
    await grants.reset()
    return DONE
  }
  if (request.path !== '/__lab/advance') return undefined
  const text = new URLSearchParams(request.query).get('seconds') ?? ''
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds <= LONGEST_SECONDS)) {
    return { status: 400, headers: [['Content-Type', 'text/plain']], body: 'seconds must be a whole number\n' }
  }
  await core.advance(seconds)
  await users.advance(seconds)
  return DONE
}
