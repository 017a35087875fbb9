// Measures the memory of a guard and the cost of an update, and runs the simulations at full size on request.

import { execFileSync } from 'node:child_process'
import { FailingGuards, Recording } from '../src/guards/index.ts'
import { FULL_SIMULATIONS, runSimulations, SHORT_SIMULATIONS, simulationTables } from '../test/guards/simulations.ts'

const GUARDS = 100_000
const UPDATES = 1_000_000
const ROUNDS = 5

/** Prints the figures; `--full` adds the simulations at full size, which take about an hour, `--short` those of the suite. */
export function benchGuards(args: readonly string[]): void {
  execFileSync(process.execPath, ['--expose-gc', import.meta.filename, ...args], { stdio: 'inherit' })
}

function measure(): void {
  const before = memoryUsed()
  const guards = new FailingGuards()
  const recordings = Array.from({ length: GUARDS }, () => new Recording(guards, 0.03, 1_000))
  const outcomes = Array.from({ length: 1_024 }, (_, index) => ({
    ...{ isFailure: false, at: index, grant: `grant ${index}`, caller: `caller ${index % 8}` },
    ...{ error: undefined, requestId: `request ${index}` },
  }))
  const good = (index: number) => outcomes[index % outcomes.length] as (typeof outcomes)[number]
  for (const [index, recording] of recordings.entries()) {
    for (let taken = 0; taken < 20; taken++) recording.record(good(index), 0)
    // One in a hundred has a failure to remember.
    if (index % 100 === 0) recording.record({ ...good(index), isFailure: true, grant: `bad ${index}` }, 0)
  }
  const bytes = memoryUsed() - before
  console.log(
    `${GUARDS.toLocaleString('en-US')} guards: ${(bytes / 1e6).toFixed(1)} MB, ${(bytes / GUARDS).toFixed(0)} bytes each`,
  )
  const slots = Array.from({ length: 1_000 }, () => guards.open(0.03))
  const updateNs = best((index) => guards.record(slots[index % 1_000] as number, index % 50 === 0))
  console.log(`one update of a guard: ${updateNs.toFixed(0)} ns`)
  const recordNs = best((index) => recordings[index % GUARDS]?.record(good(index), 100_000))
  console.log(`one outcome counted, with the check of the threshold: ${recordNs.toFixed(0)} ns`)
}

/** Nanoseconds per call, best of several rounds. */
function best(call: (index: number) => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.hrtime.bigint()
    for (let index = 0; index < UPDATES; index++) call(index)
    least = Math.min(least, Number(process.hrtime.bigint() - from) / UPDATES)
  }
  return least
}

function memoryUsed(): number {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

if (import.meta.main) {
  measure()
  const size = process.argv.includes('--full')
    ? FULL_SIMULATIONS
    : process.argv.includes('--short')
      ? SHORT_SIMULATIONS
      : undefined
  if (size !== undefined) console.log(`\n${simulationTables(runSimulations(size))}`)
}
