// npm run storm: real flows through two gateways while flags flip at random, and faults are injected.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findPostgres, startPrivatePostgres } from '../../scripts/private-postgres.ts'
import { Faults } from './faults.ts'
import { type Lab, startLab } from './lab.ts'
import { populate } from './population.ts'
import { Random } from './random.ts'
import { curves, type Sample, takeSample } from './samples.ts'
import { Storm, type StormPlan, type Tally } from './storm.ts'
import { shrink, storyInWords, storyOf, tellAlone } from './story.ts'
import { Web } from './web.ts'

const HELP = `npm run storm -- [options]

Walks real flows of every kind through two gateways while flags flip at random, and holds every answer to what it must
be. Without faults not one request may fail. Exit code 1 if anything broke.

  --minutes N        how long (default 2)
  --seed S           the same seed draws the same flows and flips (default: at random, printed)
  --faults           faults come and go: IAM refuses, hangs, dies, answers nonsense; gateways and control plane die
  --flows N          flows under way at any time (default 400)
  --flips N          flips a second (default 60); as many at a time as it takes
  --think N          milliseconds between two requests of a flow at most (default 500)
  --applications N   (default 40)
  --users N          (default 12)
  --store STORE      embedded or postgres (default: postgres where there is one)
  --report FILE      writes the figures as JSON
  --keep             keeps the logs of all parts
`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string' },
    faults: { type: 'boolean', default: false },
    flows: { type: 'string', default: '400' },
    flips: { type: 'string', default: '60' },
    think: { type: 'string', default: '500' },
    applications: { type: 'string', default: '40' },
    users: { type: 'string', default: '12' },
    store: { type: 'string' },
    report: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const EVERY_MS = 5_000
/** After the last flow of a long storm: all unused connections must close within this time. */
const REST_MS = 70_000
const MAX_STORIES = 3

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const plan: StormPlan = {
    seed: values.seed === undefined ? Math.floor(Math.random() * 4_294_967_296) : numberOf('seed', values.seed),
    milliseconds: numberOf('minutes', values.minutes) * 60_000,
    concurrency: numberOf('flows', values.flows),
    flipsPerSecond: numberOf('flips', values.flips),
    maxThinkMs: numberOf('think', values.think),
  }
  const population = populate(numberOf('applications', values.applications), numberOf('users', values.users))
  const binaries = values.store === 'embedded' ? undefined : findPostgres()
  if (values.store === 'postgres' && binaries === undefined) throw new RangeError('no PostgreSQL server found')
  say(`seed ${plan.seed}, ${binaries ? 'PostgreSQL' : 'embedded store'}, ${values.faults ? 'with' : 'without'} faults`)
  const directory = mkdtempSync(join(tmpdir(), 'handover-storm-'))
  const postgres = binaries === undefined ? undefined : await startPrivatePostgres(binaries)
  let lab: Lab | undefined
  try {
    lab = await startLab({
      ...{ directory, databaseUrl: postgres?.url, seedFile: population.seedFile },
      applications: population.applications.length,
    })
    const web = new Web(lab.issuer, lab.gatewayUrls)
    const faults = values.faults ? new Faults(lab, new Random(plan.seed ^ 0x5eed)) : undefined
    const storm = new Storm(plan, lab, web, population, faults)
    const before = await takeSample(lab, 0)
    const during = await blow(storm, lab, faults)
    await tellStories(storm, lab, web, population)
    await web.close()
    await new Promise((resolve) => setTimeout(resolve, Math.min(REST_MS, storm.milliseconds / 8)))
    const after = await takeSample(lab, Math.round(storm.milliseconds / 1_000))
    report(storm.tally, { before, during, after }, plan, faults)
    return storm.tally.broken.length === 0 ? 0 : 1
  } finally {
    await lab?.stop()
    await postgres?.stop()
    if (values.keep) say(`logs are kept in ${directory}`)
    else rmSync(directory, { recursive: true, force: true })
  }
}

async function blow(storm: Storm, lab: Lab, faults: Faults | undefined): Promise<Sample[]> {
  const startedAt = performance.now()
  const samples: Sample[] = []
  const timer = setInterval(() => {
    const second = Math.round((performance.now() - startedAt) / 1_000)
    void takeSample(lab, second).then((sample) => samples.push(sample))
    const { flips, flows, requests, excused, broken } = storm.tally
    say(
      `${second} s: ${flips} flips, ${flows} flows, ${requests} requests, ${excused} excused, ${broken.length} broken`,
    )
  }, EVERY_MS)
  faults?.start((name) => say(`  fault: ${name}`))
  // Faults end first, so that every flow can finish.
  const calm = setTimeout(() => void faults?.stop(), Math.max(0, storm.milliseconds - 10_000))
  try {
    await storm.run()
    clearTimeout(calm)
    await faults?.stop()
  } finally {
    clearInterval(timer)
  }
  return samples
}

async function tellStories(storm: Storm, lab: Lab, web: Web, population: ReturnType<typeof populate>): Promise<void> {
  for (const breakage of storm.tally.broken.slice(0, MAX_STORIES)) {
    const story = storyOf(breakage, storm.flips)
    const shrunk = await shrink(story, (one) => tellAlone(one, lab, web, population))
    const isAlone = shrunk.why !== undefined
    say(isAlone ? 'broken, and still so when told alone:' : 'broken in the storm, not when told alone:')
    for (const line of storyInWords(shrunk.story)) say(line)
  }
}

interface Samples {
  readonly before: Sample
  readonly during: readonly Sample[]
  readonly after: Sample
}

function report(tally: Tally, samples: Samples, plan: StormPlan, faults: Faults | undefined): void {
  const sorted = (map: ReadonlyMap<string, number>) => [...map].sort((left, right) => right[1] - left[1])
  say(
    `flows: ${sorted(tally.byFlow)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  say(
    `answers: ${sorted(tally.outcomes)
      .slice(0, 20)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  if (faults)
    say(`faults: ${faults.count}, outages they explain: ${tally.excused}, flows begun anew: ${tally.begunAnew}`)
  for (const line of curves(samples.before, samples.during, samples.after)) say(line)
  const { flips, flows, requests, broken } = tally
  if (values.report !== undefined) {
    const figures = { plan, flips, flows, requests, broken: broken.length, excused: tally.excused, samples }
    const by = { flows: Object.fromEntries(tally.byFlow), outcomes: Object.fromEntries(tally.outcomes) }
    writeFileSync(values.report, `${JSON.stringify({ ...figures, by }, null, 2)}\n`)
  }
  say(`storm: ${flips} flips, ${flows} flows, ${requests} requests, ${broken.length} broken`)
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new RangeError(`--${name} must be a number, not ${text}`)
  return value
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`storm: ${error instanceof RangeError ? error.message : String((error as Error).stack)}\n`)
  return 2
})
