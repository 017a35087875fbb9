import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { findPostgres, type PrivatePostgres, startPrivatePostgres } from '../../scripts/private-postgres.ts'
import { type RunningGateway, startGateway } from '../../src/gateway/index.ts'
import { createLog, silentLog } from '../../src/observability/index.ts'
import { type Database, type DatabaseLocation, openDatabase } from '../../src/storage/index.ts'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../support/control-plane.ts'
import { freePorts } from '../support/ports.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { openSwitchableDoor, type SwitchableDoor } from '../support/switchable-door.ts'
import { eventually, WAIT_LIMIT_MS } from '../support/wait.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const SCHEMA = 'control'

/** Starts a side that identifies itself in its answers. */
async function startSide(name: string): Promise<Server> {
  const server = createServer((_request, response) => void response.end(name))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** A control plane on a database that loses commits, and gateways that follow it. */
class Platform {
  readonly scratch = scratchDirectory('lost-history')
  readonly lines: string[] = []
  readonly log = createLog('control', { destination: { write: (text) => void this.lines.push(text) } })
  readonly gateways: RunningGateway[] = []
  #sides: Server[] = []
  #port = 0
  #database: Database | undefined
  plane: TestControlPlane | undefined

  async open(): Promise<void> {
    this.#sides = [await startSide('legacy'), await startSide('iam')]
    this.#port = (await freePorts(1))[0] ?? 0
  }

  async start(location: DatabaseLocation): Promise<TestControlPlane> {
    this.#database = await openDatabase(location)
    this.plane = await startTestControlPlane(this.#database, {
      ...{ schema: SCHEMA, directory: this.scratch.path, log: this.log },
      listen: { host: '127.0.0.1', port: this.#port },
    })
    return this.plane
  }

  async stop(): Promise<void> {
    await this.plane?.close()
    await this.#database?.close()
    this.plane = undefined
    this.#database = undefined
  }

  async gateway(name: string): Promise<RunningGateway> {
    const [legacy, iam] = this.#sides
    assert.ok(legacy && iam && this.plane)
    const gateway = await startGateway(
      {
        ...{ listen: { host: '127.0.0.1', port: 0 }, legacyUrl: urlOf(legacy), iamUrl: urlOf(iam) },
        source: {
          ...{ kind: 'control', url: this.plane.url, token: this.plane.gatewayToken, environment: 'production' },
          stateFile: join(this.scratch.path, `${name}.ndjson`),
          identity: { instance: `instance-${name}`, name, version: '1.2.3', commit: undefined },
        },
        limits: { drainMs: 100 },
      },
      silentLog,
    )
    this.gateways.push(gateway)
    return gateway
  }

  /** The side that answers a new flow of an application at every gateway, when they agree. */
  async side(application: number): Promise<string> {
    const answers = this.gateways.map(async ({ url }) =>
      (await fetch(`${url}/oauth/authorize?client_id=client-${application}`)).text(),
    )
    return [...new Set(await Promise.all(answers))].join(' and ')
  }

  async becomes(application: number, side: string): Promise<void> {
    await eventually(`application ${application} is at ${side}`, async () => (await this.side(application)) === side)
  }

  set(application: number, isOn: boolean): Promise<void> {
    return this.write('POST', `/api/v4/features/${FLAG}`, { value: String(isOn), oauth_application: `${application}` })
  }

  async write(method: string, path: string, form: Record<string, string>): Promise<void> {
    await eventually(`${method} ${path} is taken`, async () => {
      const { status } = (await this.plane?.ask(method, path, { form })) ?? { status: 0 }
      return status >= 200 && status < 300
    })
  }

  async brake(on: boolean): Promise<void> {
    await eventually('the brake is set', async () => {
      const json = { on, reason: 'an incident' }
      return (await this.plane?.ask('PUT', '/api/v1/brake', { json }))?.status === 200
    })
  }

  /** Waits until no gateway has a lost version: gateways do what the control plane says. */
  async isHealed(): Promise<void> {
    await this.brake(true)
    for (const application of [1, 2, 3]) await this.becomes(application, 'legacy')
    await this.brake(false)
    await this.becomes(1, 'iam')
    await this.becomes(2, 'legacy')
    await this.set(3, true)
    await this.becomes(3, 'iam')
    await eventually('every gateway is up to date', async () => {
      const { version, gateways } = ((await this.plane?.ask('GET', '/api/v1/gateways')) ?? { json: {} }).json
      const connected = gateways.filter((each: { connected: boolean }) => each.connected)
      return (
        connected.length === this.gateways.length &&
        connected.every(
          (each: Record<string, unknown>) => each['snapshot_version'] === version && each['behind_ms'] === 0,
        )
      )
    })
  }

  async isRecorded(): Promise<void> {
    const { json } = (await this.plane?.ask('GET', '/api/v1/audit?action=history.lost')) ?? {}
    assert.equal(json.entries.length, 1, 'the loss is noticed once and written down')
    assert.match(this.lines.join(''), /the database has lost changes/)
  }

  async end(): Promise<void> {
    for (const gateway of this.gateways) await gateway.close()
    await this.stop()
    for (const side of this.#sides) side.close().closeAllConnections()
    this.scratch.remove()
  }
}

/** Creates three applications that IAM has, with the flag on for the first. Returns when every gateway knows. */
async function begin(platform: Platform): Promise<void> {
  for (const id of [1, 2, 3]) assert.equal((await platform.plane?.announce(testApplication(id)))?.status, 200)
  await platform.set(1, true)
  await platform.gateway('one')
  await platform.gateway('two')
  await platform.becomes(1, 'iam')
}

/** Makes two changes that will be lost: the second application moves, the first returns. */
async function changesToLose(platform: Platform): Promise<void> {
  await platform.set(2, true)
  await platform.set(1, false)
  await platform.becomes(2, 'iam')
  await platform.becomes(1, 'legacy')
}

const binaries = findPostgres()

describe('a standby that lacks the last commits takes over', {
  skip: binaries === undefined && 'no PostgreSQL',
}, () => {
  for (const isRestarted of [false, true]) {
    test(`${isRestarted ? 'while the control plane is restarted' : 'under a running control plane'}: the brake works, and no gateway keeps what was lost`, async () => {
      const platform = new Platform()
      let primary: PrivatePostgres | undefined
      let standby: PrivatePostgres | undefined
      let door: SwitchableDoor | undefined
      try {
        await platform.open()
        primary = await startPrivatePostgres(binaries ?? '')
        standby = await startPrivatePostgres(binaries ?? '', { standbyOf: primary.url })
        door = await openSwitchableDoor(Number(new URL(primary.url).port))
        const url = new URL(primary.url)
        url.port = String(door.port)
        await platform.start({ kind: 'postgres', url: url.href })
        await begin(platform)
        await untilReplayed(primary.url, standby.url)
        await run(standby.url, "alter system set primary_conninfo = ''", 'select pg_reload_conf()')
        await eventually('replication has stopped', async () => {
          return (await run(standby?.url ?? '', 'select * from pg_stat_wal_receiver')).length === 0
        })
        await changesToLose(platform)
        if (isRestarted) await platform.stop()
        await primary.stop()
        await run(standby.url, 'select pg_promote()')
        door.turnTo(Number(new URL(standby.url).port))
        if (isRestarted) await platform.start({ kind: 'postgres', url: url.href })
        await platform.isHealed()
        await platform.isRecorded()
      } finally {
        await platform.end()
        await door?.close()
        await standby?.stop()
        await primary?.stop()
      }
    })
  }
})

describe('a dump is restored', { skip: binaries === undefined && 'no PostgreSQL' }, () => {
  let server: PrivatePostgres
  before(async () => {
    server = await startPrivatePostgres(binaries ?? '')
  })
  after(() => server?.stop())

  for (const when of ['while the control plane runs', 'while the control plane is stopped']) {
    test(`${when}: the brake works, and no gateway keeps what was lost`, async () => {
      const platform = new Platform()
      const name = when.includes('runs') ? 'running' : 'stopped'
      await run(server.url, `create database ${name}`)
      const url = new URL(server.url)
      url.pathname = `/${name}`
      const location: DatabaseLocation = { kind: 'postgres', url: url.href }
      const dump = join(platform.scratch.path, 'dump')
      try {
        await platform.open()
        await platform.start(location)
        await begin(platform)
        command('pg_dump', '--format=custom', '--file', dump, url.href)
        await changesToLose(platform)
        if (name === 'stopped') await platform.stop()
        command('pg_restore', '--clean', '--if-exists', '--single-transaction', '--dbname', url.href, dump)
        if (name === 'stopped') await platform.start(location)
        await platform.isHealed()
        await platform.isRecorded()
      } finally {
        await platform.end()
      }
    })
  }
})

test('after a copy of the embedded data directory is restored and written to, the brake works, and no gateway keeps what was lost', async () => {
  const platform = new Platform()
  const [first, copy] = ['first', 'copy'].map((name) => join(platform.scratch.path, name)) as [string, string]
  const closeGateways = async () => {
    for (const gateway of platform.gateways.splice(0)) await gateway.close()
  }
  try {
    await platform.open()
    mkdirSync(first)
    await platform.start({ kind: 'embedded', dataDir: first })
    await begin(platform)
    await platform.stop()
    cpSync(first, copy, { recursive: true })
    await platform.start({ kind: 'embedded', dataDir: first })
    await changesToLose(platform)
    await closeGateways()
    await platform.stop()
    await platform.start({ kind: 'embedded', dataDir: copy })
    // The numbers of the lost versions are reused before any gateway returns with the state it has on disk.
    for (const isOn of [true, false, true, false]) await platform.set(3, isOn)
    await platform.gateway('one')
    await platform.gateway('two')
    await platform.isHealed()
    await platform.isRecorded()
  } finally {
    await platform.end()
  }
})

function command(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(join(binaries ?? '', program), args, {
    encoding: 'utf8',
    timeout: WAIT_LIMIT_MS,
  })
  assert.equal(status, 0, `${program}: ${stderr}`)
}

async function run(url: string, ...statements: string[]): Promise<Array<Record<string, unknown>>> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    let rows: Array<Record<string, unknown>> = []
    for (const statement of statements) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

async function untilReplayed(primary: string, standby: string): Promise<void> {
  const [written] = await run(primary, 'select pg_current_wal_insert_lsn()::text as at')
  await eventually('the standby has replayed what is committed', async () => {
    const [row] = await run(standby, `select pg_last_wal_replay_lsn() >= '${String(written?.['at'])}'::pg_lsn as done`)
    return row?.['done'] === true
  })
}
