// http-proxy-3, measured for comparison with the gateway.
import { Agent, createServer } from 'node:http'
import { Readable } from 'node:stream'
import { createProxyServer } from 'http-proxy-3'
import { port, upstreamOf } from './decide-by-client.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const proxy = createProxyServer({ agent })
createServer((request, response) => {
  if (request.method !== 'POST')
    return proxy.web(request, response, { target: upstreamOf(request.url ?? '/', undefined) })
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks)
    proxy.web(request, response, {
      target: upstreamOf(request.url ?? '/', body.toString()),
      buffer: Readable.from([body]),
    })
  })
}).listen(port, '127.0.0.1')
