import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { findPostgres, type PrivatePostgres, startPrivatePostgres } from '../scripts/private-postgres.ts'
import { authorizationMigrations } from '../src/authorization-server/index.ts'
import { monolithMigrations } from '../src/monolith/index.ts'
import { type Database, migrate, openDatabase } from '../src/storage/index.ts'
import { freePorts } from '../test/support/ports.ts'
import { scratchDirectory } from '../test/support/scratch.ts'
import { untilReady } from '../test/support/wait.ts'
import { cpuMicroseconds, peakMegabytes } from './process-cpu.ts'

const ROOT = resolve(import.meta.dirname, '..')
const GOALS = { perSecond: 5_000, megabytes: 512, controlMegabytes: 1_024 }
/** How many applications one by one are enough to know their rate. */
const SINGLY = 2_000
const LIMIT_MS = 60 * 60_000

/** One figure of the report. */
interface Figure {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly goal?: { readonly atMost?: number; readonly atLeast?: number }
}

/**
 * Measures replication between a monolith, IAM and a control plane, each a process of its own on one PostgreSQL: the first
 * replication, next to the same calls one by one; then the comparison of equal and of differing copies.
 */
export async function benchReplication(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { applications: { type: 'string', default: '1000000' }, json: { type: 'string' } },
  })
  const applications = Number(values.applications)
  if (!Number.isSafeInteger(applications) || applications < SINGLY) {
    throw new Error(`--applications: must be an integer of at least ${SINGLY}`)
  }
  const binaries = findPostgres()
  if (binaries === undefined) throw new Error('this needs a PostgreSQL server on the machine')
  const scratch = scratchDirectory('replication-bench')
  const postgres = await startPrivatePostgres(binaries)
  const parts: Part[] = []
  try {
    const figures = await measure(postgres, scratch.path, applications, parts)
    report(figures, applications, values.json)
  } finally {
    for (const part of parts) await part.stop()
    await postgres.stop()
    scratch.remove()
  }
}

async function measure(
  postgres: PrivatePostgres,
  scratch: string,
  applications: number,
  parts: Part[],
): Promise<Figure[]> {
  const urls = await createDatabases(postgres.url, ['monolith', 'iam', 'control'])
  const platform = await openDatabase({ kind: 'postgres', url: urls.monolith ?? '' })
  try {
    await fill(platform, applications)
    const iam = await startIam(urls.iam ?? '', scratch)
    parts.push(iam)
    const control = await startControl(urls.control ?? '', scratch)
    parts.push(control)
    const monolith = await startMonolith(urls.monolith ?? '', scratch, { iam, control })
    parts.push(monolith)
    const first = await firstReplication(platform, monolith, applications, [iam, control, monolith])
    await monolith.stop()
    const equal = await comparison(urls.monolith ?? '', scratch, { iam, control }, parts)
    const lost = await loseSome(urls.iam ?? '')
    const differing = await comparison(urls.monolith ?? '', scratch, { iam, control }, parts)
    const singly = [await oneByOne(iam, 'iam'), await oneByOne(control, 'control')] as const
    return [
      ...first.flatMap((one, at) => [
        {
          what: `first replication to ${one.target}`,
          value: one.perSecond,
          unit: 'a second',
          goal: { atLeast: GOALS.perSecond },
        },
        { what: `… until ${one.target} has all`, value: one.seconds, unit: 's' },
        { what: `… one by one, 8 at a time`, value: singly[at] ?? 0, unit: 'a second' },
        { what: `… ratio`, value: one.perSecond / (singly[at] ?? 1), unit: 'times' },
      ]),
      ...(['iam', 'monolith'] as const).map((name) => megabytes(name, first, GOALS.megabytes)),
      megabytes('control', first, GOALS.controlMegabytes),
      { what: 'CPU of the monolith for each application and target', value: first[0]?.cpu.monolith ?? 0, unit: 'µs' },
      { what: 'CPU of iam for each application', value: first[0]?.cpu.iam ?? 0, unit: 'µs' },
      { what: 'CPU of control for each application', value: first[0]?.cpu.control ?? 0, unit: 'µs' },
      { what: 'comparison of equal copies, both targets', value: equal.seconds, unit: 's' },
      { what: 'comparison and repair after IAM lost', value: lost, unit: 'applications' },
      { what: '… both targets', value: differing.seconds, unit: 's' },
      ...(['iam', 'monolith'] as const).map((name) => ({
        ...{
          what: `peak of resident memory of ${name} while comparing`,
          unit: 'MB',
          goal: { atMost: GOALS.megabytes },
        },
        value: Math.max(equal.peaks[name] ?? 0, differing.peaks[name] ?? 0),
      })),
    ]
  } finally {
    await platform.close()
  }
}

async function createDatabases(server: string, names: readonly string[]): Promise<Record<string, string>> {
  const database = await openDatabase({ kind: 'postgres', url: server })
  for (const name of names) await database.query(`create database ${name}_bench`)
  await database.close()
  return Object.fromEntries(
    names.map((name) => {
      const url = new URL(server)
      url.pathname = `/${name}_bench`
      return [name, url.href]
    }),
  )
}

