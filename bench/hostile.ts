import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { freePortRange } from '../test/support/ports.ts'
import { startProgram } from '../test/support/program.ts'
import { scratchDirectory } from '../test/support/scratch.ts'
import { untilReady } from '../test/support/wait.ts'
import { HOSTILE_INPUTS, HOSTILE_PATHS, type HostileInput } from './hostile/inputs.ts'

const ROOT = resolve(import.meta.dirname, '..')
/** The most CPU time that one request may take of a server's only thread. */
const LIMIT_MS = 5
const LIMIT_US = LIMIT_MS * 1_000
/** Warm-up: code that is not compiled yet would be counted, although real requests do not pay for it. */
const WARM_UPS = 3
/** How many attempts a request that seems to take too long has before it counts. */
const MORE_TRIES = 5

/** An endpoint that needs no authentication. */
interface Door {
  readonly server: string
  readonly url: string
  readonly meter: Meter
  readonly paths: { readonly GET: string; readonly POST: string }
  readonly headers: Readonly<Record<string, string>>
}

interface Sample {
  readonly door: Door
  readonly name: string
  /** CPU time beyond a plain request, in multiples of the fixed piece of work. */
  readonly works: number
  readonly status: number
}

/**
 * Measures how much longer each hostile input occupies the main thread of gateway, IAM, monolith and control plane than
 * a plain request of the same size: CPU time of that thread from before a request to its response, both in turns, the
 * minimum of several attempts, because other work of the process only adds to it. Each is divided by the CPU time of a
 * fixed piece of work just before it, and multiplied by the least that the work took in the whole run, so that a machine
 * that is busy with other processes does not make requests look slow. Sets the exit code to 1 if one takes more than
 * 5 ms.
 */
export async function benchHostile(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tries: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      server: { type: 'string', default: '' },
      'port-base': { type: 'string' },
    },
  })
  const scratch = scratchDirectory('hostile')
  const base = Number(values['port-base'] ?? (await freePortRange(7)))
  const meters = join(scratch.path, 'meters')
  mkdirSync(meters)
  const data = join(scratch.path, 'data')
  const seed = join(ROOT, 'test', 'fixtures', 'seed.json')
  const up = ['up', '--data-dir', data, '--port-base', String(base), '--seed', seed, '--no-demo', '--test-controls']
  const program = await startProgram({
    command: process.execPath,
    args: [join(ROOT, 'src', 'main.ts'), ...up],
    env: {
      METER_DIRECTORY: meters,
      NODE_OPTIONS: `--import=${new URL('./hostile/meter.ts', import.meta.url).href}`,
    },
  })
  try {
    await untilReady(`http://127.0.0.1:${base + 1}/readyz`)
    await untilReady(`http://127.0.0.1:${base + 5}/readyz`)
    const token = readFileSync(join(data, 'admin-token'), 'utf8').trim()
    const doors = await openDoors(base, meters, program.pid, token)
    const samples: Sample[] = []
    for (const door of doors.filter(({ server }) => server.includes(values.server))) {
      samples.push(...(await measureDoor(door, base, Number(values.tries), values.only)))
    }
    report(samples)
    for (const { meter } of doors) meter.close()
  } finally {
    await program.stop()
    scratch.remove()
  }
}

/** All parts but the gateway share a process; a request occupies only one of them. */
async function openDoors(base: number, meters: string, pid: number, token: string): Promise<Door[]> {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/)
  const main = await Meter.open(join(meters, `${pid}.sock`))
  // The engines of its databases are children too.
  const gatewayPid = children.find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('\0gateway\0'))
  const gateway = gatewayPid && (await Meter.open(join(meters, `${gatewayPid}.sock`)))
  if (!gateway) throw new Error('the gateway has no process of its own')
  const at = (offset: number) => `http://127.0.0.1:${base + offset}`
  const oauth = { GET: '/oauth/authorize', POST: '/oauth/token' }
  const none = {}
  const control = { 'private-token': token }
  const flag = '/api/v4/features/proxy_oauth_requests_to_iam_service'
  const explain = { GET: '/api/v4/features', POST: '/api/v1/explain' }
  return [
    { server: 'gateway token', url: at(0), meter: gateway, paths: oauth, headers: none },
    {
      ...{ server: 'gateway introspect', url: at(0), meter: gateway, headers: none },
      paths: { GET: '/oauth/userinfo', POST: '/oauth/introspect' },
    },
    { server: 'gateway other', url: at(0), meter: gateway, paths: { GET: '/', POST: '/users/sign_in' }, headers: none },
    { server: 'iam token', url: at(3), meter: main, paths: oauth, headers: none },
    {
      ...{ server: 'iam device', url: at(3), meter: main, headers: none },
      paths: { GET: '/oauth/userinfo', POST: '/oauth/authorize_device' },
    },
    { server: 'monolith token', url: at(5), meter: main, paths: oauth, headers: none },
    {
      ...{ server: 'monolith sign-in', url: at(5), meter: main, headers: none },
      paths: { GET: '/users/sign_in', POST: '/users/sign_in' },
    },
    { server: 'control flag', url: at(2), meter: main, paths: { GET: '/', POST: flag }, headers: control },
    { server: 'control explain', url: at(2), meter: main, paths: explain, headers: control },
    {
      ...{ server: 'control forward_auth', url: at(2), meter: main, headers: control },
      paths: { GET: '/-/oauth/forward_auth', POST: '/-/oauth/forward_auth' },
    },
    {
      ...{ server: 'control Slack', url: at(2), meter: main, headers: none },
      paths: { GET: '/console/', POST: '/api/v1/chatops/slack' },
    },
  ]
}

