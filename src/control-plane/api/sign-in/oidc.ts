import type { FastifyReply, FastifyRequest } from 'fastify'
import { cookieOf, giveCookie } from '../../access/browser-request.ts'
import type { OidcSignIn } from '../../access/oidc/oidc.ts'
import type { OidcSettings } from '../../access/oidc/oidc-settings.ts'
import { grantOf } from '../../access/roles/claim-mapping.ts'
import { newSecret } from '../../access/sessions/session-cookie.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendPage, signInBody } from './pages.ts'
import { beginSession, browserReply, issuerAddress, refuseSignIn } from './sign-in-flow.ts'

const FLOW_LIFE_S = 600
const OPEN = { config: { roles: 'anyone' }, exposeHeadRoute: false, schema: { hide: true } } as const

/** Sign-in at an OpenID provider, if one is configured. */
export function oidcRoutes(api: Api, control: ControlContext): void {
  const { issuer, oidc } = control.access
  if (!issuer || !oidc) return
  api.get('/sign-in/oidc', OPEN, async (request, reply) => {
    const secret = newSecret()
    let url: string
    try {
      url = await oidc.authorizationUrl(secret)
    } catch (error) {
      control.log.error({ ...faultOf(error), correlation_id: request.id }, 'the OpenID provider cannot be reached')
      const said = 'The provider does not answer. Try again, or sign in with a link.'
      return sendPage(browserReply(control, reply), 503, 'Sign in', signInBody(issuerAddress(control, request), said))
    }
    giveCookie(control.access.place, reply, { name: 'flow', secret, maxAgeS: FLOW_LIFE_S })
    return browserReply(control, reply).redirect(url, 303)
  })
  api.get('/sign-in/oidc/callback', OPEN, (request, reply) => comeBack(control, { issuer, oidc }, request, reply))
}

async function comeBack(
  control: ControlContext,
  { issuer, oidc }: { readonly issuer: OidcSettings; readonly oidc: OidcSignIn },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { place } = control.access
  const secret = cookieOf(place, request, 'flow')
  const query = request.url.split('?')[1] ?? ''
  const refuse = (why: string) => refuseSignIn(control, request, reply, { why, credential: query })
  if (secret === undefined) return refuse('This sign-in was not started in this browser, or it took too long.')
  giveCookie(place, reply, { name: 'flow', secret: '', maxAgeS: 0 })
  let identity: Awaited<ReturnType<OidcSignIn['identify']>>
  try {
    identity = await oidc.identify(query, secret)
  } catch (error) {
    control.log.warn({ ...faultOf(error), correlation_id: request.id }, 'sign-in at the OpenID provider failed')
    return refuse('The sign-in could not be completed.')
  }
  const { name, subject, values } = identity
  // Only the deciding claim is stored, so that a session holds no more personal data than it needs.
  const deciding = values.filter((value) => issuer.mapping.rules.some((rule) => rule.value === value))
  const claims = { claim: issuer.mapping.claim, values: deciding }
  if (!grantOf(issuer.mapping, claims))
    return refuse('You are signed in at the provider, but you have no role in Handover.')
  return beginSession(control, request, reply, { name, subject, grant: { claims } })
}

/** The part of an error that may be logged: messages may quote what the provider sent. */
function faultOf(error: unknown): { readonly fault: string; readonly code: string | undefined } {
  const { name, code, error: said } = (error ?? {}) as { name?: unknown; code?: unknown; error?: unknown }
  const known = [said, code].find((each) => typeof each === 'string' && /^[\w.-]{1,64}$/.test(each))
  return { fault: String(name), code: known === undefined ? undefined : String(known) }
}
