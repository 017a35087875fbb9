import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ForeignServer } from './oidc-server.ts'

/**
 * Serves a server under a path, like a relative URL root: the server's own addresses, in `Location` and in its pages,
 * begin with that path too.
 */
export async function mountUnder(path: string, upstream: string): Promise<ForeignServer> {
  const server = createServer(async (message, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of message) chunks.push(chunk as Buffer)
    const { connection: _, 'content-length': __, ...headers } = message.headers
    const answer = await fetch(upstream + (message.url ?? '').slice(path.length), {
      method: message.method ?? 'GET',
      headers: { ...(headers as Record<string, string>), 'x-forwarded-host': message.headers.host ?? '' },
      body: chunks.length === 0 ? null : Buffer.concat(chunks),
      redirect: 'manual',
    })
    const text = await answer.text()
    const rooted = (address: string) =>
      address.replace(/^(https?:\/\/127\.0\.0\.1:\d+)?\/(?=users|oauth|$)/, `${path}/`)
    for (const [name, value] of answer.headers) {
      if (name === 'location') response.setHeader(name, rooted(value))
      else if (name === 'set-cookie') response.appendHeader(name, value)
      else if (!/^(content-length|content-encoding|connection|keep-alive|transfer-encoding)$/.test(name)) {
        response.setHeader(name, value)
      }
    }
    response.writeHead(answer.status)
    response.end(text.replace(/(action|href)="\/(?=users|oauth)/g, `$1="${path}/`))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
