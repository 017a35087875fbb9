import type { FastifyReply, FastifyRequest } from 'fastify'
import { acceptedForm, type StaticFile } from '../../../http/index.ts'
import { isStoreAway } from '../../../storage/index.ts'
import { cookieOf, pathTo, rememberPath } from '../../access/browser-request.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendPage } from '../sign-in/pages.ts'
import { browserReply } from '../sign-in/sign-in-flow.ts'

const ROOT = '/console/'
const OPEN = { config: { roles: 'anyone' }, schema: { hide: true } } as const

const POLICY = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "font-src 'self'"],
  ...["base-uri 'self'", "form-action 'self'", "frame-ancestors 'none'"],
].join('; ')

const NOT_BUILT = `<p>This control plane has no built console.</p>
<p>In a checkout, run <code>npm run build --workspace console</code>, then reload this page. <code>npm start</code> does it
by itself.</p>`

/**
 * The web console (DESIGN §6.10). Every address below `/console/` that is no file answers with the one page of the
 * console, for people who are signed in; everyone else is sent to the sign-in page and returns afterwards. All
 * redirects are relative, so that the console works behind a proxy that serves it under a path of its own.
 */
export function consoleRoutes(api: Api, control: ControlContext): void {
  api.get('/', OPEN, (request, reply) => browserReply(control, reply).redirect(pathTo(request, 'console/'), 303))
  api.get('/console', OPEN, (request, reply) => browserReply(control, reply).redirect(pathTo(request, 'console/'), 303))
  api.get('/console/*', OPEN, async (request, reply) => {
    const path = (request.url.split('?', 1)[0] ?? '').slice(ROOT.length)
    const file = await control.consoleBuild.file(path)
    if (file) return sendFile(request, reply, file)
    if (path.startsWith('assets/')) return sendPage(browserReply(control, reply), 404, 'Not found', '')
    if (!(await mayBeSignedIn(control, request))) return sendToSignIn(control, request, reply)
    return sendConsole(control, reply, path)
  })
}

/** Without the database, the page still opens and says what is unavailable. */
async function mayBeSignedIn({ access }: ControlContext, request: FastifyRequest): Promise<boolean> {
  const secret = cookieOf(access.place, request, 'session')
  if (secret === undefined) return false
  try {
    return (await access.sessions.find(secret)) !== undefined
  } catch (error) {
    if (isStoreAway(error)) return true
    throw error
  }
}

function sendToSignIn(control: ControlContext, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  rememberPath(control.access.place, reply, request.url.slice(1))
  return browserReply(control, reply).redirect(pathTo(request, 'sign-in'), 303)
}

async function sendConsole(control: ControlContext, reply: FastifyReply, path: string): Promise<FastifyReply> {
  const page = await control.consoleBuild.page(path.split('/').length - 1)
  browserReply(control, reply)
  if (page === undefined) return sendPage(reply, 503, 'The console is not built', NOT_BUILT)
  return reply
    .header('Content-Security-Policy', POLICY)
    .type('text/html; charset=utf-8')
    .serializer((text: unknown) => String(text))
    .send(page)
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: StaticFile): FastifyReply {
  const { body, encoding } = acceptedForm(file, request.headers['accept-encoding'])
  if (encoding !== undefined) reply.header('Content-Encoding', encoding)
  return reply
    .headers({
      'Cache-Control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      Vary: 'Accept-Encoding',
    })
    .type(file.type)
    .send(body)
}
