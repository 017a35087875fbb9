import {
  type AuthorizationServer,
  jsonReply,
  type RequestLimits,
  type ResourceOwner,
  retryAfter,
  TOO_MANY_TEXT,
  tooManyRequests,
} from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import { askToSignIn, page, redirectTo } from '../browser/answers.ts'
import { csrfToken } from '../browser/csrf.ts'
import type { Pages } from '../browser/routes.ts'
import { addressOf, type SignedInVisit, type Visit } from '../browser/visit.ts'
import type { SharedGrants } from '../grants/shared-grants.ts'
import type { IamClient } from '../iam-client/iam-client.ts'
import { confirmDeviceBody, type DeviceWish, deviceBody } from '../pages/device.ts'
import { messageBody } from '../pages/message.ts'
import { textOf } from '../text-parameters.ts'

const PATH = '/oauth/device'
const LONGEST_CODE = 64

/** The result for a code that a user entered. */
type Approval = 'approved' | 'unknown' | 'expired' | 'unavailable'

const NOTICES: Readonly<Record<Approval, string>> = {
  approved: 'Device successfully authorized',
  unknown: 'The user code is invalid',
  expired: 'The user code is expired',
  unavailable: 'The code could not be checked. Nothing was authorized; please try again in a moment.',
}

/** What the device page depends on. */
export interface DevicePagesOptions {
  readonly core: AuthorizationServer
  readonly iam: IamClient | undefined
  readonly grants: SharedGrants
  readonly limits: RequestLimits
  /** Whether the page shows the requesting client before it approves. */
  readonly confirms: boolean
  readonly log: Log
}

/** The page where users enter a device's code, from either server (RFC 8628 §3.3). */
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
          isDone: visit.session.data.flash?.text === NOTICES.approved,
        }),
      })
    },
    [`POST ${PATH}`]: async (visit) => {
      const { owner } = visit
      if (!owner) return askToSignIn(visit, PATH)
      // A missing code must not match a grant with a used code (N033).
      const userCode = textOf(visit.parameters['user_code']) ?? ''
      return userCode === '' ? answer(visit, 'unknown') : submit({ ...visit, owner }, userCode, options)
    },
  }
}

/** Checks a code within the limits: wrong ones count (RFC 8628 §5.1). */
async function submit(visit: SignedInVisit, userCode: string, options: DevicePagesOptions): Promise<HttpReply> {
  const { address } = options.limits.callerOf(visit.request)
  const guess = await options.core.guessUserCode(visit.owner.id, address.isTrusted ? undefined : address.network)
  if (!guess.allowed) {
    options.limits.reached({ endpoint: 'device', limit: 'user_code_guesses', network: address.network })
    return tooMany(visit, guess.waitMs)
  }
  if (options.confirms && textOf(visit.parameters['confirmed']) !== userCode) {
    const wish = await wishOf(userCode, options)
    if (wish === 'unavailable' || wish !== undefined) await guess.takeBack()
    if (wish === undefined || wish === 'unavailable') return answer(visit, wish ?? 'unknown')
    return confirmPage(visit, userCode, wish)
  }
  const approval = await approve(options, userCode, visit.owner)
  if (approval === 'approved' || approval === 'unavailable') await guess.takeBack()
  return answer(visit, approval)
}

async function approve(
  { core, iam, grants, log }: DevicePagesOptions,
  userCode: string,
  owner: ResourceOwner,
): Promise<Approval> {
  const own = await core.approveDevice(userCode, owner)
  if (own !== 'unknown' || !iam || userCode.length > LONGEST_CODE) return own
  // Otherwise IAM might apply an earlier revocation to the new grant.
  if (!(await grants.settle(owner.id))) return 'unavailable'
  const theirs = await iam.approveDevice(userCode, owner)
  if (theirs.kind === 'unavailable') log.warn({ reason: theirs.reason }, 'device: IAM did not answer')
  if (theirs.kind === 'gone') return theirs.hasExpired ? 'expired' : 'unknown'
  return theirs.kind === 'ok' ? 'approved' : 'unavailable'
}

async function wishOf(
  userCode: string,
  { core, iam, log }: DevicePagesOptions,
): Promise<DeviceWish | 'unavailable' | undefined> {
  const own = await core.findDevice(userCode)
  if (own || !iam || userCode.length > LONGEST_CODE) return own
  const theirs = await iam.deviceRequest(userCode)
  if (theirs.kind === 'gone') return undefined
  if (theirs.kind === 'ok') return { clientName: theirs.value.client.client_name, scopes: theirs.value.requested_scope }
  log.warn({ reason: theirs.reason }, 'device: IAM did not answer')
  return 'unavailable'
}

function confirmPage(visit: Visit, userCode: string, wish: DeviceWish): HttpReply {
  return page(visit, {
    title: 'Authorize device',
    isSecret: true,
    body: confirmDeviceBody({
      csrfToken: csrfToken(visit.session),
      action: visit.request.origin + PATH,
      userCode,
      wish,
    }),
  })
}

function answer(visit: Visit, approval: Approval): HttpReply {
  if (wantsJson(visit)) {
    if (approval === 'approved') return { status: 204, headers: [['Cache-Control', 'no-cache']], body: '' }
    return jsonReply(approval === 'unavailable' ? 503 : 422, { errors: [NOTICES[approval]] })
  }
  visit.session.set('flash', { kind: approval === 'approved' ? 'notice' : 'alert', text: NOTICES[approval] })
  return redirectTo(visit, PATH)
}

function tooMany(visit: Visit, waitMs: number): HttpReply {
  if (wantsJson(visit)) return tooManyRequests(waitMs)
  const body = messageBody({ heading: 'Too many attempts', text: TOO_MANY_TEXT })
  const reply = page(visit, { status: 429, title: 'Too many attempts', isSecret: true, body })
  return { ...reply, headers: [...reply.headers, retryAfter(waitMs)] }
}

function wantsJson({ request }: Visit): boolean {
  return /\bjson\b/.test(request.headers.accept ?? '') || /\.json\/?$/.test(request.path)
}
