import { connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { freePorts } from '../test/support/ports.ts'
import { assertRoutes, requestsFor, withBenchPlan } from './gateway.ts'
import type { LoadRequest } from './load.ts'
import { proxies } from './proxies.ts'

const WARM_UP = 3_000
const RATE = 200
const NAMES = ['nginx map', 'handover gateway']

interface Target {
  readonly name: string
  readonly port: number
  /** Milliseconds, of the best round. */
  readonly best: { p50: number; p99: number }
}

/**
 * `npm run bench -- low-rate`: the latency that a proxy adds when the load is low: 200 requests a second over one
 * connection, alternating between the upstream itself, nginx and the gateway.
 */
export async function benchLowRate(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { rounds: { type: 'string', default: '10' }, seconds: { type: 'string', default: '2' } },
  })
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
  await withBenchPlan(async (plan, children) => {
    const { get } = requestsFor(plan)
    const targets: Target[] = [{ name: 'upstream itself', port: plan.iamPort, best: { p50: Infinity, p99: Infinity } }]
    for (const proxy of proxies.filter(({ name, isAvailable }) => isAvailable && NAMES.includes(name))) {
      const [port = 0] = await freePorts(1)
      children.push(proxy.start(port, plan))
      await assertRoutes(proxy, port, plan)
      targets.push({ name: proxy.name, port, best: { p50: Infinity, p99: Infinity } })
    }
    for (const { port } of targets) await paced(port, get, WARM_UP, 0)
    for (let round = 1; round <= rounds; round++) {
      for (const { name, port, best } of targets) {
        const took = (await paced(port, get, RATE * seconds, 1_000 / RATE)).toSorted((a, b) => a - b)
        const [p50, p99] = [took[Math.floor(took.length / 2)] ?? 0, took[Math.floor(took.length * 0.99)] ?? 0]
        best.p50 = Math.min(best.p50, p50)
        best.p99 = Math.min(best.p99, p99)
        console.log(`round ${round}  ${name.padEnd(18)} p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`)
      }
    }
    const own = targets[0]?.best ?? { p50: 0, p99: 0 }
    console.log(`\nAdded to the upstream's own time, best of ${rounds} rounds of ${RATE * seconds} requests\n`)
    for (const { name, best } of targets) {
      const added = (key: 'p50' | 'p99') => `${key} ${best[key].toFixed(2)} ms (+${(best[key] - own[key]).toFixed(2)})`
      console.log(`${name.padEnd(18)} ${added('p50')}  ${added('p99')}`)
    }
  })
}

/** Sends one request every `everyMs` over one connection, and returns the latency of each, in milliseconds. */
async function paced(port: number, request: LoadRequest, count: number, everyMs: number): Promise<number[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const took: number[] = []
  const text = `${request.method} ${request.path} HTTP/1.1\r\nHost: bench.test\r\n\r\n`
  const begin = performance.now()
  for (let index = 0; index < count; index++) {
    const wait = begin + index * everyMs - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    const sentAt = performance.now()
    const answered = wholeAnswer(socket)
    socket.write(text)
    await answered
    took.push(performance.now() - sentAt)
  }
  socket.destroy()
  return took
}

/** Resolves when a response with a Content-Length is complete. */
function wholeAnswer(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1])
      if (end < 0 || text.length < end + 4 + length) return
      socket.off('data', onData).off('error', reject)
      resolve()
    }
    socket.on('data', onData).on('error', reject)
  })
}
