import { createServer, type Server } from 'node:net'

const LOWEST = 20_000
/** From here on, Linux chooses the ports of outgoing connections (`net.ipv4.ip_local_port_range`). */
const EPHEMERAL = 32_768

/**
 * Several different loopback ports that were free a moment ago: for programs that cannot listen on port 0, and for
 * listeners that close and open again. The kernel gives none of them to an outgoing connection in between.
 */
export async function freePorts(count: number): Promise<number[]> {
  const first = await freePortRange(count)
  return Array.from({ length: count }, (_, offset) => first + offset)
}

/** The first of `count` consecutive free loopback ports: for `--port-base`. */
export async function freePortRange(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = LOWEST + Math.floor(Math.random() * (EPHEMERAL - LOWEST - count))
    const wanted = Array.from({ length: count }, (_, offset) => listenOn(base + offset))
    const outcomes = await Promise.allSettled(wanted)
    const open = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    await release(open)
    if (open.length === count) return base
  }
  throw new Error(`found no ${count} free ports in a row`)
}

async function release(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
}

function listenOn(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