/** Applications as a platform has them, each with an event in the outbox. */
async function fill(database: Database, count: number): Promise<void> {
  await migrate(database, 'monolith', monolithMigrations)
  await migrate(database, 'monolith_oauth', authorizationMigrations)
  const limit = 10 * 60_000
  await database.transaction(async (tx) => {
    await tx.query(
      `insert into monolith_oauth.applications (id, client_id, name, secret_digest, redirect_uris, scopes, confidential, trusted, version)
        select id, encode(sha256(id::text::bytea), 'hex'), 'Application ' || md5(id::text), encode(sha512(id::text::bytea), 'hex'),
          array['https://client-' || id || '.example.com/oauth/callback'], array['api', 'read_user'], true, false, 1
        from generate_series(1, $1::integer) as id`,
      [count],
    )
    await tx.query(
      `insert into monolith.applications (id, client_id) select id, client_id from monolith_oauth.applications`,
    )
    await tx.query(
      `insert into monolith.outbox (application_id, client_id, event, version)
        select id, client_id, 'upsert', 1 from monolith_oauth.applications`,
    )
  }, limit)
  await database.transaction(
    (tx) => tx.query('analyze monolith_oauth.applications, monolith.applications, monolith.outbox'),
    limit,
  )
}

/** A running process. */
interface Part {
  readonly name: string
  readonly url: string
  readonly pid: number
  readonly token: string
  /** The lines that it has logged about replication. */
  readonly lines: ReadonlyArray<Readonly<Record<string, unknown>>>
  stop(): Promise<void>
}

function startPart(name: string, args: readonly string[]): Omit<Part, 'url' | 'token'> {
  const child: ChildProcess = spawn(process.execPath, [join(ROOT, 'src/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: Array<Record<string, unknown>> = []
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (text.includes('"replication: ')) lines.push(JSON.parse(text))
    })
  }
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return { name, pid: child.pid ?? 0, lines, stop }
}

async function startIam(databaseUrl: string, scratch: string): Promise<Part> {
  const [port, internal] = await freePorts(2)
  const part = startPart('iam', [
    ...['iam', '--listen', `127.0.0.1:${port}`, '--issuer', `http://127.0.0.1:${port}`],
    ...[
      '--internal-listen',
      `127.0.0.1:${internal}`,
      '--database-url',
      databaseUrl,
      '--data-dir',
      join(scratch, 'iam'),
    ],
    ...['--log-level', 'warn'],
  ])
  await untilReady(`http://127.0.0.1:${port}/readyz`)
  const token = readFileSync(join(scratch, 'iam/iam-internal-token'), 'utf8').trim()
  return { ...part, url: `http://127.0.0.1:${internal}`, token }
}

async function startControl(databaseUrl: string, scratch: string): Promise<Part> {
  const [port] = await freePorts(1)
  const file = (name: string) => join(scratch, name)
  const part = startPart('control', [
    ...['control', '--listen', `127.0.0.1:${port}`, '--database-url', databaseUrl, '--log-level', 'warn'],
    ...['--admin-token-file', file('admin-token'), '--gateway-token-file', file('gateway-token')],
    ...['--replication-token-file', file('replication-token'), '--routing-secret-file', file('routing-secret')],
  ])
  const url = `http://127.0.0.1:${port}`
  await untilReady(`${url}/readyz`)
  return { ...part, url, token: readFileSync(file('replication-token'), 'utf8').trim() }
}

interface Targets {
  readonly iam: Part
  readonly control: Part
}

async function startMonolith(databaseUrl: string, scratch: string, { iam, control }: Targets): Promise<Part> {
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const part = startPart('monolith', [
    ...['monolith', '--listen', `127.0.0.1:${port}`, '--issuer', url, '--database-url', databaseUrl],
    ...['--data-dir', join(scratch, 'monolith'), '--iam-internal-url', iam.url],
    ...['--internal-token-file', join(scratch, 'iam/iam-internal-token'), '--control-url', control.url],
    ...['--control-token-file', join(scratch, 'replication-token'), '--log-level', 'info'],
  ])
  await untilReady(`${url}/`)
  return { ...part, url, token: '' }
}

