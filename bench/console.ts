import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type ClientRequest, get } from 'node:http'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ChangeCollector } from '../console/src/live/change-collector.ts'
import { findPostgres, startPrivatePostgres } from '../scripts/private-postgres.ts'
import { MIGRATIONS } from '../src/control-plane/index.ts'
import { type Database, migrate, openDatabase, type Queryable } from '../src/storage/index.ts'
import { freePorts } from '../test/support/ports.ts'
import { scratchDirectory } from '../test/support/scratch.ts'
import { untilReady } from '../test/support/wait.ts'
import { writeYearOfChanges } from './console/history.ts'
import { measurePages, prepareConsole } from './console/pages.ts'
import { cpuMicroseconds, peakMegabytes, residentMegabytes } from './process-cpu.ts'

const ROOT = resolve(import.meta.dirname, '..')
const SCHEMA = 'control'
/** How many applications have traffic, however many there are. */
const MOST_ACTIVE = 100_000
const ROLLOUTS = 20
const CHANGES_PER_YEAR = 20_000
const CHANGES_PER_SECOND = 4
const WARM_UP_MS = 5_000
const FILL_LIMIT_MS = 10 * 60_000
const GOALS = { corePercent: 10, p95Ms: 200, megabytes: 1_024 }
const FLAG = 'proxy_oauth_requests_to_iam_service'

/**
 * Measures what open consoles cost a control plane on PostgreSQL with many applications, of which up to 100,000 have
 * traffic, 20 rollouts and a year of changes: the CPU of the event streams, with and without changes, how long pages and
 * searches of the list take, the memory, and then the pages themselves in a browser.
 */
export async function benchConsole(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      applications: { type: 'string', default: '100000' },
      streams: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '20' },
      'lists-only': { type: 'boolean', default: false },
      ...{ 'page-changes': { type: 'string', default: '200' }, only: { type: 'string', default: 'all' } },
    },
  })
  const applications = Number(values.applications)
  const binaries = findPostgres()
  if (binaries === undefined) throw new Error('this needs a PostgreSQL server on the machine')
  await prepareConsole()
  const scratch = scratchDirectory('console-bench')
  const postgres = await startPrivatePostgres(binaries)
  const database = await openDatabase({ kind: 'postgres', url: postgres.url })
  let plane: Plane | undefined
  try {
    await register(database, applications)
    plane = await startPlane(postgres.url, scratch.path)
    await createRollouts(plane)
    console.log(
      `control plane with ${applications} applications, started: ${residentMegabytes(plane.pid).toFixed(0)} MB`,
    )
    const only = values['lists-only'] ? 'lists' : values.only
    const isMeasured = (part: string) => only === 'all' || only === part
    const parts = [
      !isMeasured('streams') || (await measureStreams(plane, Number(values.streams), Number(values.seconds))),
      !isMeasured('lists') || (await measureLists(plane)),
      judged('peak of resident memory', peakMegabytes(plane.pid), GOALS.megabytes, 'MB'),
      !isMeasured('pages') || (await measurePages(plane, Number(values['page-changes']), judged)),
    ]
    if (!parts.every(Boolean)) process.exitCode = 1
  } finally {
    await plane?.stop()
    await database.close()
    await postgres.stop()
    scratch.remove()
  }
}

interface Plane {
  readonly url: string
  readonly pid: number
  readonly token: string
  stop(): Promise<void>
}

async function register(database: Database, applications: number): Promise<void> {
  await migrate(database, SCHEMA, MIGRATIONS)
  await database.transaction((tx) => fill(tx, applications), FILL_LIMIT_MS)
  await database.query(`analyze ${SCHEMA}.outcome_hours, ${SCHEMA}.applications`)
  await writeYearOfChanges(database, SCHEMA, CHANGES_PER_YEAR, FLAG)
}

async function fill(tx: Queryable, applications: number): Promise<void> {
  await tx.query(
    `insert into ${SCHEMA}.applications (id, client_id, document, version, iam_version, is_removed)
      select id, md5(id::text), jsonb_build_object('name', 'Application ' || md5((id * 7)::text)), 1, 1, false
        from generate_series(1, $1::integer) as id`,
    [applications],
  )
  // Four hours of a day in which each application has flows of three sorts.
  await tx.query(
    `insert into ${SCHEMA}.outcome_hours (hour, application_id, sort, environment, count)
      select (extract(epoch from now()) / 3600)::integer - 3 - hour, id, sort, 'production', 1 + id % 50
        from generate_series(1, $1::integer) as id, generate_series(0, 3) as hour, unnest('{0,2,64}'::smallint[]) as sort`,
    [Math.min(applications, MOST_ACTIVE)],
  )
  await tx.query(`update ${SCHEMA}.outcome_store set unsummed_hour = (extract(epoch from now()) / 3600)::integer - 1`)
}

