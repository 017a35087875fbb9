import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ROUTING_FLAG } from '../src/routing/index.ts'
import { freePorts } from '../test/support/ports.ts'
import { assertRoutes, requestsFor, withBenchPlan } from './gateway.ts'
import { isInstalled, type LoadRequest, load } from './load.ts'
import { treeCpuMicroseconds } from './process-cpu.ts'
import { type BenchPlan, type PeerProxy, proxies } from './proxies.ts'

const MAIN = resolve(import.meta.dirname, '..', 'src/main.ts')
/** The pause between two looks at whether a flip has arrived. */
const LOOK_MS = 2

/**
 * `npm run bench -- data-plane`: the CPU of HAProxy that routes by Handover's decisions, with its agent, next to HAProxy
 * with a map of its own; then how long a flip and a change of the percentage take with 100,000 applications.
 */
export async function benchDataPlane(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
      requests: { type: 'string', default: '20000' },
      flips: { type: 'string', default: '200' },
      applications: { type: 'string', default: '100000' },
    },
  })
  if (!isInstalled('haproxy')) throw new Error('the benchmark needs HAProxy')
  await withBenchPlan(async (plan, children) => {
    await compareCpu(plan, children, Number(values.rounds), Number(values.requests))
  })
  await withBenchPlan(async (plan) => measureFlips(plan, Number(values.applications), Number(values.flips)))
}

interface Measured {
  readonly name: string
  readonly port: number
  readonly pid: number
  readonly best: Record<'get' | 'post' | 'page', number>
}

async function compareCpu(plan: BenchPlan, children: ChildProcess[], rounds: number, requests: number): Promise<void> {
  const map = proxies.find(({ name }) => name === 'HAProxy map file')
  if (map === undefined) throw new Error('there is no HAProxy to compare with')
  const stop: Array<() => void> = []
  const running: Measured[] = []
  for (const proxy of [dataPlane(stop), map]) {
    const [port = 0] = await freePorts(1)
    const child = proxy.start(port, plan)
    children.push(child)
    await assertRoutes(proxy, port, plan)
    running.push({
      name: proxy.name,
      port,
      pid: child.pid ?? 0,
      best: { get: Infinity, post: Infinity, page: Infinity },
    })
  }
  const { get, post } = requestsFor(plan)
  // The other HAProxy routes nothing without a client.
  const page: LoadRequest = { method: 'GET', path: `/users/sign_in?client_id=${plan.unmoved[0]}` }
  const formFile = join(plan.scratch, 'form')
  writeFileSync(formFile, post.form ?? '')
  try {
    for (const { port } of running) await load(port, get, 2_000, formFile)
    for (let round = 1; round <= rounds; round++) {
      for (const one of running) {
        for (const [kind, request] of Object.entries({ get, post, page }) as Array<
          [keyof Measured['best'], LoadRequest]
        >) {
          const before = treeCpuMicroseconds(one.pid)
          await load(one.port, request, requests, formFile)
          one.best[kind] = Math.min(one.best[kind], (treeCpuMicroseconds(one.pid) - before) / requests)
        }
      }
    }
  } finally {
    for (const end of stop) end()
  }
  printCpu(running, rounds, requests)
}

function printCpu(running: readonly Measured[], rounds: number, requests: number): void {
  const [ours, theirs] = running
  if (ours === undefined || theirs === undefined) return
  console.log(`\nCPU µs per request, all processes of each, best of ${rounds} rounds of ${requests} in turns\n`)
  for (const kind of ['get', 'post', 'page'] as const) {
    const names = { get: 'GET authorize', post: 'POST token', page: 'another page' }
    const ratio = (ours.best[kind] / theirs.best[kind]).toFixed(2)
    const cells = [
      names[kind].padEnd(16),
      ours.best[kind].toFixed(1).padStart(8),
      theirs.best[kind].toFixed(1).padStart(8),
    ]
    console.log(`${cells.join('')}  ${ratio} times ${theirs.name}`)
  }
}

