import { randomBytes } from 'node:crypto'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type GatewaySettings, type RunningGateway, startGateway } from '../../../src/gateway/index.ts'
import { silentLog } from '../../../src/observability/index.ts'
import type { Browser, Page } from '../../support/browser.ts'
import { eventually } from '../../support/wait.ts'

type Wire = 'rails' | 'iam'

/** Gateways that take turns behind one address, and a flag that flips at every evaluation. */
export interface World {
  /** Where the application goes at the next evaluation; it alternates from then on. */
  next: Wire
  /** The number of evaluations. */
  questions: number
  start(count: number, settings: Omit<GatewaySettings, 'listen' | 'adminListen' | 'source' | 'flowKey'>): Promise<void>
  /** Each gateway's findings about the marks of both sides, once it has completed the configured checks. */
  marks(): Promise<ReadonlyArray<Readonly<Record<string, string>>>>
  close(): Promise<void>
}

/** Opens a world behind `port` on loopback. */
export async function openWorld(port: number): Promise<World> {
  const gateways: RunningGateway[] = []
  let turn = 0
  const routing = createServer((_request, response) => {
    const destination = world.next
    world.next = destination === 'iam' ? 'rails' : 'iam'
    world.questions++
    response.writeHead(200, { 'content-type': 'application/vnd.gitlab-workhorse+json' })
    response.end(JSON.stringify({ destination }))
  })
  const front = createServer((message, response) => {
    const { hostname, port: at } = new URL(gateways[turn++ % gateways.length]?.url ?? '')
    const { method, url: path, rawHeaders: headers } = message
    const onward = httpRequest({ hostname, port: at, method, path, headers, setHost: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    message.pipe(onward)
  })
  await listen(routing, 0)
  await listen(front, port)
  const world: World = {
    next: 'iam',
    questions: 0,
    async start(count, settings) {
      const url = `http://127.0.0.1:${(routing.address() as AddressInfo).port}`
      const secret = randomBytes(32)
      const flowKey = randomBytes(32)
      for (let at = 0; at < count; at++) {
        const source = { kind: 'endpoint', url, secret } as const
        const listenAt = { host: '127.0.0.1', port: 0 }
        const own = { listen: listenAt, adminListen: listenAt, source, flowKey }
        gateways.push(await startGateway({ ...settings, ...own }, silentLog))
      }
    },
    marks: () =>
      Promise.all(
        gateways.map(({ adminUrl }) =>
          eventually('the marks are checked', async () => {
            const answer = await fetch(`${adminUrl}/readyz`)
            const { credential_marks: marks } = (await answer.json()) as { credential_marks: Record<string, string> }
            return Object.values(marks).includes('unknown') ? undefined : marks
          }),
        ),
      ),
    async close() {
      await Promise.all(gateways.map((gateway) => gateway.close()))
      for (const server of [routing, front]) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
  return world
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}

/**
 * The user's part at either side: fills in every form up to the redirect to the client, or to the form that posts to
 * it. Rejects when no form continues.
 */
export async function clickThrough(browser: Browser, address: string, redirectUri: string): Promise<Page> {
  let page = await browser.open(address, redirectUri)
  for (let forms = 0; forms < 5; forms++) {
    if (page.location?.href.startsWith(redirectUri)) return page
    const [form] = page.forms
    if (form?.action.href.startsWith(redirectUri)) return page
    const fits = page.forms.find(({ buttons }) => buttons.includes('Authorize')) ?? form
    if (fits === undefined)
      throw new Error(`stuck at ${page.url.pathname} (${page.status}): ${page.text.slice(0, 400)}`)
    const asks = (name: string) => fits.fields.some(([field]) => field === name)
    const monolith = asks('user[login]') ? { 'user[login]': 'alice', 'user[password]': 'alice-password' } : {}
    const provider = asks('login') ? { login: '1', password: 'any' } : {}
    page = await browser.submit(fits, { ...monolith, ...provider }, redirectUri)
  }
  throw new Error(`too many forms, the last at ${page.url.pathname}`)
}
