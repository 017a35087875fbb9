import { type AddressInfo, connect, type Server, type Socket } from 'node:net'

/**
 * Number of consecutive event-loop turns, and milliseconds, without a new connection before the listeners may close.
 */
const QUIET_TURNS = 3
const QUIET_MS = 20
/**
 * Number of connections opened from here per listener to compete for the queues: the kernel chooses the queue of each.
 */
const PLUGS_PER_LISTENER = 8

/**
 * Prepares listeners to be closed. When a listener closes, the kernel resets the connections in its queue. So this
 * accepts the pending connections, then puts one connection from this process into each queue, which by then has room
 * for no other: the kernel completes no further client connection. Once this resolves, close the listeners before the
 * next turn of the event loop. Gives up after `limitMs` if connections arrive too fast or the kernel behaves
 * differently; never rejects.
 *
 * @param listeners all listeners that share one port
 */
export async function readyToClose(listeners: readonly Server[], limitMs: number): Promise<void> {
  const end = performance.now() + limitMs
  // If another process listens on the same port, it may get the plug connections: then only this wait empties the
  // queue.
  await untilQuiet(listeners, end)
  while (performance.now() < end && !(await plugQueues(listeners))) await turns(QUIET_TURNS)
}

/** Resolves just after turns of the event loop without a new connection: one turn accepts one connection. */
async function untilQuiet(listeners: readonly Server[], end: number): Promise<void> {
  let quietSince = performance.now()
  let quietTurns = 0
  const reset = () => {
    quietSince = performance.now()
    quietTurns = -1
  }
  for (const listener of listeners) listener.on('connection', reset)
  for (let now = quietSince; now < end; now = performance.now()) {
    if (quietTurns >= QUIET_TURNS && now - quietSince >= QUIET_MS) break
    await turns(1)
    quietTurns++
  }
  for (const listener of listeners) listener.off('connection', reset)
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/**
 * Resolves, within the same turn of the event loop, to whether each queue holds one plug connection and nothing else.
 */
async function plugQueues(listeners: readonly Server[]): Promise<boolean> {
  const [address] = listeners.map((listener) => listener.address() as AddressInfo | null)
  if (!address) return true
  // A queue of length 0 holds one connection (listen(2)), so each listener gets at most one plug.
  for (const listener of listeners) (listener as unknown as Handled<ListenHandle>)._handle?.listen(0)
  const count = listeners.length === 1 ? 1 : PLUGS_PER_LISTENER * listeners.length
  const target = { host: ownAddress(address), port: address.port }
  const plugs = Array.from({ length: count }, () => connect(target).on('error', () => {}))
  // A socket starts to connect on the next tick, and on the local machine it is connected, or has failed, when that
  // call returns.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  const plugged = plugs.filter(isConnected)
  // A plug still occupies its place in the queue after its other end has closed.
  for (const plug of plugs) plug.destroy()
  return plugged.length === listeners.length
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
