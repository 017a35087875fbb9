import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { freePorts } from '../support/ports.ts'
import { type Program, startProgram } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { untilReady } from '../support/wait.ts'
import { ruleGroups } from './shipped.ts'

/** A real Prometheus that scrapes the parts of a system under test. */
export interface RunningPrometheus {
  readonly program: Program
  readonly url: string
  /** Calls its API; rejects with the response if the request is invalid. */
  api<T>(path: string, query?: Readonly<Record<string, string>>): Promise<T>
  stop(): Promise<void>
}

/**
 * Starts Prometheus with the shipped rules, but without waiting times: alerts fire at once, and everything is scraped
 * and evaluated each second.
 *
 * @param jobs where each job is scraped, `host:port` by its name
 */
export async function startPrometheus(
  command: string,
  jobs: Readonly<Record<string, string>>,
): Promise<RunningPrometheus> {
  const scratch = scratchDirectory('prometheus')
  const file = (name: string) => join(scratch.path, name)
  const groups = ruleGroups().map(({ name, rules }) => ({
    name,
    rules: rules.map((rule) => ({ ...rule, ...('for' in rule ? { for: '0s' } : {}) })),
  }))
  writeFileSync(file('rules.yml'), stringify({ groups }))
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    scrape_configs: Object.entries(jobs).map(([job_name, target]) => ({
      job_name,
      static_configs: [{ targets: [target] }],
    })),
  }
  writeFileSync(file('prometheus.yml'), stringify(configuration))
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const program = await startProgram({
    command,
    args: [
      `--config.file=${file('prometheus.yml')}`,
      `--storage.tsdb.path=${file('data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
  })
  await untilReady(`${url}/-/ready`)
  return {
    program,
    url,
    async api<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
      const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`, {
        signal: AbortSignal.timeout(20_000),
      })
      const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string }
      if (status !== 'success') throw new Error(`${JSON.stringify(query)}: ${error}`)
      return data
    },
    async stop() {
      await program.stop()
      scratch.remove()
    },
  }
}
