import type { AuthorizationServer } from '../../authorization-server/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { ChallengeStore } from '../challenges/challenge-store.ts'

const DONE: HttpReply = { status: 204, headers: [], body: '' }
const SECONDS = /^[1-9]\d{0,8}$/

/**
 * POST `/__lab/reset` deletes every token, code, device and challenge; POST `/__lab/advance?seconds=N` makes them N
 * seconds older. Undefined for any other request.
 */
export async function testControl(
  to: { readonly core: AuthorizationServer; readonly challenges: ChallengeStore },
  request: HttpRequest,
): Promise<HttpReply | undefined> {
  if (request.method !== 'POST') return undefined
  if (request.path === '/__lab/reset') {
    await to.core.reset()
    await to.challenges.reset()
    return DONE
  }
  if (request.path !== '/__lab/advance') return undefined
  const seconds = new URLSearchParams(request.query).get('seconds') ?? ''
  if (!SECONDS.test(seconds)) {
    return { status: 400, headers: [['Content-Type', 'text/plain']], body: 'seconds: must be a positive integer\n' }
  }
  await to.core.advance(Number(seconds))
  await to.challenges.advance(Number(seconds))
  return DONE
}
