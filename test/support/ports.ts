import { createServer, type Server } from 'node:net'

/** Several different loopback ports that were free a moment ago. For programs that cannot listen on port 0. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenOn(0)))
  return release(servers)
}

/** The first of `count` consecutive free loopback ports: for `--port-base`. */
export async function freePortRange(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 20_000 + Math.floor(Math.random() * 10_000)
    const wanted = Array.from({ length: count }, (_, offset) => listenOn(base + offset))
    const outcomes = await Promise.allSettled(wanted)
    const open = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    await release(open)
    if (open.length === count) return base
  }
  throw new Error(`found no ${count} free ports in a row`)
}

async function release(servers: readonly Server[]): Promise<number[]> {
  const ports = servers.map((server) => {
    const address = server.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function listenOn(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
