import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePorts } from '../test/support/ports.ts'
import { assertRoutes, requestsFor, withBenchPlan } from './gateway.ts'
import { load } from './load.ts'
import { cpuMicroseconds } from './process-cpu.ts'
import { type CpuProfile, stepsOf } from './profile/steps.ts'
import { gateway } from './proxies.ts'
import type { Report } from './report.ts'

const WARM_UP = 10_000

/**
 * `npm run bench -- profile`: where each microsecond of a request goes, by a CPU profile of the gateway under the load of
 * `npm run bench -- gateway`. The shares are the profile's; their sum is the CPU that the kernel counts.
 */
export async function benchProfile(args: string[], report: Report): Promise<void> {
  const { values } = parseArgs({ args, options: { requests: { type: 'string', default: '30000' } } })
  const requests = Number(values.requests)
  for (const kind of ['get', 'post'] as const) {
    await withBenchPlan(async (plan, children) => {
      const folder = join(plan.scratch, 'profile')
      mkdirSync(folder)
      const [port = 0] = await freePorts(1)
      const options = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=250']
      const child = gateway.start(port, plan, options)
      children.push(child)
      await assertRoutes(gateway, port, plan)
      const request = requestsFor(plan)[kind]
      const formFile = join(plan.scratch, 'form')
      writeFileSync(formFile, request.form ?? '')
      await load(port, request, WARM_UP, formFile)
      const before = cpuMicroseconds(child.pid ?? 0)
      await load(port, request, requests, formFile)
      const cpu = (cpuMicroseconds(child.pid ?? 0) - before) / requests
      child.kill('SIGTERM')
      await once(child, 'exit')
      const steps = [...stepsOf(busiest(folder))].sort(([, one], [, other]) => other - one)
      const all = steps.reduce((sum, [, time]) => sum + time, 0)
      report.table({
        title: `${request.method} ${request.path.split('?')[0]}: ${cpu.toFixed(1)} µs of CPU per request, with the profiler on`,
        columns: ['step', 'share', 'µs'],
        rows: steps.map(([step, time]) => {
          return [step, `${((time / all) * 100).toFixed(0)} %`, ((time / all) * cpu).toFixed(1)]
        }),
      })
    })
  }
}

/** The profile of the process that answered the requests: the largest. */
function busiest(folder: string): CpuProfile {
  const profiles = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  const [largest = '{"nodes":[],"samples":[],"timeDeltas":[]}'] = profiles.sort(
    (one, other) => other.length - one.length,
  )
  return JSON.parse(largest) as CpuProfile
}
