import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePorts } from '../test/support/ports.ts'
import { eventually } from '../test/support/wait.ts'
import { isInstalled, type LoadRequest, load } from './load.ts'
import { cpuMicroseconds, residentMegabytes } from './process-cpu.ts'
import { type BenchPlan, type PeerProxy, proxies, upstreamConfig } from './proxies.ts'
import type { Report } from './report.ts'

const CLIENTS = 1_000

/** One kind of traffic to measure. */
interface Kind {
  readonly name: string
  readonly request: LoadRequest
  /** Its share of the requests of a round: what takes long, or repeats another kind, is sent less often. */
  readonly share: number
}

/** A proxy that runs, with its best figure of each kind. */
interface Running {
  readonly proxy: PeerProxy
  readonly port: number
  readonly pid: number
  readonly best: Map<string, number>
  residentMb: number
}

/** What to measure, and how often. */
interface Options {
  readonly rounds: number
  readonly requests: number
  /** Parts of the names of the proxies to measure; empty for all. */
  readonly only: readonly string[]
  /** Parts of the names of the kinds of traffic; empty for all. */
  readonly kinds: readonly string[]
}

/** `npm run bench -- gateway`: compares the gateway with other proxies, each on one core. Requires nginx. */
export async function benchGateway(args: string[], report: Report): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
      requests: { type: 'string', default: '20000' },
      only: { type: 'string', multiple: true, default: [] },
      kind: { type: 'string', multiple: true, default: [] },
    },
  })
  const { only, kind: kinds } = values
  const options = { rounds: Number(values.rounds), requests: Number(values.requests), only, kinds }
  await withBenchPlan((plan, children) => measureAll(options, plan, children, report))
}

/** Runs a benchmark in front of two upstreams, and ends them and every process that was added to `children`. */
export async function withBenchPlan(run: (plan: BenchPlan, children: ChildProcess[]) => Promise<void>): Promise<void> {
  if (!isInstalled('nginx')) throw new Error('the benchmark needs nginx for its two upstreams')
  const scratch = mkdtempSync(join(tmpdir(), 'handover-bench-'))
  const children: ChildProcess[] = []
  const [legacyPort = 0, iamPort = 0, deciderPort = 0] = await freePorts(3)
  const clients = Array.from({ length: CLIENTS }, () => randomBytes(32).toString('hex'))
  const plan: BenchPlan = {
    scratch,
    legacyPort,
    iamPort,
    deciderPort,
    moved: clients.slice(0, 10),
    unmoved: clients.slice(10),
  }
  try {
    const upstream = ['-c', '1', 'nginx', '-p', scratch, '-c', upstreamConfig(plan)]
    children.push(
      spawn(isInstalled('taskset') ? 'taskset' : 'nginx', isInstalled('taskset') ? upstream : upstream.slice(3), {
        stdio: 'inherit',
      }),
    )
    await run(plan, children)
  } finally {
    for (const child of children) child.kill('SIGKILL')
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function measureAll(options: Options, plan: BenchPlan, children: ChildProcess[], report: Report): Promise<void> {
  const { rounds, requests, only } = options
  const wanted = proxies.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)))
  for (const { name } of wanted.filter(({ isAvailable }) => !isAvailable))
    console.log(`left out: ${name} is not installed`)
  const running: Running[] = []
  for (const proxy of wanted.filter(({ isAvailable }) => isAvailable)) {
    const [port = 0] = await freePorts(1)
    const child = proxy.start(port, plan)
    children.push(child)
    await assertRoutes(proxy, port, plan)
    running.push({ proxy, port, pid: child.pid ?? 0, best: new Map(), residentMb: 0 })
  }
  const kinds = kindsFor(plan, options.kinds)
  for (const one of running) for (const kind of kinds) await cpuPerRequest(one, kind, 2_000 * kind.share, plan)
  for (let round = 1; round <= rounds; round++) {
    for (const one of running) {
      for (const kind of kinds) {
        const cpu = await cpuPerRequest(one, kind, requests * kind.share, plan)
        one.best.set(kind.name, Math.min(one.best.get(kind.name) ?? Number.POSITIVE_INFINITY, cpu))
      }
      one.residentMb = residentMegabytes(one.pid)
    }
    console.log(`round ${round} of ${rounds} done`)
  }
  for (const kind of kinds) reportKind(kind, options, running, report)
}

