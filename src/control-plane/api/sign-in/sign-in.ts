import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { cookieOf, giveCookie, originOf, ownOriginOf, pathTo } from '../../access/browser-request.ts'
import { PEOPLE, subjectOfToken } from '../../access/roles/roles.ts'
import { isFromOwnPage } from '../../access/same-origin.ts'
import { isSameSecret, isSecretShaped } from '../../access/sessions/session-cookie.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { callerContext } from '../../flags/request-context.ts'
import { sendProblem } from '../../requests/problems.ts'
import { requestParameters } from '../../requests/request-parameters.ts'
import { callerOf } from '../hooks/authentication.ts'
import { accountBody, confirmBody, sendPage, signInBody } from './pages.ts'
import { beginSession, browserReply, issuerAddress, refuseSignIn } from './sign-in-flow.ts'

const LINK_LIFE_S = 300
const OPEN = { config: { roles: 'anyone' }, exposeHeadRoute: false, schema: { hide: true } } as const

/** How people sign in and out with a browser. */
export function signInRoutes(api: Api, control: ControlContext): void {
  linkRoutes(api, control)
  api.get('/sign-in', OPEN, (request, reply) =>
    sendPage(browserReply(control, reply), 200, 'Sign in', signInBody(issuerAddress(control, request))),
  )
  api.get('/account', OPEN, async (request, reply) => {
    const { sessions, place } = control.access
    const caller = await sessions.find(cookieOf(place, request, 'session') ?? '')
    if (caller?.by.kind !== 'session') return browserReply(control, reply).redirect(pathTo(request, 'sign-in'), 303)
    const { subject, csrfToken } = caller.by
    return sendPage(
      browserReply(control, reply),
      ...([200, 'Your account', accountBody(caller, csrfToken, await sessions.list(subject))] as const),
    )
  })
  api.post('/sign-out', OPEN, (request, reply) => signOut(control, request, reply))
}

function linkRoutes(api: Api, control: ControlContext): void {
  api.post(
    '/api/v1/sign-in-links',
    {
      config: { roles: PEOPLE, changes: 'own' },
      schema: {
        tags: ['access'],
        summary: 'Create a link that signs in once, within five minutes, as the holder of the token',
        response: { 201: z.object({ url: z.string(), expires_in: z.int() }) },
      },
    },
    async (request, reply) => {
      const { by, name } = callerOf(request)
      if (by.kind !== 'token')
        return sendProblem(reply, 403, 'forbidden', { detail: 'only a caller with a token can create a sign-in link' })
      const secret = await control.access.sessions.createLink(by.id, LINK_LIFE_S)
      control.log.info({ name, correlation_id: request.id }, 'sign-in link created')
      const url = `${ownOriginOf(control.access.place, request)}/sign-in/link?secret=${secret}`
      return reply.code(201).header('Cache-Control', 'no-store').send({ url, expires_in: LINK_LIFE_S })
    },
  )
  api.get('/sign-in/link', OPEN, (request, reply) => {
    const secret = parameterOf(request, 'secret')
    // Mail scanners, chat previews and prefetching open links, and another site may have redirected the browser here.
    const body = confirmBody(pathTo(request, 'sign-in/link'), isSecretShaped(secret) ? secret : '')
    return sendPage(browserReply(control, reply), 200, 'Sign in', body)
  })
  api.post('/sign-in/link', OPEN, async (request, reply) => {
    if (!isFromOwnPage(originOf(request), ownOriginOf(control.access.place, request)))
      return refuseForeign(control, request, reply)
    return redeem(control, request, reply, parameterOf(request, 'secret'))
  })
}

async function redeem(control: ControlContext, request: FastifyRequest, reply: FastifyReply, secret: string) {
  const link = isSecretShaped(secret) ? await control.access.sessions.redeemLink(secret) : undefined
  if (!link) {
    const why = 'This link is invalid, has expired, or has already been used.'
    return refuseSignIn(control, request, reply, { why, credential: secret })
  }
  const { name, tokenId } = link
  return beginSession(control, request, reply, { name, subject: subjectOfToken(tokenId), grant: { tokenId } })
}

async function signOut(control: ControlContext, request: FastifyRequest, reply: FastifyReply) {
  const { sessions, place } = control.access
  const caller = await sessions.find(cookieOf(place, request, 'session') ?? '')
  if (caller?.by.kind !== 'session') return browserReply(control, reply).redirect(pathTo(request, 'sign-in'), 303)
  const { id, subject, csrfToken } = caller.by
  const isOurs = isFromOwnPage(originOf(request), ownOriginOf(place, request))
  if (!isOurs || !isSameSecret(parameterOf(request, 'csrf_token'), csrfToken))
    return refuseForeign(control, request, reply)
  request.caller = caller
  const which = parameterOf(request, 'which')
  const context = callerContext(request)
  if (/^[1-9]\d{0,8}$/.test(which) && Number(which) !== id) {
    await sessions.end({ id: Number(which), subject }, context)
    return browserReply(control, reply).redirect(pathTo(request, 'account'), 303)
  }
  await sessions.end(which === 'all' ? { subject } : { id }, context)
  giveCookie(place, reply, { name: 'session', secret: '', maxAgeS: 0 })
  return browserReply(control, reply).redirect(pathTo(request, 'sign-in'), 303)
}

function refuseForeign(control: ControlContext, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const said = 'The request did not come from a page of this site. Nothing was changed.'
  return sendPage(browserReply(control, reply), 403, 'Refused', signInBody(issuerAddress(control, request), said))
}

function parameterOf(request: FastifyRequest, name: string): string {
  const parameters = requestParameters(request)
  return 'fault' in parameters ? '' : (parameters.values.get(name) ?? '')
}