function dataPlane(stop: Array<() => void>): PeerProxy {
  return {
    name: 'handover data plane',
    decidesBy: 'map, in HAProxy; logs and metrics on',
    routesForms: true,
    isAvailable: true,
    start(port, plan) {
      const rows = [...plan.moved, ...plan.unmoved].map((clientId, index) => [index + 1, clientId, 1])
      const file = join(plan.scratch, 'plane.ndjson')
      writeFileSync(
        file,
        snapshot(rows, plan.moved.length)
          .map((line) => `${JSON.stringify(line)}\n`)
          .join(''),
      )
      const data = mkdtempSync(join(tmpdir(), 'plane-'))
      const args = [
        ...[MAIN, 'dataplane', 'haproxy', '--listen', `127.0.0.1:${port}`, '--admin-listen', '127.0.0.1:0'],
        ...['--workers', '1', '--snapshot', file, '--data-dir', data],
        ...['--legacy-url', `http://127.0.0.1:${plan.legacyPort}`, '--iam-url', `http://127.0.0.1:${plan.iamPort}`],
      ]
      const out = openSync(join(plan.scratch, 'plane.log'), 'a')
      const pinned = isInstalled('taskset') ? ['-c', '0', process.execPath, ...args] : args
      const child = spawn(isInstalled('taskset') ? 'taskset' : process.execPath, pinned, {
        stdio: ['ignore', out, 'inherit'],
      })
      stop.push(() => {
        const tasks = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').match(/\d+/g) ?? []
        child.kill('SIGKILL')
        for (const pid of tasks) process.kill(Number(pid), 'SIGKILL')
        rmSync(data, { recursive: true, force: true })
      })
      return child
    },
  }
}

function snapshot(rows: unknown[][], named: number): unknown[] {
  const actors = Array.from({ length: named }, (_, index) => `Authn::OauthApplication:${index + 1}`)
  const flags = { [ROUTING_FLAG]: gates(actors, 0) }
  const lines: unknown[] = [{ type: 'begin', format: 1, environment: 'production', version: 1, brake: false, flags }]
  for (let at = 0; at < rows.length; at += 1_000) lines.push({ type: 'applications', rows: rows.slice(at, at + 1_000) })
  return [...lines, { type: 'end', version: 1, applications: rows.length }]
}

function gates(actors: readonly string[], percentage: number) {
  return { boolean: false, actors, percentage_of_actors: percentage, opted_out: [] }
}

async function measureFlips(plan: BenchPlan, applications: number, flips: number): Promise<void> {
  const rows = Array.from({ length: applications }, (_, index) => [index + 1, `application-${index + 1}`, 1])
  let stream: ServerResponse | undefined
  const control = createServer((request, response) => {
    if (!request.url?.startsWith('/api/v1/snapshot/stream')) return void response.writeHead(204).end()
    stream = response
    for (const line of snapshot(rows, 1)) response.write(`${JSON.stringify(line)}\n`)
  })
  await new Promise<void>((done) => control.listen(0, '127.0.0.1', done))
  const { startDataPlane } = await import('../src/data-plane/index.ts')
  const { silentLog } = await import('../src/observability/index.ts')
  const directory = mkdtempSync(join(tmpdir(), 'plane-'))
  const url = `http://127.0.0.1:${(control.address() as AddressInfo).port}`
  const plane = await startDataPlane(
    {
      ...{ program: 'haproxy', directory, bindOptions: '', threads: 1, writesLines: false },
      gateway: {
        listen: { host: '127.0.0.1', port: 0 },
        legacyUrl: `http://127.0.0.1:${plan.legacyPort}`,
        iamUrl: `http://127.0.0.1:${plan.iamPort}`,
        source: { kind: 'control', url, token: 'bench', environment: 'production', stateFile: undefined },
      },
    },
    silentLog,
  )
  const heartbeat = setInterval(
    () => stream?.write(`${JSON.stringify({ type: 'heartbeat', version, at: 0 })}\n`),
    1_000,
  )
  let version = 1
  const sideOf = async (client: string) => {
    const answer = await fetch(`${plane.url}/oauth/authorize?client_id=${client}`)
    return ((await answer.json()) as { side: string }).side
  }
  const change = async (flag: unknown, client: string, side: string) => {
    const from = version++
    const startedAt = performance.now()
    stream?.write(`${JSON.stringify({ type: 'change', from, to: version, flags: { [ROUTING_FLAG]: flag } })}\n`)
    while ((await sideOf(client)) !== side) await new Promise((done) => setTimeout(done, LOOK_MS))
    return performance.now() - startedAt
  }
  try {
    while ((await sideOf('application-1')) !== 'iam') await new Promise((done) => setTimeout(done, 50))
    const single: number[] = []
    const percentages: number[] = []
    for (let flip = 0; flip < flips; flip++) {
      const id = 2 + flip
      single.push(await change(gates([`Authn::OauthApplication:${id}`], 0), `application-${id}`, 'iam'))
      percentages.push(await change(gates([`Authn::OauthApplication:${id}`], 100), 'application-1', 'iam'))
      await change(gates([`Authn::OauthApplication:${id}`], 0), 'application-1', 'legacy')
    }
    printTimes(`a flip, ${applications} applications`, single)
    printTimes('a change of the percentage', percentages)
  } finally {
    clearInterval(heartbeat)
    await plane.close()
    control.closeAllConnections()
    control.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

function printTimes(what: string, times: number[]): void {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(0)
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms, of ${times.length}`)
}
