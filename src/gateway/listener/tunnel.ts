import { request as httpRequest, type IncomingMessage, STATUS_CODES } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { cookieOwner, type GatewayContext } from '../gateway-context.ts'
import { type ForwardingInfo, publicOrigin, requestHeaders } from '../headers/request-headers.ts'
import { responseHeaders } from '../headers/response-headers.ts'
import { errorResponse, type GatewayError } from '../responses/local-responses.ts'
import type { Admitted } from '../transport/admission.ts'
import type { Peer } from '../transport/peers.ts'
import type { Waiter } from '../upstream/connection-limit.ts'

/** A WebSocket handshake on its way to legacy. */
export interface Handshake {
  readonly message: IncomingMessage
  readonly socket: Duplex
  /** Bytes that the client sent right after its handshake. */
  readonly head: Buffer
  readonly admitted: Admitted
  readonly peer: Peer
  readonly correlationId: string
}

/**
 * Tunnels a WebSocket to legacy. Bytes flow freely only after legacy has agreed with 101; any other response is
 * forwarded and the connection closed, so that no request can reach legacy behind a refused handshake.
 */
export function tunnel(context: GatewayContext, handshake: Handshake): void {
  const { message, socket, head, admitted, peer, correlationId } = handshake
  const startedAt = performance.now()
  const forwarding: ForwardingInfo = { peer, host: admitted.host, connection: admitted.connection, correlationId }
  const record = (status: number) => {
    context.recorder.record({
      method: message.method ?? 'GET',
      path: admitted.target.split('?', 1)[0] ?? '/',
      correlationId,
      endpoint: 'other',
      clientId: undefined,
      applicationId: undefined,
      destination: 'legacy',
      reason: 'not_routed',
      flagVersion: undefined,
      status,
      durationMs: performance.now() - startedAt,
      oauthError: undefined,
      granted: false,
      ending: 'complete',
      isBrakeOn: context.isBrakeOn,
    })
  }
  const refuse = (error: GatewayError) => {
    const answer = errorResponse(error, 'other', undefined)
    record(answer.status)
    const headers = [...answer.headers.flat(), 'Content-Length', String(Buffer.byteLength(answer.body))]
    const head = headText(answer.status, STATUS_CODES[answer.status] ?? '', [...headers, 'Connection', 'close'])
    socket.end(head + answer.body, () => socket.destroy())
  }
  if (!context.tunnels.take('other', NOBODY_WAITS)) return refuse('overloaded')
  socket.once('close', () => context.tunnels.giveBack('other'))
  const outgoing = sendHandshake(context, admitted.target, [
    ...requestHeaders(message.rawHeaders, cookieOwner(context, 'legacy'), forwarding),
    ...['Connection', 'Upgrade', 'Upgrade', 'websocket'],
  ])
  const abandon = () => outgoing.destroy()
  socket.on('error', abandon).on('close', abandon)
  outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })))
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    context.log.warn({ correlation_id: correlationId, cause: error.code ?? error.name }, 'an upstream did not answer')
    if (!socket.destroyed) refuse(error.code === 'ETIMEDOUT' ? 'gateway_timeout' : 'bad_gateway')
  })
  const answerHead = (answer: IncomingMessage) =>
    responseHeaders(
      answer.rawHeaders.map((text) => Buffer.from(text, 'latin1')),
      {
        cookies: cookieOwner(context, 'legacy'),
        internalHosts: context.internalHosts,
        publicOrigin: () => publicOrigin(message.headers, forwarding),
      },
    ).headers
  outgoing.on('response', (answer) => {
    record(answer.statusCode ?? 502)
    socket.write(
      headText(answer.statusCode ?? 502, answer.statusMessage ?? '', [...answerHead(answer), 'Connection', 'close']),
      'latin1',
    )
    answer.pipe(socket).once('finish', () => socket.destroy())
  })
  outgoing.on('upgrade', (answer, upstream, first) => {
    record(101)
    const headers = [...answerHead(answer), 'Connection', 'Upgrade', 'Upgrade', 'websocket']
    socket.write(headText(101, answer.statusMessage ?? '', headers), 'latin1')
    join(socket, head, upstream, first)
  })
  outgoing.end()
}

/** Tunnels have no queue. */
const NOBODY_WAITS: Waiter = { onTurn() {}, onRefusal() {} }

function sendHandshake(context: GatewayContext, target: string, headers: string[]) {
  const { secure, hostname, port, servername } = context.legacy
  const send = secure ? httpsRequest : httpRequest
  return send({
    agent: false,
    host: hostname,
    port,
    // An IP address is not a TLS server name (RFC 6066 §3).
    servername: isIP(servername) === 0 ? servername : '',
    method: 'GET',
    path: target,
    headers,
    setHost: false,
    timeout: context.limits.legacyHeadersMs,
  })
}

function join(client: Duplex, clientFirst: Buffer, upstream: Duplex, upstreamFirst: Buffer): void {
  const cut = () => {
    client.destroy()
    upstream.destroy()
  }
  client.on('error', cut).on('close', cut)
  upstream.on('error', cut).on('close', cut)
  quiet(client)
  quiet(upstream)
  if (upstreamFirst.length > 0) client.write(upstreamFirst)
  if (clientFirst.length > 0) upstream.write(clientFirst)
  client.pipe(upstream)
  upstream.pipe(client)
}

/** Disables the idle timeout: a tunnel may be silent for any time. */
function quiet(socket: Duplex): void {
  if ('setTimeout' in socket && typeof socket.setTimeout === 'function') socket.setTimeout(0)
}

function headText(status: number, statusText: string, headers: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${statusText}\r\n`
  for (let at = 0; at < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`
  return `${text}\r\n`
}
