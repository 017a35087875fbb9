import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'

/**
 * Prepares a listener to be closed. When a listener closes, the kernel resets the connections in its queue. So this
 * accepts the pending connections and fills the queue, shortened for that, with connections from this process: the
 * kernel completes no further client connection. Once this resolves, close the listener before the next turn of the
 * event loop. Gives up after `limitMs` if connections arrive too fast or the kernel behaves differently; never rejects.
 *
 * @param listener no other process accepts connections from its queue
 */
export async function readyToClose(listener: Server, limitMs: number): Promise<void> {
  const address = listener.address() as AddressInfo | null
  if (!address) return
  const end = performance.now() + limitMs
  const plugs = new Plugs(listener, address)
  while (performance.now() < end) {
    if (!(await plugs.add())) await nextChance(listener)
    else if (!hasHalfOpen(address.port)) break
    else await plugs.makeRoom(HANDSHAKE_MS)
  }
  plugs.close()
}

/**
 * Resolves when the queue may have room: in the moment after a connection was accepted from it, before a client can take
 * the place, or else after a turn of the event loop.
 */
function nextChance(listener: Server): Promise<void> {
  return new Promise((resolve) => {
    const proceed = () => {
      clearImmediate(turn)
      listener.off('connection', proceed)
      resolve()
    }
    const turn = setImmediate(proceed)
    listener.on('connection', proceed)
  })
}

/**
 * The length of the queue while it is filled. At 0, Linux answers each SYN with a cookie, and a client whose last ACK finds
 * the queue full leaves no trace for {@link hasHalfOpen}; a longer one takes longer to fill.
 */
const SHORT_QUEUE = 2
/** The length that Node gives a queue. */
const USUAL_QUEUE = 511
/** A client retransmits unacknowledged data after 200 ms (the kernel's TCP_RTO_MIN) or a little more. */
const HANDSHAKE_MS = 300

/** Connections of this process that occupy the queue of a listener. */
class Plugs {
  readonly #listener: Server
  readonly #address: AddressInfo
  /** The local ports of those that are in the queue. */
  readonly #waiting = new Set<number>()

  constructor(listener: Server, address: AddressInfo) {
    this.#listener = listener
    this.#address = address
    listener.prependListener('connection', this.#accepted)
  }

  readonly #accepted = ({ remotePort }: Socket): void => {
    this.#waiting.delete(remotePort ?? 0)
  }

  /** Takes one place of the queue, and resolves, within the same turn of the event loop, to whether all are taken. */
  async add(): Promise<boolean> {
    this.#listen(SHORT_QUEUE)
    const plug = connect({ host: ownAddress(this.#address), port: this.#address.port }).on('error', () => {})
    // A socket starts to connect on the next tick, and on the local machine it is connected, or has failed, when that
    // call returns.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    const ownPort = portOfConnected(plug)
    if (ownPort !== undefined) this.#waiting.add(ownPort)
    // A plug still occupies its place in the queue after its other end has closed.
    plug.destroy()
    // A queue of length n holds n + 1 connections.
    return this.#waiting.size > SHORT_QUEUE
  }

  /** Lets the queue have its usual length for a while, so that handshakes in progress end. */
  async makeRoom(ms: number): Promise<void> {
    this.#listen(USUAL_QUEUE)
    await new Promise((resolve) => setTimeout(resolve, ms))
  }

  close(): void {
    this.#listener.off('connection', this.#accepted)
  }

  #listen(length: number): void {
    ;(this.#listener as unknown as Handled<ListenHandle>)._handle?.listen(length)
  }
}

/**
 * Whether a client believes that it is connected, but its handshake found the queue full: Linux drops its last ACK then.
 * Closing the listener would reset it, and its first data completes the handshake as soon as there is room. False where
 * the kernel does not show its sockets.
 */
function hasHalfOpen(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return SOCKET_TABLES.some((table) => {
    const rows = readTable(table).split('\n')
    return rows.some((row) => {
      const [, address, , state] = row.trim().split(' ', 4)
      return state === SYN_RECV && address?.endsWith(local)
    })
  })
}

const SOCKET_TABLES = ['/proc/net/tcp', '/proc/net/tcp6']
/** As the tables write it (TCP_SYN_RECV of the kernel). */
const SYN_RECV = '03'

function readTable(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function ownAddress({ address }: AddressInfo): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}

/** Asks the kernel, since the socket itself is only notified in a later turn; undefined if it is not connected. */
function portOfConnected(socket: Socket): number | undefined {
  const handle = (socket as unknown as Handled<ConnectHandle>)._handle
  const own: { port?: number } = {}
  return handle?.getpeername({}) === 0 && handle.getsockname(own) === 0 ? own.port : undefined
}

interface Handled<Handle> {
  readonly _handle?: Handle | null
}

interface ListenHandle {
  listen(queueLength: number): number
}

interface ConnectHandle {
  getpeername(into: object): number
  getsockname(into: { port?: number }): number
}
