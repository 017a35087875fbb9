import { type AuthorizationServer, jsonReply, type ResourceOwner } from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import { askToSignIn, page, redirectTo } from '../browser/answers.ts'
import { csrfToken } from '../browser/csrf.ts'
import type { Pages } from '../browser/routes.ts'
import { addressOf, textOf, type Visit } from '../browser/visit.ts'
import type { IamClient } from '../handoff/iam-client.ts'
import { deviceBody } from '../pages/device.ts'

const PATH = '/oauth/device'

/** What came of a code that a user typed in. */
type Approval = 'approved' | 'unknown' | 'expired' | 'unavailable'

const NOTICES: Readonly<Record<Approval, string>> = {
  approved: 'Device successfully authorized',
  unknown: 'The user code is invalid',
  expired: 'The user code is expired',
  unavailable: 'The code could not be checked just now. Nothing was authorized; please try again in a moment.',
}

/** What the device page needs. */
export interface DevicePagesOptions {
  readonly core: AuthorizationServer
  readonly iam: IamClient | undefined
  readonly log: Log
}

/** The page on which users type a device's code, whichever server gave it (RFC 8628 §3.3). */
export function devicePages(options: DevicePagesOptions): Pages {
  return {
    [`GET ${PATH}`]: async (visit) => {
      if (!visit.owner) return askToSignIn(visit, addressOf(visit.request))
      return page(visit, {
        title: 'Authorize device',
        body: deviceBody({
          csrfToken: csrfToken(visit.session),
          action: visit.request.origin + PATH,
          userCode: textOf(visit.parameters['user_code']) ?? '',
        }),
      })
    },
    [`POST ${PATH}`]: async (visit) => {
      if (!visit.owner) return askToSignIn(visit, PATH)
      // No code at all is no code: it must not match a grant whose code is used up (N033).
      const userCode = textOf(visit.parameters['user_code']) ?? ''
      return answer(visit, userCode === '' ? 'unknown' : await approve(options, userCode, visit.owner))
    },
  }
}

async function approve(
  { core, iam, log }: DevicePagesOptions,
  userCode: string,
  owner: ResourceOwner,
): Promise<Approval> {
  const own = await core.approveDevice(userCode, owner)
  if (own !== 'unknown' || !iam || userCode.length > 64) return own
  const theirs = await iam.approveDevice(userCode, owner)
  if (theirs.kind === 'unavailable') log.warn({ reason: theirs.reason }, 'device: IAM did not answer')
  if (theirs.kind === 'gone') return theirs.hasExpired ? 'expired' : 'unknown'
  return theirs.kind === 'ok' ? 'approved' : 'unavailable'
}

function answer(visit: Visit, approval: Approval): HttpReply {
  if (/\bjson\b/.test(visit.request.headers.accept ?? '') || /\.json\/?$/.test(visit.request.path)) {
    if (approval === 'approved') return { status: 204, headers: [['Cache-Control', 'no-cache']], body: '' }
    return jsonReply(approval === 'unavailable' ? 503 : 422, { errors: [NOTICES[approval]] })
  }
  visit.session.set('flash', { kind: approval === 'approved' ? 'notice' : 'alert', text: NOTICES[approval] })
  return redirectTo(visit, PATH)
}
