import { type AddressInfo, connect, type Server, type Socket } from 'node:net'

/**
 * Prepares a listener to be closed. When a listener closes, the kernel resets the connections in its queue. So this
 * accepts the pending connections, then puts one connection from this process into the queue, which by then has room
 * for no other: the kernel completes no further client connection. Once this resolves, close the listener before the
 * next turn of the event loop. Gives up after `limitMs` if connections arrive too fast or the kernel behaves
 * differently; never rejects.
 *
 * @param listener no other process accepts connections from its queue
 */
export async function readyToClose(listener: Server, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs
  while (performance.now() < end && !(await plugQueue(listener))) await nextChance(listener)
}

/**
 * Resolves when the queue may be empty: in the moment after a connection was accepted from it, before a client can take
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

/** Resolves, within the same turn of the event loop, to whether the queue holds a plug connection and nothing else. */
async function plugQueue(listener: Server): Promise<boolean> {
  const address = listener.address() as AddressInfo | null
  if (!address)
    return true
    // A queue of length 0 holds one connection (listen(2)).
  ;(listener as unknown as Handled<ListenHandle>)._handle?.listen(0)
  const plug = connect({ host: ownAddress(address), port: address.port }).on('error', () => {})
  // A socket starts to connect on the next tick, and on the local machine it is connected, or has failed, when that
  // call returns.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  const isPlugged = isConnected(plug)
  // A plug still occupies its place in the queue after its other end has closed.
  plug.destroy()
  return isPlugged
}

function ownAddress({ address }: AddressInfo): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}

/** Asks the kernel, since the socket itself is only notified in a later turn. */
function isConnected(socket: Socket): boolean {
  return (socket as unknown as Handled<ConnectHandle>)._handle?.getpeername({}) === 0
}

interface Handled<Handle> {
  readonly _handle?: Handle | null
}

interface ListenHandle {
  listen(queueLength: number): number
}

interface ConnectHandle {
  getpeername(into: object): number
}