async function measureDoor(door: Door, base: number, tries: number, only: string): Promise<Sample[]> {
  const samples: Sample[] = []
  const paths = HOSTILE_PATHS.map((path) => ({ name: `path: ${path.slice(0, 30)}`, method: 'GET' as const, path }))
  for (const input of [...HOSTILE_INPUTS, ...paths]) {
    if (!input.name.includes(only)) continue
    let sample = await measure(door, input, tries)
    if (sample.status === 429) {
      // Rate limits of callers are not what is measured.
      await send(`http://127.0.0.1:${base}/__lab/reset`, { name: 'reset' }, {})
      sample = await measure(door, input, tries)
    }
    samples.push(sample)
    if (milliseconds(sample) > LIMIT_MS) console.log(lineOf(sample))
  }
  return samples
}

async function measure(door: Door, input: HostileInput & { readonly path?: string }, tries: number): Promise<Sample> {
  const path = input.path ?? door.paths[input.method ?? 'POST']
  const url = `${door.url}${path}${input.query === undefined ? '' : `?${input.query}`}`
  const plain: HostileInput = {
    name: 'plain',
    method: input.method ?? 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: 'x'.repeat(Buffer.byteLength(input.body ?? '')),
  }
  const plainUrl = door.url + door.paths[input.method ?? 'POST']
  let status = 0
  for (let count = 0; count < WARM_UPS; count++) status = await send(url, input, door.headers)
  let taken = Number.POSITIVE_INFINITY
  let needed = Number.POSITIVE_INFINITY
  const isSlow = () => (taken - needed) * quickestWork > LIMIT_US
  for (let count = 0; count < tries || (isSlow() && count < tries * MORE_TRIES); count++) {
    const work = await door.meter.timeOfWork()
    quickestWork = Math.min(quickestWork, work)
    needed = Math.min(needed, (await timeOf(door, () => send(plainUrl, plain, door.headers))) / work)
    taken = Math.min(taken, (await timeOf(door, () => send(url, input, door.headers))) / work)
  }
  return { door, name: input.name, works: taken - needed, status }
}

/** The least CPU time that the fixed piece of work has taken, in microseconds. */
let quickestWork = Number.POSITIVE_INFINITY

function milliseconds({ works }: Sample): number {
  return (works * quickestWork) / 1_000
}

async function timeOf(door: Door, run: () => Promise<unknown>): Promise<number> {
  const before = await door.meter.read()
  await run()
  return (await door.meter.read()) - before
}

/** Sends it on its own connection; resolves to the status once the response is complete, or to 0 without one. */
function send(url: string, input: HostileInput, headers: Readonly<Record<string, string>>): Promise<number> {
  const { method = 'POST', body = '' } = input
  const bytes = Buffer.from(body)
  const length = method === 'POST' ? { 'content-length': String(bytes.length) } : {}
  return new Promise((done) => {
    const options = { method, agent: false, headers: { ...length, ...headers, ...input.headers } }
    const sent = request(url, options, (answer) => {
      answer
        .on('end', () => done(answer.statusCode ?? 0))
        .on('error', () => done(0))
        .resume()
    })
    sent.on('error', () => done(0)).end(bytes)
  })
}

function report(samples: readonly Sample[]): void {
  const worst = samples.toSorted((one, other) => other.works - one.works)
  const over = worst.filter((sample) => milliseconds(sample) > LIMIT_MS)
  console.log(
    `\nA fixed piece of work took ${(quickestWork / 1_000).toFixed(2)} ms at least. CPU time of the main thread beyond a plain request of the same size, the slowest of ${samples.length}:\n`,
  )
  for (const sample of worst.slice(0, Math.max(15, over.length))) console.log(lineOf(sample))
  console.log(
    over.length === 0 ? `\nNone took more than ${LIMIT_MS} ms.` : `\n${over.length} took more than ${LIMIT_MS} ms.`,
  )
  if (over.length > 0) process.exitCode = 1
}

function lineOf(sample: Sample): string {
  const { door, name, status } = sample
  return `${milliseconds(sample).toFixed(1).padStart(7)} ms  ${door.server.padEnd(20)} ${name} (${status || 'no answer'})`
}

/** What a measured process reports about its main thread. */
class Meter {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  static async open(path: string): Promise<Meter> {
    const socket = connect(path)
    await once(socket, 'connect')
    return new Meter(socket)
  }

  /** CPU time so far, in microseconds. */
  read(): Promise<number> {
    return this.#ask('?')
  }

  /** CPU time that a fixed piece of work takes now, in microseconds. */
  async timeOfWork(): Promise<number> {
    const before = await this.read()
    await this.#ask('!')
    return (await this.read()) - before
  }

  async #ask(question: string): Promise<number> {
    this.#socket.write(question)
    const [answer] = (await once(this.#socket, 'data')) as [Buffer]
    return Number(answer.toString())
  }

  close(): void {
    this.#socket.destroy()
  }
}