async function cpuPerRequest(one: Running, kind: Kind, count: number, plan: BenchPlan): Promise<number> {
  const { request } = kind
  const requests = Math.max(1, Math.round(count))
  const formFile = join(plan.scratch, `form-${kind.name.replaceAll(/\W/g, '-')}`)
  if (request.form !== undefined) writeFileSync(formFile, request.form)
  const before = cpuMicroseconds(one.pid)
  await load(one.port, request, requests, formFile)
  return (cpuMicroseconds(one.pid) - before) / requests
}

/** The kinds of traffic whose names contain one of the parts; all if there are none. */
function kindsFor(plan: BenchPlan, parts: readonly string[]): Kind[] {
  const { get, post } = requestsFor(plan)
  const form = `token=gliamat-${'t'.repeat(43)}&client_id=${plan.moved[0]}&client_secret=${'s'.repeat(32)}`
  const all: Kind[] = [
    { name: 'GET authorize', request: get, share: 1 },
    { name: 'POST token', request: post, share: 1 },
    { name: 'POST introspect', request: { method: 'POST', path: '/oauth/introspect', form }, share: 0.5 },
    { name: 'GET page of 10 kB', request: { method: 'GET', path: '/pages/page' }, share: 0.5 },
    { name: 'GET stream of 1 MB', request: { method: 'GET', path: '/pages/stream' }, share: 0.02 },
    ...[1, 100, 1_000].map((connections) => ({
      ...{ name: `GET over ${connections} connections`, request: { ...get, connections }, share: 0.5 },
    })),
  ]
  return all.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)))
}

/** A request of each kind, from an application that has moved. */
export function requestsFor(plan: BenchPlan): { get: LoadRequest; post: LoadRequest } {
  const clientId = plan.moved[0] ?? ''
  const query = `client_id=${clientId}&response_type=code&scope=read_user&state=abcdef&redirect_uri=https%3A%2F%2Fa.test%2Fcb`
  const form = `grant_type=client_credentials&client_id=${clientId}&client_secret=${'s'.repeat(32)}&scope=read_user`
  return {
    get: { method: 'GET', path: `/oauth/authorize?${query}` },
    post: { method: 'POST', path: '/oauth/token', form },
  }
}

/**
 * A proxy that does not route moved clients to IAM and the others to legacy is not comparable, and its figures mean
 * nothing.
 */
export async function assertRoutes(proxy: PeerProxy, port: number, plan: BenchPlan): Promise<void> {
  const side = async (clientId: string, method: 'GET' | 'POST') => {
    const form = `grant_type=client_credentials&client_id=${clientId}`
    const url = `http://127.0.0.1:${port}${method === 'GET' ? `/oauth/authorize?client_id=${clientId}` : '/oauth/token'}`
    const answer = await fetch(url, method === 'GET' ? {} : { method, body: new URLSearchParams(form) })
    return ((await answer.json()) as { side: string }).side
  }
  await eventually(`${proxy.name} routes`, async () => (await side(plan.moved[0] ?? '', 'GET')) === 'iam', 60_000)
  const faults = [(await side(plan.unmoved[0] ?? '', 'GET')) !== 'legacy' && 'GET of an application that has not moved']
  if (proxy.routesForms) {
    faults.push((await side(plan.moved[0] ?? '', 'POST')) !== 'iam' && 'POST of a moved application')
    faults.push((await side(plan.unmoved[0] ?? '', 'POST')) !== 'legacy' && 'POST of an application that has not moved')
  }
  const wrong = faults.filter((fault) => fault !== false)
  if (wrong.length > 0) throw new Error(`${proxy.name} routes wrongly: ${wrong.join(', ')}`)
}

function reportKind(kind: Kind, { rounds, requests }: Options, running: readonly Running[], report: Report): void {
  const own = running.find(({ proxy }) => proxy.name === OURS)?.best.get(kind.name)
  const rows = running.map(({ proxy, best, residentMb }) => {
    const cpu = best.get(kind.name) ?? Number.NaN
    if (own !== undefined && proxy.name !== OURS) report.ratio(`gateway, ${kind.name}, to ${proxy.name}`, own / cpu)
    const isBlind = !proxy.routesForms && kind.request.form !== undefined
    const decidesBy = isBlind ? `${proxy.decidesBy} (blind to forms)` : proxy.decidesBy
    const ratio = own === undefined ? '' : `${(own / cpu).toFixed(2)}x`
    return [proxy.name, cpu.toFixed(1), ratio, residentMb.toFixed(0), decidesBy]
  })
  const count = Math.round(requests * kind.share)
  report.table({
    title: `${kind.name}: CPU per request of the proxy process, best of ${rounds} rounds of ${count}; ratio: ours to theirs`,
    columns: ['proxy', 'µs', 'ratio', 'MB', 'decides by'],
    rows,
  })
}

const OURS = 'handover gateway'
