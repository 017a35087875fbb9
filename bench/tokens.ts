import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findPostgres, type PrivatePostgres, startPrivatePostgres } from '../scripts/private-postgres.ts'
import { openDatabase } from '../src/storage/index.ts'
import { isInstalled } from './load.ts'
import { treeCpuMicroseconds } from './process-cpu.ts'
import type { Report } from './report.ts'
import { type BenchClient, benchClients } from './tokens/clients.ts'
import { arriveAt, type Latency, OPEN_SLOTS, saturate } from './tokens/load.ts'
import { type StoreKind, type TokenFormat, type TokenPeer, type TokenServer, tokenPeers } from './tokens/servers.ts'
import { isMeasurable, WORKLOADS, type WorkloadName, workload } from './tokens/workloads.ts'

const STORES = ['postgres', 'embedded'] as const satisfies readonly StoreKind[]
const FORMATS = ['opaque', 'jwt'] as const satisfies readonly TokenFormat[]
const CLIENTS = 50
/** Until the compiler has optimised the hot paths; its threads count as the server's. */
const WARM_UP = 4_000
/** The fraction of its saturation rate at which a server's latency is measured. */
const LOAD_SHARE = 0.6

/** What to measure, and how often. */
interface Plan {
  readonly report: Report
  readonly rounds: number
  readonly requests: number
  /** 0 skips latency. */
  readonly latencySeconds: number
  readonly stores: readonly StoreKind[]
  readonly formats: readonly TokenFormat[]
  readonly workloads: readonly WorkloadName[]
  readonly servers: readonly string[]
  readonly nodeOptions: readonly string[]
}

interface Figures {
  readonly server: TokenServer
  readonly workload: WorkloadName
  cpu: number
  perSecond: number
  latency: Latency | undefined
}

/**
 * `npm run bench -- tokens`: compares the token endpoint and the endpoints about tokens with oidc-provider on the same
 * store.
 */
