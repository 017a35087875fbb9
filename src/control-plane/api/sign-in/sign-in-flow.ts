import type { FastifyReply, FastifyRequest } from 'fastify'
import { networkOf } from '../../../http/index.ts'
import { cookieOf, giveCookie, pathTo, takeRememberedPath } from '../../access/browser-request.ts'
import type { NewSession } from '../../access/sessions/session-store.ts'
import type { ChangeContext } from '../../audit/change-context.ts'
import type { ControlContext } from '../../control-context.ts'
import { secureHeaders, sendPage, signInBody } from './pages.ts'

/**
 * Starts a session, ends the browser's previous one, and redirects the browser to the page of the console that it asked
 * for before; without one to the console's first page, and without a console to the account page.
 */
export async function beginSession(
  control: ControlContext,
  request: FastifyRequest,
  reply: FastifyReply,
  who: Pick<NewSession, 'name' | 'subject' | 'grant'>,
): Promise<FastifyReply> {
  const { sessions, place } = control.access
  const context: ChangeContext = {
    ...{ by: who.name, role: '', channel: 'console', from: request.ip, correlation_id: request.id },
  }
  const session = { ...who, address: request.ip, browser: request.headers['user-agent'] ?? '' }
  const secret = await sessions.begin(session, cookieOf(place, request, 'session'), context)
  giveCookie(place, reply, { name: 'session', secret, maxAgeS: Math.floor(sessions.rules.lifeMs / 1_000) })
  control.log.info({ name: who.name, subject: who.subject, correlation_id: request.id }, 'signed in')
  const first = (await control.consoleBuild.page(0)) === undefined ? 'account' : 'console/'
  const target = takeRememberedPath(place, request, reply) ?? first
  return browserReply(control, reply).redirect(pathTo(request, target), 303)
}

/** Refuses a sign-in, and makes an address with too many failures wait. */
export function refuseSignIn(
  control: ControlContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { why, credential }: { readonly why: string; readonly credential: string },
): FastifyReply {
  const wait = control.access.failures.failed(networkOf(request.ip), credential)
  control.log.warn({ why, from: request.ip, correlation_id: request.id }, 'sign-in refused')
  if (wait > 0) reply.header('Retry-After', String(wait))
  const body = signInBody(issuerAddress(control, request), why)
  return sendPage(browserReply(control, reply), wait > 0 ? 429 : 403, 'Sign in', body)
}

/** A reply with the security headers of every response to a browser. */
export function browserReply(control: ControlContext, reply: FastifyReply): FastifyReply {
  return secureHeaders(reply, control.access.place.publicOrigin?.startsWith('https:') ?? false)
}

/** Where a sign-in at the OpenID provider begins; undefined if none is configured. */
export function issuerAddress({ access }: ControlContext, request: FastifyRequest): string | undefined {
  return access.issuer === undefined ? undefined : pathTo(request, 'sign-in/oidc')
}
