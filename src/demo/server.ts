import { type HttpReply, type HttpRequest, type ListenAddress, type RunningServer, serve } from '../http/index.ts'
import type { Log } from '../observability/index.ts'
import type { DemoApplication } from './application.ts'
import { errorCodeOf, messageOf } from './errors.ts'
import { act, beginDevice, beginSignIn, endSignIn, issuerOf, type Side } from './flows.ts'
import { nextStep } from './next-step.ts'
import { accountPage, devicePage, errorPage, homePage, refusedPage } from './pages.ts'
import { type Account, keepAccount, keepDevice, keepSignIn, type Visit, Visits } from './visits.ts'

export interface DemoSettings {
  readonly listen: ListenAddress
  /** The origin of the platform, as browsers and this client see it. */
  readonly issuer: string
  readonly applications: readonly DemoApplication[]
  /** The side of new sign-ins of an application; undefined if unknown. Shown to the visitor only. */
  readonly sideOf: (application: DemoApplication) => Promise<Side | undefined>
  /** A `handover` command with the options to reach this system. */
  readonly command: (text: string) => string
}

type Answer = (visit: Visit, request: HttpRequest, parts: readonly string[]) => Promise<HttpReply> | HttpReply

const COOKIE = 'handover_demo'

/** Serves the demo client: a small web application that signs users in with a standard client library. */
export function startDemo(settings: DemoSettings, log: Log): Promise<RunningServer> {
  const visits = new Visits()
  const find = routes(settings)
  return serve({
    listen: settings.listen,
    log,
    handler: async (request) => {
      if (request.path === '/healthz') return { status: 200, headers: [['Content-Type', 'text/plain']], body: 'ok\n' }
      const found = find(request)
      if (!found) return html(404, errorPage('Page not found.'))
      const known = visits.find(cookieOf(request))
      const { visit, cookie } = known ? { visit: known, cookie: [] } : newVisit(visits)
      const reply = await found(visit, request).catch((error: unknown) => {
        log.warn({ path: request.path.slice(0, 20), error: messageOf(error) }, 'demo action failed')
        return html(502, errorPage(messageOf(error)))
      })
      return { ...reply, headers: [...reply.headers, ...cookie] }
    },
  })
}

