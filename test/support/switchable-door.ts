import { connect, createServer, type Socket } from 'node:net'

/** A loopback address with changing servers behind it, like a DNS name or a virtual address that fails over. */
export interface SwitchableDoor {
  readonly port: number
  /** Directs connections to another port from now on; open ones are cut. */
  turnTo(port: number): void
  close(): Promise<void>
}

/** Opens a door on a free loopback port that leads to `firstPort`. */
export async function openSwitchableDoor(firstPort: number): Promise<SwitchableDoor> {
  let target = firstPort
  const sockets = new Set<Socket>()
  const track = (socket: Socket, other: () => Socket) => {
    sockets.add(socket)
    socket
      .on('error', () => {})
      .on('close', () => {
        sockets.delete(socket)
        other().destroy()
      })
  }
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    track(client, () => upstream)
    track(upstream, () => client)
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    turnTo(port) {
      target = port
      cut()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}