export async function benchTokens(args: string[], report: Report): Promise<void> {
  const plan = { ...planOf(args), report }
  const scratch = mkdtempSync(join(tmpdir(), 'handover-bench-'))
  // PostgreSQL and the load generator, which are not measured, stay off the core of the measured server.
  if (isInstalled('taskset')) execFileSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)], { stdio: 'ignore' })
  const binaries = findPostgres()
  const postgres = plan.stores.includes('postgres') && binaries ? await startPrivatePostgres(binaries) : undefined
  if (plan.stores.includes('postgres') && postgres === undefined) console.log('left out: there is no PostgreSQL')
  try {
    for (const store of plan.stores.filter((one) => one === 'embedded' || postgres !== undefined)) {
      for (const format of plan.formats) await measure(plan, store, format, postgres, scratch)
    }
  } finally {
    await postgres?.stop()
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** One store and token format: all servers run at the same time and take turns. */
async function measure(
  plan: Plan,
  store: StoreKind,
  format: TokenFormat,
  postgres: PrivatePostgres | undefined,
  scratch: string,
): Promise<void> {
  const clients = benchClients(CLIENTS)
  const servers: TokenServer[] = []
  try {
    for (const [index, peer] of peersFor(plan, store).entries()) {
      const own = join(scratch, `${store}-${format}-${index}`)
      mkdirSync(own)
      const databaseUrl =
        store === 'postgres' && postgres ? await newDatabase(postgres, `${format}_${index}`) : undefined
      const codes = plan.workloads.includes('code') ? WARM_UP + plan.rounds * plan.requests : 0
      servers.push(
        await peer.start({
          ...{ scratch: own, store, databaseUrl, format, clients },
          codes: codes + OPEN_SLOTS * (2 * plan.rounds + 1),
          nodeOptions: plan.nodeOptions,
        }),
      )
    }
    const figures: Figures[] = []
    for (const name of plan.workloads) {
      const able = servers.filter((server) => isMeasurable(name, server))
      figures.push(...(await measureWorkload(plan, name, able, clients)))
    }
    print(plan, `${store}, ${format}`, figures)
  } finally {
    for (const server of servers) await server.stop()
  }
}

function peersFor(plan: Plan, store: StoreKind): TokenPeer[] {
  return tokenPeers.filter(({ name, stores }) => {
    return stores.includes(store) && (plan.servers.length === 0 || plan.servers.some((part) => name.includes(part)))
  })
}

async function measureWorkload(
  plan: Plan,
  name: WorkloadName,
  servers: readonly TokenServer[],
  clients: readonly BenchClient[],
): Promise<Figures[]> {
  const figures = servers.map((server): Figures => {
    return { server, workload: name, cpu: Number.POSITIVE_INFINITY, perSecond: 0, latency: undefined }
  })
  for (const server of servers) await saturate(server.port, await workload(name, server, clients, WARM_UP), WARM_UP)
  for (let round = 0; round < plan.rounds; round++) {
    for (const figure of figures) await measureOnce(plan, figure, clients)
  }
  // Codes are used up too fast for a run of seconds.
  if (plan.latencySeconds === 0 || name === 'code') return figures
  for (let round = 0; round < plan.rounds; round++) {
    for (const figure of figures) {
      const rate = figure.perSecond * LOAD_SHARE
      const work = await workload(name, figure.server, clients, 0)
      const latency = await arriveAt(figure.server.port, work, rate, plan.latencySeconds)
      if (figure.latency === undefined || latency.p99 < figure.latency.p99) figure.latency = latency
    }
  }
  return figures
}

async function measureOnce({ requests }: Plan, figure: Figures, clients: readonly BenchClient[]): Promise<void> {
  const { port, pid } = figure.server
  const work = await workload(figure.workload, figure.server, clients, requests)
  const before = treeCpuMicroseconds(pid)
  const perSecond = await saturate(port, work, requests)
  figure.cpu = Math.min(figure.cpu, (treeCpuMicroseconds(pid) - before) / requests)
  figure.perSecond = Math.max(figure.perSecond, perSecond)
}

async function newDatabase(postgres: PrivatePostgres, name: string): Promise<string> {
  const database = await openDatabase({ kind: 'postgres', url: postgres.url })
  await database.query(`create database ${name}`)
  await database.close()
  return postgres.url.replace(/\/postgres$/, `/${name}`)
}

function print({ rounds, requests, report }: Plan, what: string, figures: readonly Figures[]): void {
  const rows = figures.map(({ server, workload: name, cpu, perSecond, latency }) => {
    const ours = figures.find((one) => one.workload === name && one.server.internal !== undefined)
    if (ours !== undefined && ours.server !== server)
      report.ratio(`tokens, ${what}, ${name}, to ${server.name}`, ours.cpu / cpu)
    const ratio = ours === undefined ? '' : `${(ours.cpu / cpu).toFixed(2)}x`
    const times = [latency?.p50.toFixed(1) ?? '', latency?.p99.toFixed(1) ?? '']
    return [name, server.name, cpu.toFixed(0), ratio, perSecond.toFixed(0), ...times]
  })
  report.table({
    title: `${what} access tokens; best of ${rounds} rounds of ${requests}; ratio: ours to theirs`,
    columns: ['workload', 'server', 'CPU µs', 'ratio', 'req/s', 'p50 ms', 'p99 ms'],
    rows,
  })
}

function planOf(args: string[]): Omit<Plan, 'report'> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
      requests: { type: 'string', default: '5000' },
      'latency-seconds': { type: 'string', default: '5' },
      store: { type: 'string', multiple: true, default: [...STORES] },
      format: { type: 'string', multiple: true, default: [...FORMATS] },
      workload: { type: 'string', multiple: true, default: [...WORKLOADS] },
      server: { type: 'string', multiple: true, default: [] },
      'node-option': { type: 'string', multiple: true, default: [] },
    },
  })
  return {
    rounds: Number(values.rounds),
    requests: Number(values.requests),
    latencySeconds: Number(values['latency-seconds']),
    stores: STORES.filter((one) => values.store.includes(one)),
    formats: FORMATS.filter((one) => values.format.includes(one)),
    workloads: WORKLOADS.filter((one) => values.workload.includes(one)),
    servers: values.server,
    nodeOptions: values['node-option'],
  }
}
