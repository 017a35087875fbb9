import { setTimeout as pause } from 'node:timers/promises'
import { type Lab, startLab } from '../storm/lab.ts'
import type { Random } from '../storm/random.ts'
import { Web } from '../storm/web.ts'
import { Crowd } from './clients.ts'
import { photograph, prepareConsole } from './photographs.ts'
import { type Cast, FLAG, makeCast, type ScriptedClient } from './population.ts'
import { openQuirkProxy, type QuirkProxy } from './quirk-proxy.ts'
import { type DemoOutcome, type Excluded, judge, type RolloutView, reportLines } from './report.ts'
import type { DemoScale } from './scale.ts'

const REASON = 'Demonstration of a rollout with scripted clients'
const POLL_MS = 500
const PROGRESS_MS = 5_000
/** Some applications have been moved by then, and the rollout has steps to come. */
const PHOTOGRAPHED_STEP = 3
const FINAL_STATES = new Set(['completed', 'aborted'])

export interface DemoOptions {
  readonly directory: string
  readonly databaseUrl: string | undefined
  readonly scale: DemoScale
  readonly limitMs: number
  readonly random: Random
  /** Where screenshots of the console go once the rollout has taken an application back; undefined for none. */
  readonly photographs: string | undefined
  readonly say: (line: string) => void
}

/** Runs the demonstration. Resolves to what the rollout made of each client. */
export async function runDemo(options: DemoOptions): Promise<DemoOutcome> {
  const { say, random, scale } = options
  if (options.photographs !== undefined) await prepareConsole(say)
  const cast = makeCast(scale, random.fork())
  let proxy: QuirkProxy | undefined
  const quirkOf = quirks(cast, (clientId) => proxy?.sightings(clientId).newFlows[0])
  const lab = await startLab({
    ...{ directory: options.directory, databaseUrl: options.databaseUrl, seedFile: cast.seedFile },
    applications: scale.clients,
    controlOptions: ['--test-controls'],
    openDoor: async (listen, target) => {
      proxy = await openQuirkProxy(listen, target, quirkOf)
      return proxy
    },
  })
  const web = new Web(lab.issuer, lab.gatewayUrls)
  const crowd = new Crowd(web)
  try {
    crowd.start(cast.clients, random.fork())
    say(`${cast.clients.length} clients run; the guards learn their past on rails for ${scale.baselineMs / 1_000} s.`)
    await pause(scale.baselineMs)
    const rollout = await followRollout(lab, options)
    await crowd.stop()
    const outcome = judge({ cast, rollout, tallies: crowd.tallies, sightingsOf: (id) => proxy?.sightings(id) })
    for (const line of reportLines(outcome)) say(line)
    return outcome
  } finally {
    await crowd.stop()
    await web.close()
    await lab.stop()
  }
}

/** A quirk shows only after its delay, counted from the client's first new flow at IAM. */
function quirks({ clients }: Cast, firstSeen: (clientId: string) => number | undefined) {
  const byId = new Map(clients.map((client): [string, ScriptedClient] => [client.application.clientId, client]))
  return (clientId: string) => {
    const breakage = byId.get(clientId)?.breakage
    const since = firstSeen(clientId)
    if (breakage === undefined || since === undefined) return undefined
    return Date.now() - since >= breakage.delayMs ? breakage.quirk : undefined
  }
}

function planOf({ percentages, dwell, soak }: DemoScale) {
  return {
    version: 1,
    name: 'demonstration',
    flag: FLAG,
    environment: 'production',
    steps: [
      { sample: 'one_per_cohort', evidence: { outcomes: 2 } },
      ...percentages.map((percentage) => ({ percentage })),
    ],
    dwell,
    evidence: { bound: 0.1 },
    budget: { flows: 500 },
    exclude: { at_most: '25%' },
    soak,
    mode: 'act',
    // The ten minutes of ADR 29 in the clients' time: breaks that are an hour apart there are not one fault.
    common_fault: { within: '4s' },
    watch: 'unattended',
  }
}

async function followRollout(lab: Lab, { scale, say, limitMs, photographs }: DemoOptions): Promise<RolloutView> {
  await turnOnInStaging(lab)
  const { id, version } = await call<{ id: number; version: number }>(lab, 'POST', '/rollouts', {
    ...{ plan: planOf(scale), reason: REASON },
  })
  await call(lab, 'POST', `/rollouts/${id}/actions`, { action: 'start', version, reason: REASON })
  const until = performance.now() + limitMs
  let saidAt = 0
  let isPhotographed = photographs === undefined
  const told = new Set<number>()
  for (;;) {
    const rollout = await call<RolloutView>(lab, 'GET', `/rollouts/${id}`)
    for (const excluded of rollout.excluded) tell(excluded, told, say)
    if (FINAL_STATES.has(rollout.state)) return rollout
    const [first] = rollout.excluded
    if (!isPhotographed && photographs !== undefined && first !== undefined && rollout.step >= PHOTOGRAPHED_STEP) {
      isPhotographed = true
      const scene = { directory: photographs, rolloutId: id, applicationId: first.application_id }
      for (const file of await photograph(lab, scene)) say(`  photographed: ${file}`)
    }
    if (performance.now() > until)
      throw new Error(`the rollout is still ${rollout.state} after ${limitMs / 60_000} min`)
    if (performance.now() - saidAt > PROGRESS_MS) {
      saidAt = performance.now()
      say(`${rollout.state}, step ${rollout.step}: ${rollout.waiting_for.join(' ') || 'no wait'}`)
    }
    await pause(POLL_MS)
  }
}

function tell(excluded: Excluded, told: Set<number>, say: (line: string) => void): void {
  if (told.has(excluded.application_id)) return
  told.add(excluded.application_id)
  say(`  taken back: application ${excluded.application_id}: ${excluded.sentence}`)
}

/** The rules want a flag to be on in staging before production. */
function turnOnInStaging(lab: Lab): Promise<unknown> {
  return call(lab, 'POST', `/features/${FLAG}`, { value: 'true', environment: 'staging' })
}

async function call<T>(lab: Lab, method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const answer = await fetch(`${lab.controlUrl}/api/${path.startsWith('/features') ? 'v4' : 'v1'}${path}`, {
    method,
    headers: { authorization: `Bearer ${lab.adminToken}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`)
  return JSON.parse(text) as T
}
