import { type AddressInfo, connect, type Server, type Socket } from 'node:net'

/** So many turns of the event loop in a row, and so long, no connection may come before the listeners are closed. */
const QUIET_TURNS = 3
const QUIET_MS = 20
/** How many connections of our own compete for the queue of each of several listeners: the kernel picks which one gets it. */
const PLUGS_PER_LISTENER = 8

/**
 * Readies listeners to be closed. The kernel resets the connections that wait in the queue of a listener that closes,
 * so this accepts what waits, and then puts a connection of our own into each queue, which holds no second one by then:
 * the kernel completes no connection of a client any more. When this resolves, the listeners must be closed before the
 * event loop turns. Gives up after `limitMs`, when connections come too fast or the kernel has other rules.
 *
 * @param listeners all that share one port
 */
export async function readyToClose(listeners: readonly Server[], limitMs: number): Promise<void> {
  const end = performance.now() + limitMs
  // Where another process listens at the same port, it may get our connections: then this alone empties the queue.
  await untilQuiet(listeners, end)
  while (performance.now() < end && !(await plugQueues(listeners))) await turns(QUIET_TURNS)
}

/** Resolves just after turns of the event loop in which no connection came: a turn accepts one. */
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

/** Resolves within the same turn of the event loop to whether each queue holds a connection of ours and nothing else. */
async function plugQueues(listeners: readonly Server[]): Promise<boolean> {
  const [address] = listeners.map((listener) => listener.address() as AddressInfo | null)
  if (!address) return true
  // A queue of length 0 holds one connection (listen(2)); each listener gets at most one of ours.
  for (const listener of listeners) (listener as unknown as Handled<ListenHandle>)._handle?.listen(0)
  const count = listeners.length === 1 ? 1 : PLUGS_PER_LISTENER * listeners.length
  const target = { host: ownAddress(address), port: address.port }
  const plugs = Array.from({ length: count }, () => connect(target).on('error', () => {}))
  // A socket begins to connect at the next tick, and on this machine is connected, or not, by the end of that call.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  const plugged = plugs.filter(isConnected)
  // One whose other end has closed still takes up its place in the queue.
  for (const plug of plugs) plug.destroy()
  return plugged.length === listeners.length
}

function ownAddress({ address }: AddressInfo): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}

/** By the kernel's word; the socket itself only hears of it in a later turn. */
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
