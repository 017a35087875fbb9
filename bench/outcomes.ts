import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { findPostgres, startPrivatePostgres } from '../scripts/private-postgres.ts'
import { MIGRATIONS } from '../src/control-plane/index.ts'
import { type Database, migrate, openDatabase } from '../src/storage/index.ts'
import { freePorts } from '../test/support/ports.ts'
import { scratchDirectory } from '../test/support/scratch.ts'
import { untilReady } from '../test/support/wait.ts'
import { measureGatewayCost } from './outcomes/gateway-cost.ts'
import type { SenderPlan, Sent } from './outcomes/sender.ts'
import { cpuMicroseconds, peakMegabytes } from './process-cpu.ts'

const ROOT = resolve(import.meta.dirname, '..')
/** The schema of the control plane's tables. */
const SCHEMA = 'control'
const APPLICATIONS = 100_000
/** Until the code is compiled and the first counts are stored. */
const WARM_UP_MS = 4_000
const GOALS = { cpuShare: 0.6, megabytes: 400, feedMs: 2_000, gatewayMicroseconds: 1 }

/**
 * Measures what outcomes cost: one control plane on PostgreSQL with 100,000 applications, to which a gateway's sender
 * reports at a steady rate; then one gateway, per exchange. Exit code 1 when a figure misses its goal.
 */
export async function benchOutcomes(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '10' },
      'gateway-only': { type: 'boolean', default: false },
      'node-option': { type: 'string', multiple: true, default: [] },
    },
  })
  const isGood =
    values['gateway-only'] ||
    (await measureControlPlane(Number(values.rate), Number(values.seconds), values['node-option']))
  const cost = await measureGatewayCost()
  const isCheap = judged('a gateway, per exchange', cost, GOALS.gatewayMicroseconds, 'µs')
  if (!isGood || !isCheap) process.exitCode = 1
}

/** Returns whether all goals are met and every outcome is stored. */
async function measureControlPlane(rate: number, seconds: number, nodeOptions: readonly string[]): Promise<boolean> {
  const binaries = findPostgres()
  if (binaries === undefined) throw new Error('this needs a PostgreSQL server on the machine')
  const scratch = scratchDirectory('outcomes')
  const postgres = await startPrivatePostgres(binaries)
  const children: ChildProcess[] = []
  const database = await openDatabase({ kind: 'postgres', url: postgres.url })
  try {
    await register(database)
    const { url, pid } = await startPlane(postgres.url, scratch.path, nodeOptions, children)
    const token = readFileSync(join(scratch.path, 'gateway-token'), 'utf8').trim()
    console.log(
      `control plane with ${APPLICATIONS} applications, before the first outcome: ${peakMegabytes(pid).toFixed(0)} MB`,
    )
    const plan: SenderPlan = { url, token, rate, seconds: seconds + WARM_UP_MS / 1_000, applications: APPLICATIONS }
    const sender = fork(join(import.meta.dirname, 'outcomes/sender.ts'), [JSON.stringify(plan)])
    children.push(sender)
    const ended = once(sender, 'message')
    const whole = cpuMicroseconds(pid)
    await sleep(WARM_UP_MS)
    const [cpu, from] = [cpuMicroseconds(pid), performance.now()]
    await sleep(seconds * 1_000)
    const share = (cpuMicroseconds(pid) - cpu) / ((performance.now() - from) * 1_000)
    const [sent] = (await ended) as [Sent]
    const spent = cpuMicroseconds(pid) - whole
    const stored = await storedOutcomes(database)
    console.log(`${sent.observations} outcomes sent in ${plan.seconds} s, ${sent.accepted} accepted, ${stored} stored`)
    console.log(`control plane, per accepted outcome: ${(spent / sent.accepted).toFixed(1)} µs of CPU`)
    const all = [
      judged('control plane, share of one core', share * 100, GOALS.cpuShare * 100, '%'),
      judged('control plane, peak of resident memory', peakMegabytes(pid), GOALS.megabytes, 'MB'),
      judged('from the answer to the feed, p50', sent.p50Ms, GOALS.feedMs, 'ms'),
      judged('from the answer to the feed, p99', sent.p99Ms, GOALS.feedMs, 'ms'),
    ]
    return all.every(Boolean) && stored === sent.observations
  } finally {
    await stopAll(children)
    await database.close()
    await postgres.stop()
    scratch.remove()
  }
}

function judged(what: string, value: number, goal: number, unit: string): boolean {
  const isMet = value <= goal
  console.log(`${what}: ${value.toFixed(goal < 10 ? 2 : 0)} ${unit} (goal ${goal} ${unit}${isMet ? '' : ', MISSED'})`)
  return isMet
}

async function register(database: Database): Promise<void> {
  await migrate(database, SCHEMA, MIGRATIONS)
  await database.query(
    `insert into ${SCHEMA}.applications (id, client_id, document, version, iam_version, is_removed)
      select id, 'client-' || id, jsonb_build_object('id', id, 'client_id', 'client-' || id,
          'name', 'Application ' || id, 'secret_digest', null, 'scopes', jsonb_build_array('read_user'),
          'redirect_uris', jsonb_build_array('https://client.example/callback'),
          'confidential', id % 2 = 0, 'trusted', id % 100 = 0, 'version', 1), 1, 1, false
        from generate_series(1, $1::integer) as id`,
    [APPLICATIONS],
  )
}

async function storedOutcomes(database: Database): Promise<number> {
  const [row] = await database.query<{ sum: number }>(
    `select coalesce(sum(count), 0)::integer as sum from ${SCHEMA}.outcome_minutes`,
  )
  return row?.sum ?? 0
}

async function startPlane(
  databaseUrl: string,
  scratch: string,
  nodeOptions: readonly string[],
  children: ChildProcess[],
): Promise<{ url: string; pid: number }> {
  const [port] = await freePorts(1)
  const file = (name: string) => join(scratch, name)
  const started = spawn(
    process.execPath,
    [
      ...nodeOptions,
      ...[join(ROOT, 'src/main.ts'), 'control', '--listen', `127.0.0.1:${port}`, '--database-url', databaseUrl],
      ...['--admin-token-file', file('admin-token'), '--gateway-token-file', file('gateway-token')],
      ...['--replication-token-file', file('replication-token'), '--routing-secret-file', file('routing-secret')],
      ...['--log-level', 'warn'],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  children.push(started)
  const url = `http://127.0.0.1:${port}`
  await untilReady(`${url}/readyz`)
  return { url, pid: started.pid ?? 0 }
}

async function stopAll(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await once(child, 'exit')
    clearTimeout(late)
  }
}
