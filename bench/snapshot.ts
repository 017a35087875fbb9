import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findPostgres, startPrivatePostgres } from '../scripts/private-postgres.ts'
import { MIGRATIONS } from '../src/control-plane/index.ts'
import { migrate, openDatabase } from '../src/storage/index.ts'
import { freePorts } from '../test/support/ports.ts'
import { scratchDirectory } from '../test/support/scratch.ts'
import { startControlProcess } from './control-process.ts'
import type { GatewayFigures, GatewayPlan } from './snapshot/gateway.ts'
import type { LoopFigures } from './snapshot/loop-watch.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const STREAM = '/api/v1/snapshot/stream'
const FORMATS = { 1: 'application/x-ndjson', 2: 'application/vnd.handover.snapshot' } as const
const LOAD_LIMIT_MS = 300_000
const FILLED_AT_ONCE = 20_000

/**
 * Measures what a gateway pays for a snapshot of many applications: transfer from a real control plane on PostgreSQL,
 * memory, decisions, the file on disk, and the bytes of a flip and of a change of percentage.
 */
export async function benchSnapshot(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      applications: { type: 'string', default: '1000000' },
      actors: { type: 'string', default: '100000' },
    },
  })
  const [applications, actors] = [Number(values.applications), Number(values.actors)]
  const binaries = findPostgres()
  if (binaries === undefined) throw new Error('this needs a PostgreSQL server on the machine')
  const scratch = scratchDirectory('snapshot')
  const postgres = await startPrivatePostgres(binaries)
  const children: ChildProcess[] = []
  try {
    await fill(postgres.url, applications, actors)
    const [port = 0] = await freePorts(1)
    const where = { databaseUrl: postgres.url, directory: scratch.path, limitMs: LOAD_LIMIT_MS }
    const plane = await startControlProcess(port, where, children)
    const token = readFileSync(join(scratch.path, 'admin-token'), 'utf8').trim()
    const transfers = [await transferOf(plane.url, token, 1), await transferOf(plane.url, token, 2)] as const
    const tokenFile = join(scratch.path, 'gateway-token')
    const figures = await measureGateway(
      { url: plane.url, tokenFile, stateFile: join(scratch.path, 'snapshot'), applications },
      children,
    )
    const changes = await changesOf(plane.url, token)
    report({ applications, actors, transfers, figures, changes })
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await postgres.stop()
    scratch.remove()
  }
}

/** Fills the tables of a control plane that has not started yet. */
async function fill(databaseUrl: string, applications: number, actors: number): Promise<void> {
  const database = await openDatabase({ kind: 'postgres', url: databaseUrl })
  try {
    await migrate(database, 'control', MIGRATIONS)
    for (let from = 1; from <= applications; from += FILLED_AT_ONCE) {
      await database.query(
        `insert into control.applications (id, client_id, document, version, iam_version, is_removed)
          select id, encode(sha256(id::text::bytea), 'hex'), jsonb_build_object('name', 'Application ' || id), 1, 1, false
            from generate_series($1::bigint, $2::bigint) as id`,
        [from, Math.min(applications, from + FILLED_AT_ONCE - 1)],
      )
    }
    await database.query(
      `insert into control.flags (environment, name, state, version) values ('production', $1, $2, 0)`,
      [FLAG, JSON.stringify(stateWith(actors))],
    )
  } finally {
    await database.close()
  }
}

function stateWith(actors: number) {
  const listed = Array.from({ length: actors }, (_, n) => `Authn::OauthApplication:${n * 2 + 1}`).sort()
  const gates = { boolean: false, actors: listed, percentage_of_actors: 50, percentage_of_time: 0 }
  return { ...gates, feature_groups: [], opted_out: [] }
}

/** Opens a stream; `heard` is called with each piece. */
async function openStream(url: string, token: string, format: 1 | 2, heard: (bytes: Buffer) => void) {
  const headers = { authorization: `Bearer ${token}`, accept: FORMATS[format] }
  const response = await new Promise<IncomingMessage>((done, fail) => {
    get(`${url}${STREAM}`, { headers }, done).on('error', fail)
  })
  return response.on('error', () => {}).on('data', heard)
}

/** The bytes of a whole snapshot, and the time until they have arrived. */
async function transferOf(url: string, token: string, format: 1 | 2): Promise<{ bytes: number; ms: number }> {
  const began = performance.now()
  let bytes = 0
  let end = ''
  const done = Promise.withResolvers<void>()
  const stream = await openStream(url, token, format, (piece) => {
    bytes += piece.length
    end = (end + piece.subarray(-200).toString('latin1')).slice(-200)
    if (end.includes('{"type":"end"')) done.resolve()
  })
  await done.promise
  const ms = performance.now() - began
  stream.destroy()
  return { bytes, ms }
}

