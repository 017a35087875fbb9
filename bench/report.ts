import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import type { Ratios } from './ratios.ts'

/** One printed table. */
export interface BenchTable {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: ReadonlyArray<readonly string[]>
}

/** What a run has measured, and where: the content of the JSON file. */
export interface BenchReport {
  readonly command: string
  readonly date: string
  readonly machine: {
    readonly processor: string
    readonly cores: number
    readonly memoryGb: number
    /** Over one minute, when the run began and when it ended. */
    readonly loadAverage: readonly [number, number]
  }
  readonly versions: Readonly<Record<string, string>>
  readonly tables: readonly BenchTable[]
  readonly ratios: Ratios
}

/** Collects what the benchmarks of one run print, and keeps it with its conditions. */
export class Report {
  readonly #command: string
  readonly #date = new Date()
  readonly #loadBefore = loadavg()[0] ?? 0
  readonly #tables: BenchTable[] = []
  readonly #ratios: Record<string, number> = {}

  /** @param command the command that produces the figures */
  constructor(command: string) {
    this.#command = command
  }

  /** Prints a table and keeps it. The first column is aligned to the left. */
  table(table: BenchTable): void {
    this.#tables.push(table)
    const lines = [table.columns, ...table.rows]
    const widths = table.columns.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
    const cell = (text: string, column: number) =>
      column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart((widths[column] ?? 0) + 2)
    console.log(`\n${table.title}\n\n${lines.map((line) => line.map(cell).join('').trimEnd()).join('\n')}`)
  }

  /** Keeps a ratio of ours to theirs; lower is better for us. */
  ratio(name: string, value: number): void {
    this.#ratios[name] = Math.round(value * 1_000) / 1_000
  }

  get ratios(): Ratios {
    return this.#ratios
  }

  /** Everything so far, with its conditions. */
  finish(): BenchReport {
    const [processor] = cpus()
    const now = loadavg()[0] ?? 0
    return {
      command: this.#command,
      date: this.#date.toISOString(),
      machine: {
        processor: processor?.model ?? 'unknown',
        cores: cpus().length,
        memoryGb: Math.round(totalmem() / 2 ** 30),
        loadAverage: [Math.round(this.#loadBefore * 10) / 10, Math.round(now * 10) / 10],
      },
      versions: versions(),
      tables: this.#tables,
      ratios: this.#ratios,
    }
  }
}

/** Prints the conditions of a run, and writes all of it as JSON if a path is given. */
export function conclude(report: Report, path: string | undefined): void {
  const whole = report.finish()
  const { machine, date, command } = whole
  const programs = Object.entries(whole.versions).map(([name, version]) => `${name} ${version}`)
  console.log(`\n${date}, ${machine.cores} cores of ${machine.processor}, ${machine.memoryGb} GB`)
  console.log(`load average ${machine.loadAverage.join(' at the beginning, ')} at the end; ${programs.join(', ')}`)
  console.log(`measured by ${command}`)
  if (path !== undefined) writeFileSync(path, `${JSON.stringify(whole, undefined, 2)}\n`)
}

const PROGRAMS = [
  ['nginx', ['-v']],
  ['haproxy', ['-v']],
  ['caddy', ['version']],
  ['h2load', ['--version']],
  ['psql', ['--version']],
] as const

function versions(): Record<string, string> {
  const found: Record<string, string> = { node: process.versions.node }
  for (const [program, args] of PROGRAMS) {
    const version = versionOf(program, args)
    if (version !== undefined) found[program === 'psql' ? 'PostgreSQL' : program] = version
  }
  return found
}

function versionOf(program: string, args: readonly string[]): string | undefined {
  try {
    const text = execFileSync('sh', ['-c', `${program} ${args.join(' ')} 2>&1`], { encoding: 'utf8' })
    return /\d+(?:\.\d+)+/.exec(text)?.[0]
  } catch {
    return undefined
  }
}
