import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findPostgres, startPrivatePostgres } from '../scripts/private-postgres.ts'
import { freePorts } from '../test/support/ports.ts'
import { scratchDirectory } from '../test/support/scratch.ts'
import { startControlProcess } from './control-process.ts'
import type { FollowerPlan, Seen } from './propagation/follower.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const CLIENT = 'client-1'
const PROCESSES = 2
const GATEWAYS_EACH = 10
const FLIP_LIMIT_MS = 10_000

/**
 * Measures the time from just before the command's request until the last of 20 gateways routes by it. Two control
 * planes on one PostgreSQL take the commands in turn; half of the gateways follow each. At the end the first control
 * plane is killed without warning, and commands go to the second.
 */
export async function benchPropagation(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { flips: { type: 'string', default: '1000' } } })
  const binaries = findPostgres()
  if (binaries === undefined) throw new Error('this needs a PostgreSQL server on the machine')
  const scratch = scratchDirectory('propagation')
  const postgres = await startPrivatePostgres(binaries)
  const children: ChildProcess[] = []
  try {
    const planes = await startPlanes(postgres.url, scratch.path, children)
    const token = readFileSync(join(scratch.path, 'admin-token'), 'utf8').trim()
    const [first = '', second = ''] = planes.map(({ url }) => url)
    await announce(first, token)
    const seen = new SeenFlips()
    for (const urls of [
      [first, second],
      [second, first],
    ]) {
      const plan: FollowerPlan = {
        ...{ urls, clientId: CLIENT, count: GATEWAYS_EACH },
        tokenFile: join(scratch.path, 'gateway-token'),
      }
      children.push(await startFollower(plan, seen))
    }
    const samples: number[] = []
    for (let flip = 0; flip < Number(values.flips); flip++) {
      const url = flip % 2 === 0 ? first : second
      samples.push(await seen.timeOfLast(flip % 2 === 0 ? 'on' : 'off', (flag) => setFlag(url, token, flag === 'on')))
    }
    report(`from the command to the last of ${PROCESSES * GATEWAYS_EACH} gateways, ${samples.length} flips`, samples)
    planes[0]?.process.kill('SIGKILL')
    const [flag, value] = samples.length % 2 === 0 ? (['on', true] as const) : (['off', false] as const)
    report('with the control plane of half of them killed at that moment', [
      await seen.timeOfLast(flag, () => setFlag(second, token, value)),
    ])
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await postgres.stop()
    scratch.remove()
  }
}

async function startPlanes(databaseUrl: string, directory: string, children: ChildProcess[]) {
  const planes = []
  for (const port of await freePorts(2)) {
    planes.push(await startControlProcess(port, { databaseUrl, directory }, children))
  }
  return planes
}

async function startFollower(plan: FollowerPlan, seen: SeenFlips): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'propagation/follower.ts'), [JSON.stringify(plan)])
  await once(child, 'message', { signal: AbortSignal.timeout(30_000) })
  child.on('message', (message: Seen) => seen.take(message))
  return child
}

async function ask(method: string, url: string, token: string, body: unknown): Promise<void> {
  const headers = { 'private-token': token, 'content-type': 'application/json' }
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text.slice(0, 300)}`)
}

function announce(url: string, token: string): Promise<void> {
  const application = {
    ...{ id: 1, client_id: CLIENT, name: 'Application 1', secret_digest: null, confidential: false, trusted: false },
    ...{ redirect_uris: ['https://client.example/callback'], scopes: ['read_user'], version: 1 },
  }
  return ask('PUT', `${url}/api/v1/applications/1`, token, { application, iam_version: 1 })
}

function setFlag(url: string, token: string, isOn: boolean): Promise<void> {
  return ask('POST', `${url}/api/v4/features/${FLAG}`, token, { value: String(isOn), oauth_application: '1' })
}

/** Which gateways have seen the current flip, and when the last one did. */
class SeenFlips {
  #waitingFor: 'on' | 'off' = 'on'
  #count = 0
  #lastNs = 0n

  take({ flag, atNs }: Seen): void {
    if (flag !== this.#waitingFor) return
    this.#count += 1
    const at = BigInt(atNs)
    if (at > this.#lastNs) this.#lastNs = at
  }

  /** Milliseconds from the start of `command` until the last gateway has seen it. */
  async timeOfLast(flag: 'on' | 'off', command: (flag: 'on' | 'off') => Promise<void>): Promise<number> {
    this.#waitingFor = flag
    this.#count = 0
    this.#lastNs = 0n
    const began = process.hrtime.bigint()
    await command(flag)
    const all = PROCESSES * GATEWAYS_EACH
    const until = performance.now() + FLIP_LIMIT_MS
    while (this.#count < all) {
      if (performance.now() > until)
        throw new Error(`${this.#count} of ${all} gateways saw the flip in ${FLIP_LIMIT_MS} ms`)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return Number(this.#lastNs - began) / 1e6
  }
}

function report(what: string, samples: readonly number[]): void {
  const sorted = [...samples].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
  const shown = samples.length === 1 ? `${at(0)} ms` : `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`
  console.log(`${what}: ${shown}`)
}