function cookieOf(request: HttpRequest): string | undefined {
  return new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]{32})`).exec(request.headers.cookie ?? '')?.[1]
}

function newVisit(visits: Visits) {
  const { id, visit } = visits.begin()
  return { visit, cookie: [['Set-Cookie', `${COOKIE}=${id}; Path=/; HttpOnly; SameSite=Lax`]] as const }
}

function routes(settings: DemoSettings) {
  const table: ReadonlyArray<readonly [method: string, pattern: RegExp, Answer]> = [
    ['GET', /^\/$/, (visit) => home(visit, settings)],
    ['GET', /^\/callback$/, (visit, request) => callback(visit, request, settings)],
    ['POST', /^\/sign-in\/(\w+)$/, (visit, request, [key]) => signIn(visit, request, key, settings)],
    ['GET', /^\/devices\/(\w+)$/, (visit, _request, [id]) => device(visit, id)],
    ['POST', /^\/devices\/(\w+)\/stop$/, (visit, _request, [id]) => stopDevice(visit, id)],
    ['GET', /^\/accounts\/(\w+)$/, (visit, _request, [id]) => account(visit, id)],
    ['POST', /^\/accounts\/(\w+)\/forget$/, (visit, _request, [id]) => forget(visit, id)],
    ['POST', /^\/accounts\/(\w+)\/act\/(\w+)$/, (visit, _request, [id, name]) => perform(visit, id, name, settings)],
  ]
  return (request: HttpRequest) => {
    for (const [method, pattern, answer] of table) {
      const match = request.method === method ? pattern.exec(request.path) : null
      if (match) return async (visit: Visit, given: HttpRequest) => answer(visit, given, match.slice(1))
    }
    return undefined
  }
}

async function home(visit: Visit, { applications, sideOf, command }: DemoSettings): Promise<HttpReply> {
  const accounts = [...visit.accounts.values()].reverse()
  const shown = await Promise.all(
    applications.map(async (application) => ({ application, side: await sideOf(application) })),
  )
  const [web] = shown
  if (!web) return html(404, errorPage('No application is configured.'))
  const ofWeb = accounts.filter((one) => one.application.key === web.application.key && !one.isRevoked)
  const held = ofWeb.map(({ tokens }) => issuerOf(tokens.accessToken))
  const next = nextStep({ web: web.application, side: web.side, held, command })
  return html(200, homePage({ applications: shown, accounts, next }))
}

async function signIn(
  visit: Visit,
  request: HttpRequest,
  key: string | undefined,
  { issuer, applications }: DemoSettings,
): Promise<HttpReply> {
  const application = applications.find((one) => one.key === key)
  if (!application) return html(404, errorPage('Application not found.'))
  if (application.grant === 'device_code') {
    return redirect(`/devices/${keepDevice(visit, await beginDevice(issuer, application))}`)
  }
  const { url, pending } = await beginSignIn(issuer, application, `${request.origin}/callback`)
  keepSignIn(visit, pending)
  return redirect(url)
}

/** The authorization response. It may arrive twice if a button was pressed twice; both get the first tokens. */
async function callback(visit: Visit, request: HttpRequest, { issuer }: DemoSettings): Promise<HttpReply> {
  const answer = new URL(`${request.origin}${request.path}?${request.query}`)
  const pending = visit.signIns.get(answer.searchParams.get('state') ?? '')
  if (!pending) {
    return html(400, errorPage('This response does not belong to a sign-in started in this browser. Sign in again.'))
  }
  const { application } = pending
  pending.account ??= endSignIn(issuer, pending, answer).then((tokens) => keepAccount(visit, application, tokens))
  try {
    const { id } = await pending.account
    return redirect(visit.accounts.has(id) ? `/accounts/${id}` : '/')
  } catch (error) {
    // Another response may arrive if the user goes back and decides differently.
    pending.account = undefined
    const code = errorCodeOf(error)
    if (code === 'access_denied') return html(200, refusedPage(application))
    if (code !== undefined) return html(400, errorPage(messageOf(error)))
    throw error
  }
}

async function device(visit: Visit, id = ''): Promise<HttpReply> {
  const pending = visit.devices.get(id)
  if (!pending) return redirect('/')
  try {
    const waiting = new Promise<undefined>((resolve) => setImmediate(resolve, undefined))
    const tokens = await Promise.race([pending.tokens, waiting])
    if (!tokens) return html(200, devicePage(id, pending))
    visit.devices.delete(id)
    return redirect(`/accounts/${keepAccount(visit, pending.application, tokens).id}`)
  } catch (error) {
    visit.devices.delete(id)
    const code = errorCodeOf(error)
    if (code === undefined) throw error
    const text = code === 'expired_token' ? 'The code has expired. Start the device flow again.' : messageOf(error)
    return html(400, errorPage(text))
  }
}

function stopDevice(visit: Visit, id = ''): HttpReply {
  visit.devices.get(id)?.stop()
  visit.devices.delete(id)
  return redirect('/')
}

function account(visit: Visit, id = ''): HttpReply {
  const found = visit.accounts.get(id)
  if (!found) return redirect('/')
  const body = accountPage(found)
  found.shown = undefined
  return html(200, body)
}

function forget(visit: Visit, id = ''): HttpReply {
  visit.accounts.delete(id)
  return redirect('/')
}

async function perform(visit: Visit, id = '', action = '', { issuer }: DemoSettings): Promise<HttpReply> {
  const found = visit.accounts.get(id)
  if (!found) return redirect('/')
  try {
    await actOn(found, action, issuer)
  } catch (error) {
    const code = errorCodeOf(error)
    found.shown = { action, value: code === undefined ? `Failed: ${messageOf(error)}` : `Refused: ${messageOf(error)}` }
  }
  return redirect(`/accounts/${id}`)
}

async function actOn(found: Account, action: string, issuer: string): Promise<void> {
  const { shown, tokens } = await act(action, issuer, found.application, found.tokens)
  found.shown = { action, value: shown }
  if (tokens === 'revoked') found.isRevoked = true
  else if (tokens) found.tokens = tokens
}

function html(status: number, body: string): HttpReply {
  return {
    status,
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Cache-Control', 'no-store'],
      ['X-Frame-Options', 'DENY'],
      ['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'"],
    ],
    body,
  }
}

function redirect(location: string): HttpReply {
  return {
    status: 303,
    headers: [
      ['Location', location],
      ['Cache-Control', 'no-store'],
    ],
    body: '',
  }
}