async function measureGateway(plan: GatewayPlan, children: ChildProcess[]): Promise<GatewayFigures> {
  const child = fork(join(import.meta.dirname, 'snapshot/gateway.ts'), [JSON.stringify(plan)], {
    execArgv: ['--expose-gc'],
  })
  children.push(child)
  const [figures] = (await once(child, 'message', { signal: AbortSignal.timeout(LOAD_LIMIT_MS) })) as [GatewayFigures]
  return figures
}

/** The bytes of the lines that a flip and a change of percentage send, in each format. */
async function changesOf(url: string, token: string) {
  const followed = [await followChanges(url, token, 1), await followChanges(url, token, 2)] as const
  const bytesOf = async (body: object) => {
    const lines = followed.map(({ next }) => next())
    await set(url, token, body)
    const [format1 = 0, format2 = 0] = await Promise.all(lines)
    return { format1, format2 }
  }
  const flip = await bytesOf({ value: 'true', oauth_application: '2' })
  const percentage = await bytesOf({ value: '51', key: 'percentage_of_actors' })
  for (const { stream } of followed) stream.destroy()
  return { flip, percentage }
}

/** Follows a stream behind its snapshot; `next` resolves with the bytes of the next change. */
async function followChanges(url: string, token: string, format: 1 | 2) {
  let line = ''
  let heard: (line: string) => void = () => {}
  const take = (text: string) => {
    const [first = '', ...others] = text.split('\n')
    line += first
    for (const other of others) {
      heard(line)
      line = other
    }
    // Rows and blocks are not kept; the end of a snapshot follows the bytes of a block without a newline.
    if (!line.startsWith('{"type":"change"')) line = line.slice(-200)
  }
  const until = (type: string) =>
    new Promise<number>((done) => {
      heard = (each) => each.includes(`{"type":"${type}"`) && done(each.length + 1)
    })
  const ended = until('end')
  const stream = await openStream(url, token, format, (piece) => take(piece.toString('latin1')))
  await ended
  return { stream, next: () => until('change') }
}

async function set(url: string, token: string, body: object): Promise<void> {
  const headers = { 'private-token': token, 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(60_000) }
  const answer = await fetch(`${url}/api/v4/features/${FLAG}`, init)
  if (!answer.ok) throw new Error(`${answer.status} ${(await answer.text()).slice(0, 300)}`)
}

interface Measured {
  readonly applications: number
  readonly actors: number
  readonly transfers: readonly [{ bytes: number; ms: number }, { bytes: number; ms: number }]
  readonly figures: GatewayFigures
  readonly changes: Awaited<ReturnType<typeof changesOf>>
}

/** Prints one line for each figure, with its goal at a million applications, and all of them as JSON. */
function report({ applications, actors, transfers, figures, changes }: Measured): void {
  const [text, blocks] = transfers
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`
  console.log(`${applications} applications, ${actors} actors, ${machine}, ${new Date().toISOString()}\n`)
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
  const ms = (value: number) => `${value.toFixed(0)} ms`
  const loop = ({ wallMs, cpuMs, longestWallMs, longestCpuMs }: LoopFigures) =>
    `${ms(wallMs)} (${ms(cpuMs)} of CPU), longest block ${longestWallMs.toFixed(1)} ms (${longestCpuMs.toFixed(1)} of CPU)`
  const lines: Array<[string, string, string]> = [
    ['memory of an application', `${figures.bytesPerApplication.toFixed(1)} bytes`, '64'],
    ['a decision', `${figures.decideNs.toFixed(0)} ns`, '1,000'],
    ['a decision, with reading the facts', `${figures.factsAndDecideNs.toFixed(0)} ns`, ''],
    ['transfer, format 1', `${mb(text.bytes)} in ${ms(text.ms)}`, ''],
    ['transfer, format 2', `${mb(blocks.bytes)} in ${ms(blocks.ms)}`, '45 MB, 3,000 ms'],
    ['receiving it in a gateway', loop(figures.received), '3,000 ms, 20 ms'],
    ['writing it to disk', `${mb(figures.fileBytes)}, ${loop(figures.kept)}`, '20 ms'],
    ['loading it from disk', loop(figures.loaded), '1,000 ms, 20 ms'],
    ['a flip sends', `${changes.flip.format2} bytes (format 1: ${changes.flip.format1})`, '1,000'],
    [
      'a change of percentage sends',
      `${changes.percentage.format2} bytes (format 1: ${changes.percentage.format1})`,
      'no list',
    ],
  ]
  for (const [what, value, goal] of lines) {
    console.log(`${what.padEnd(36)} ${value}${goal && `   goal: ${goal}`}`)
  }
  console.log(
    `\n${JSON.stringify({ applications, actors, machine, at: new Date().toISOString(), transfers, ...figures, changes })}`,
  )
}
