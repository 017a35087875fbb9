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

const CLIENTS = 1_000

interface Figures {
  get: number
  post: number
  residentMb: number
}

/** What to measure, and how often. */
interface Options {
  readonly rounds: number
  readonly requests: number
  /** Parts of the names of the proxies to measure; empty for all. */
  readonly only: readonly string[]
}

/** `npm run bench -- gateway`: compares the gateway with other proxies, each on one core. Requires nginx. */
export async function benchGateway(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
      requests: { type: 'string', default: '20000' },
      only: { type: 'string', multiple: true, default: [] },
    },
  })
  const options = { rounds: Number(values.rounds), requests: Number(values.requests), only: values.only }
  await withBenchPlan((plan, children) => measureAll(options, plan, children))
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

async function measureAll(options: Options, plan: BenchPlan, children: ChildProcess[]): Promise<void> {
  const { rounds, requests, only } = options
  const wanted = proxies.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)))
  for (const { name } of wanted.filter(({ isAvailable }) => !isAvailable))
    console.log(`left out: ${name} is not installed`)
  const running: Array<{ proxy: PeerProxy; port: number; pid: number; best: Figures }> = []
  for (const proxy of wanted.filter(({ isAvailable }) => isAvailable)) {
    const [port = 0] = await freePorts(1)
    const child = proxy.start(port, plan)
    children.push(child)
    await assertRoutes(proxy, port, plan)
    running.push({ proxy, port, pid: child.pid ?? 0, best: { get: Infinity, post: Infinity, residentMb: 0 } })
  }
  const { get, post } = requestsFor(plan)
  const formFile = join(plan.scratch, 'form')
  writeFileSync(formFile, post.form ?? '')
  for (const { port } of running) await load(port, get, 2_000, formFile)
  for (let round = 1; round <= rounds; round++) {
    for (const one of running) {
      one.best.get = Math.min(one.best.get, await cpuPerRequest(one, get, requests, formFile))
      one.best.post = Math.min(one.best.post, await cpuPerRequest(one, post, requests, formFile))
      one.best.residentMb = residentMegabytes(one.pid)
    }
    console.log(`round ${round} of ${rounds} done`)
  }
  print(options, running)
}

async function cpuPerRequest(
  one: { port: number; pid: number },
  request: LoadRequest,
  requests: number,
  formFile: string,
): Promise<number> {
  const before = cpuMicroseconds(one.pid)
  await load(one.port, request, requests, formFile)
  return (cpuMicroseconds(one.pid) - before) / requests
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

function print({ rounds, requests }: Options, running: ReadonlyArray<{ proxy: PeerProxy; best: Figures }>): void {
  const ours = running.find(({ proxy }) => proxy.name === 'handover gateway')?.best
  const ratio = (own: number | undefined, theirs: number) => (own === undefined ? '' : `${(own / theirs).toFixed(2)}x`)
  console.log(
    `\nCPU per request of the proxy process, best of ${rounds} rounds of ${requests}; ratio: ours to theirs\n`,
  )
  console.log(
    `${'proxy'.padEnd(22)}${'GET µs'.padStart(8)}${'ratio'.padStart(8)}${'POST µs'.padStart(9)}${'ratio'.padStart(8)}${'MB'.padStart(6)}  decides by`,
  )
  for (const { proxy, best } of running) {
    const cells = [
      proxy.name.padEnd(22),
      best.get.toFixed(1).padStart(8),
      ratio(ours?.get, best.get).padStart(8),
      best.post.toFixed(1).padStart(9),
      ratio(ours?.post, best.post).padStart(8),
      best.residentMb.toFixed(0).padStart(6),
    ]
    console.log(`${cells.join('')}  ${proxy.decidesBy}${proxy.routesForms ? '' : ' (blind to forms)'}`)
  }
}