async function createRollouts({ url, token }: Plane): Promise<void> {
  const headers = { 'private-token': token, 'content-type': 'application/json' }
  for (let number = 1; number <= ROLLOUTS; number++) {
    const steps = [{ sample: 'one_per_cohort' }, { percentage: 10 }, { percentage: 50 }, { percentage: 100 }]
    const plan = { version: 1, name: `wave-${number}`, flag: FLAG, environment: 'production', steps }
    const body = JSON.stringify({ plan, reason: 'Measured' })
    const answer = await fetch(`${url}/api/v1/rollouts`, { method: 'POST', headers, body })
    if (answer.status !== 201) throw new Error(`no rollout was created: ${answer.status} ${await answer.text()}`)
  }
}

async function startPlane(databaseUrl: string, scratch: string): Promise<Plane> {
  const [port] = await freePorts(1)
  const file = (name: string) => join(scratch, name)
  const child: ChildProcess = spawn(
    process.execPath,
    [
      ...[join(ROOT, 'src/main.ts'), 'control', '--listen', `127.0.0.1:${port}`, '--database-url', databaseUrl],
      ...['--admin-token-file', file('admin-token'), '--gateway-token-file', file('gateway-token')],
      ...['--replication-token-file', file('replication-token'), '--routing-secret-file', file('routing-secret')],
      ...['--log-level', 'error'],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  const url = `http://127.0.0.1:${port}`
  await untilReady(`${url}/readyz`)
  const token = readFileSync(file('admin-token'), 'utf8').trim()
  const stop = async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return { url, pid: child.pid ?? 0, token, stop }
}

/** Returns whether the goal is met. The CPU of the changes themselves is measured without streams and subtracted. */
async function measureStreams(plane: Plane, count: number, seconds: number): Promise<boolean> {
  await changing(plane, 4)
  await sleep(WARM_UP_MS)
  const alone = await share(plane, () => changing(plane, seconds))
  let messages = 0
  // A token may have 20 streams.
  const tokens = await Promise.all(Array.from({ length: Math.ceil(count / 20) }, (_, index) => viewer(plane, index)))
  const placeOf = (index: number): Plane => ({ ...plane, token: tokens[Math.floor(index / 20)] ?? plane.token })
  const streams = await Promise.all(
    Array.from({ length: count }, (_, index) => openStream(placeOf(index), () => messages++)),
  )
  await sleep(WARM_UP_MS)
  const idle = await share(plane, () => sleep(seconds * 1_000))
  messages = 0
  const busy = await share(plane, () => changing(plane, seconds))
  for (const stream of streams) stream.destroy()
  await sleep(WARM_UP_MS)
  let overviews = 0
  const readers = await Promise.all(
    Array.from({ length: count }, (_, index) => openReader(placeOf(index), () => overviews++)),
  )
  await sleep(WARM_UP_MS)
  overviews = 0
  const reading = await share(plane, () => changing(plane, seconds))
  for (const stream of readers) stream.destroy()
  console.log(`${CHANGES_PER_SECOND} changes a second without streams: ${alone.toFixed(1)} % of one core`)
  console.log(`${count} streams without changes: ${idle.toFixed(1)} % of one core`)
  console.log(`${count} streams with the changes: ${busy.toFixed(1)} %, ${messages} pieces received in ${seconds} s`)
  console.log(`${count} consoles that read the overview: ${reading.toFixed(1)} %, ${overviews} overviews`)
  const ofStreams = `${count} streams, without the changes themselves`
  const ofConsoles = `${count} consoles on the overview, without the changes themselves`
  const isStreamCheap = judged(ofStreams, busy - alone, GOALS.corePercent, '% of one core')
  return judged(ofConsoles, reading - alone, GOALS.corePercent, '% of one core') && isStreamCheap
}

async function viewer({ url, token }: Plane, index: number): Promise<string> {
  const headers = { 'private-token': token, 'content-type': 'application/json' }
  const body = JSON.stringify({ role: 'viewer', name: `viewer-${index}` })
  const answer = await fetch(`${url}/api/v1/tokens`, { method: 'POST', headers, body })
  if (answer.status !== 201) throw new Error(`the token was not created: ${answer.status} ${await answer.text()}`)
  return ((await answer.json()) as { readonly token: string }).token
}

/** Switches the flag of one application, at a steady rate. */
async function changing(plane: Plane, seconds: number): Promise<void> {
  const from = performance.now()
  for (let count = 0; count < seconds * CHANGES_PER_SECOND; count++) {
    await sleep(Math.max(0, from + (count * 1_000) / CHANGES_PER_SECOND - performance.now()))
    const body = new URLSearchParams({ value: String(count % 2 === 0), oauth_application: '1' })
    const headers = { 'private-token': plane.token }
    const answer = await fetch(`${plane.url}/api/v4/features/${FLAG}`, { method: 'POST', headers, body })
    if (answer.status !== 201) throw new Error(`the flag was not changed: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }
}

/** The CPU time of the control plane during some work, as a percentage of one core. */
async function share({ pid }: Plane, work: () => Promise<unknown>): Promise<number> {
  const [cpu, from] = [cpuMicroseconds(pid), performance.now()]
  await work()
  return (cpuMicroseconds(pid) - cpu) / ((performance.now() - from) * 10)
}

function openStream({ url, token }: Plane, heard: (text: string) => void): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const headers = { 'private-token': token }
    const stream = get(`${url}/api/v1/events?environment=production`, { headers, agent: false }, (answer) => {
      if (answer.statusCode !== 200) return reject(new Error(`the stream was refused: ${answer.statusCode}`))
      answer
        .setEncoding('utf8')
        .on('data', heard)
        .on('error', () => {})
      resolve(stream)
    })
    stream.on('error', reject)
  })
}

/** A stream that reads the overview when something has changed, at the pace of the console. */
function openReader(plane: Plane, read: () => void): Promise<ClientRequest> {
  let isReading = false
  const collector = new ChangeCollector(() => {
    if (isReading) return
    isReading = true
    fetch(`${plane.url}/api/v1/overview`, { headers: { 'private-token': plane.token } })
      .then((answer) => answer.arrayBuffer())
      .then(read, () => {})
      .finally(() => {
        isReading = false
      })
  })
  return openStream(plane, (text) => {
    if (text.includes('event: changed')) collector.add(['status'])
  })
}

const LISTS = [
  { what: 'first page by trouble', queries: () => ['sort=trouble&limit=100'] },
  { what: 'first page by name', queries: () => ['sort=name&limit=100'] },
  { what: 'first page by traffic, on rails', queries: () => ['sort=traffic&side=rails&limit=100'] },
  {
    what: 'search by trouble, different at each key',
    queries: () => ['a', 'ab', 'ab1', 'ab12', 'application f'].map((text) => `sort=trouble&limit=100&search=${text}`),
  },
] as const

/** Returns whether every list is read within the goal at p95. A flag is changed in between, as on a day of moves. */
async function measureLists(plane: Plane): Promise<boolean> {
  const verdicts: boolean[] = []
  for (const { what, queries } of LISTS) {
    const times: number[] = []
    for (let round = 0; round < 40; round++) {
      if (round % 10 === 9) await changing(plane, 0.25)
      for (const query of queries()) {
        const from = performance.now()
        const answer = await fetch(`${plane.url}/api/v1/applications?${query}`, {
          headers: { 'private-token': plane.token },
        })
        const { applications } = (await answer.json()) as { applications: unknown[] }
        if (applications.length === 0) throw new Error(`${query} selected nothing`)
        times.push(performance.now() - from)
      }
    }
    times.sort((a, b) => a - b)
    const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0
    console.log(`${what}: p50 ${at(0.5).toFixed(0)} ms, slowest ${at(1).toFixed(0)} ms`)
    verdicts.push(judged(`${what}, p95`, at(0.95), GOALS.p95Ms, 'ms'))
  }
  return verdicts.every(Boolean)
}

function judged(what: string, value: number, goal: number, unit: string): boolean {
  const isMet = value <= goal
  console.log(`${what}: ${value.toFixed(1)} ${unit} (goal ${goal} ${unit}${isMet ? '' : ', MISSED'})`)
  return isMet
}
