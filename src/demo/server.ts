import { randomBytes } from 'node:crypto'
import { type HttpReply, type HttpRequest, type ListenAddress, type RunningServer, serve } from '../http/index.ts'
import type { Log } from '../observability/index.ts'
import type { DemoApplication } from './application.ts'
import {
  act,
  beginDevice,
  beginSignIn,
  type DemoTokens,
  endSignIn,
  type PendingDevice,
  type PendingSignIn,
} from './flows.ts'
import { accountPage, devicePage, errorPage, homePage } from './pages.ts'

export interface DemoSettings {
  readonly listen: ListenAddress
  /** The origin of the platform, as browsers and this client see it. */
  readonly issuer: string
  readonly applications: readonly DemoApplication[]
}

interface Visit {
  signIn?: PendingSignIn
  device?: PendingDevice
  account?: { application: DemoApplication; tokens: DemoTokens }
  shown?: { action: string; value: unknown }
}

const COOKIE = 'handover_demo'
const MAX_VISITS = 1_000

/** Serves the demo client: a small web application that signs people in, through a standard client library. */
export function startDemo(settings: DemoSettings, log: Log): Promise<RunningServer> {
  const visits = new Map<string, Visit>()
  return serve({
    listen: settings.listen,
    log,
    handler: async (request) => {
      const { id, visit, isNew } = visitOf(request, visits)
      const reply = await route(request, visit, settings).catch((error: unknown) => {
        log.warn({ path: request.path, error: messageOf(error) }, 'demo action failed')
        return html(502, errorPage(502, messageOf(error)))
      })
      const cookie: Array<readonly [string, string]> = isNew
        ? [['Set-Cookie', `${COOKIE}=${id}; Path=/; HttpOnly; SameSite=Lax`]]
        : []
      return { ...reply, headers: [...reply.headers, ...cookie] }
    },
  })
}

function visitOf(request: HttpRequest, visits: Map<string, Visit>) {
  const known = new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]{32})`).exec(request.headers.cookie ?? '')?.[1]
  const visit = known === undefined ? undefined : visits.get(known)
  if (known !== undefined && visit) return { id: known, visit, isNew: false }
  const id = randomBytes(16).toString('hex')
  const fresh: Visit = {}
  if (request.path !== '/healthz') visits.set(id, fresh)
  for (const oldest of visits.keys()) {
    if (visits.size <= MAX_VISITS) break
    visits.get(oldest)?.device?.stop()
    visits.delete(oldest)
  }
  return { id, visit: fresh, isNew: true }
}

async function route(request: HttpRequest, visit: Visit, settings: DemoSettings): Promise<HttpReply> {
  const { method, path } = request
  if (path === '/healthz') return { status: 200, headers: [['Content-Type', 'text/plain']], body: 'ok\n' }
  if (method === 'GET' && path === '/') return home(visit, settings)
  if (method === 'GET' && path === '/callback') return callback(request, visit, settings)
  if (method === 'GET' && path === '/device') return device(visit)
  if (method === 'POST' && path.startsWith('/sign-in/')) return signIn(path.slice(9), request, visit, settings)
  if (method === 'POST' && path.startsWith('/act/')) return perform(path.slice(5), visit, settings)
  if (method === 'POST' && path === '/forget') {
    visit.device?.stop()
    for (const key of Object.keys(visit) as Array<keyof Visit>) delete visit[key]
    return redirect('/')
  }
  return html(404, errorPage(404, 'There is no such page.'))
}

function home(visit: Visit, settings: DemoSettings): HttpReply {
  const { account, shown } = visit
  if (!account) return html(200, homePage(settings.applications))
  delete visit.shown
  return html(200, accountPage(account.application, account.tokens, shown))
}

async function signIn(key: string, request: HttpRequest, visit: Visit, settings: DemoSettings): Promise<HttpReply> {
  const application = settings.applications.find((one) => one.key === key)
  if (!application) return html(404, errorPage(404, 'There is no such application.'))
  if (application.grant === 'device_code') {
    visit.device?.stop()
    visit.device = await beginDevice(settings.issuer, application)
    return redirect('/device')
  }
  const { url, pending } = await beginSignIn(settings.issuer, application, `${request.origin}/callback`)
  visit.signIn = pending
  return redirect(url)
}

async function callback(request: HttpRequest, visit: Visit, settings: DemoSettings): Promise<HttpReply> {
  const pending = visit.signIn
  if (!pending) return html(400, errorPage(400, 'No sign-in is under way in this browser.'))
  delete visit.signIn
  const tokens = await endSignIn(settings.issuer, pending, new URL(`${request.origin}${request.path}?${request.query}`))
  visit.account = { application: pending.application, tokens }
  return redirect('/')
}

async function device(visit: Visit): Promise<HttpReply> {
  const pending = visit.device
  if (!pending) return redirect('/')
  const tokens = await Promise.race([
    pending.tokens,
    new Promise<undefined>((resolve) => setImmediate(resolve, undefined)),
  ])
  if (!tokens) return html(200, devicePage(pending))
  delete visit.device
  visit.account = { application: pending.application, tokens }
  return redirect('/')
}

async function perform(action: string, visit: Visit, settings: DemoSettings): Promise<HttpReply> {
  const { account } = visit
  if (!account) return redirect('/')
  try {
    const { shown, tokens } = await act(action, settings.issuer, account.application, account.tokens)
    visit.shown = { action, value: shown }
    if (tokens) visit.account = { ...account, tokens }
  } catch (error) {
    visit.shown = { action, value: `Failed: ${messageOf(error)}` }
  }
  return redirect('/')
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  const { error: code, error_description: description } = error as { error?: string; error_description?: string }
  return code === undefined ? error.message : `${code}${description === undefined ? '' : `: ${description}`}`
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
