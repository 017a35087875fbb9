// @fastify/reply-from, measured for comparison with the gateway.
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'
import { port, upstreamOf } from './decide-by-client.ts'

const server = Fastify()
await server.register(replyFrom, { undici: { connections: 64, pipelining: 1 } })
server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
)
server.all('/*', (request, reply) => {
  const body = request.body as Buffer | undefined
  const upstream = upstreamOf(request.url, body?.toString())
  return reply.from(`${upstream}${request.url}`, body ? { body, contentType: 'application/x-www-form-urlencoded' } : {})
})
await server.listen({ host: '127.0.0.1', port })