/** The rate at which documents are accepted one by one, eight at a time, as before there were batches. */
async function oneByOne({ url, token }: Part, name: 'iam' | 'control'): Promise<number> {
  const ids = Array.from({ length: SINGLY }, (_, at) => 500_000_000 + at).values()
  const send = async (id: number) => {
    const application = {
      ...{ id, client_id: `single-${id}`, name: `Application ${id}`, secret_digest: 'ab'.repeat(64) },
      ...{ redirect_uris: ['https://client.example.com/oauth/callback'], scopes: ['api', 'read_user'] },
      ...{ confidential: true, trusted: false, version: 1 },
    }
    const isIam = name === 'iam'
    const address = isIam ? `${url}/oauth2/internal/clients` : `${url}/api/v1/applications/${id}`
    const headers = isIam ? { 'gitlab-iam-auth-token': token } : { authorization: `Bearer ${token}` }
    const body = JSON.stringify(isIam ? application : { application, iam_version: null })
    const answer = await fetch(address, {
      ...{ method: 'PUT', body, headers: { ...headers, 'content-type': 'application/json' } },
    })
    if (answer.status !== 200) throw new Error(`PUT ${address}: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }
  const from = performance.now()
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const id of ids) await send(id)
    }),
  )
  return SINGLY / ((performance.now() - from) / 1_000)
}

interface FirstReplication {
  readonly target: string
  readonly seconds: number
  readonly perSecond: number
  readonly cpu: Readonly<Record<string, number>>
  readonly peaks: Readonly<Record<string, number>>
}

/** Waits until both targets have confirmed everything, and the control plane knows it of IAM. */
async function firstReplication(
  platform: Database,
  monolith: Part,
  applications: number,
  parts: readonly Part[],
): Promise<FirstReplication[]> {
  const from = performance.now()
  const cpuBefore = parts.map(({ pid }) => cpuMicroseconds(pid))
  const endedAt = new Map<string, number>()
  while (endedAt.size < 2) {
    if (performance.now() - from > LIMIT_MS) throw new Error('the first replication takes more than an hour')
    await sleep(500)
    const rows = await platform.query<{ target: string; count: number }>(
      `select d.target, count(*)::integer as count from monolith.outbox_deliveries d
        where d.delivered_version = 1 and (d.target = 'iam' or d.reported_version = 1) group by d.target`,
    )
    for (const { target, count } of rows) {
      if (count >= applications && !endedAt.has(target)) endedAt.set(target, performance.now())
    }
  }
  const refused = monolith.lines.filter(({ msg }) => msg === 'replication: an application was not delivered')
  if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused[0])}`)
  const cpu = parts.map(({ name, pid }, at) => {
    const spent = (cpuMicroseconds(pid) - (cpuBefore[at] ?? 0)) / applications
    return [name, name === 'monolith' ? spent / 2 : spent] as const
  })
  const peaks = parts.map(({ name, pid }) => [name, peakMegabytes(pid)] as const)
  return ['iam', 'control'].map((target) => {
    const seconds = ((endedAt.get(target) ?? 0) - from) / 1_000
    return {
      target,
      seconds,
      perSecond: applications / seconds,
      cpu: Object.fromEntries(cpu),
      peaks: Object.fromEntries(peaks),
    }
  })
}

/** Removes applications from IAM without its knowledge, in ten places. */
async function loseSome(iamUrl: string): Promise<number> {
  const database = await openDatabase({ kind: 'postgres', url: iamUrl })
  const rows = await database.query(
    `delete from iam.applications where id % 1000 < 10 and id < 500000000 and id / 1000 % 10 = 3 and id < 110000 returning id`,
  )
  await database.close()
  return rows.length
}

interface Comparison {
  readonly seconds: number
  readonly peaks: Readonly<Record<string, number>>
}

/** Starts the monolith, which compares at once, and waits until it has compared both targets. */
async function comparison(databaseUrl: string, scratch: string, targets: Targets, parts: Part[]): Promise<Comparison> {
  for (const { pid } of Object.values(targets)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const monolith = await startMonolith(databaseUrl, scratch, targets)
  parts.push(monolith)
  const from = performance.now()
  const compared = () => monolith.lines.filter(({ msg }) => msg === 'replication: reconciled')
  while (compared().length < 2) {
    if (performance.now() - from > LIMIT_MS) throw new Error('the comparison takes more than an hour')
    await sleep(50)
  }
  const seconds = (performance.now() - from) / 1_000
  for (const { target, held, ranges, fetched, resent } of compared()) {
    console.log(`${target}: ${held} held, ${fetched} of ${ranges} ranges fetched, ${resent} sent again`)
  }
  const peaks = [...Object.values(targets), monolith].map(({ name, pid }) => [name, peakMegabytes(pid)] as const)
  await monolith.stop()
  return { seconds, peaks: Object.fromEntries(peaks) }
}

function megabytes(name: string, [first]: readonly FirstReplication[], atMost: number): Figure {
  return { what: `peak of resident memory of ${name}`, value: first?.peaks[name] ?? 0, unit: 'MB', goal: { atMost } }
}

function report(figures: readonly Figure[], applications: number, json: string | undefined): void {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${arch()}`
  const about = { date: new Date().toISOString(), machine, node: process.version, applications }
  console.log(`\nreplication of ${applications} applications; ${machine}; Node ${process.version}; ${about.date}`)
  for (const { what, value, unit, goal } of figures) {
    const { atMost, atLeast } = goal ?? {}
    const isMissed = (atMost !== undefined && value > atMost) || (atLeast !== undefined && value < atLeast)
    const wanted = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`
    console.log(
      `${what}: ${value.toFixed(value < 100 ? 1 : 0)} ${unit}${goal ? ` (goal ${wanted}${isMissed ? ', MISSED' : ''})` : ''}`,
    )
    if (isMissed) process.exitCode = 1
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ ...about, figures }, null, 2)}\n`)
}
