import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchGateway } from './gateway.ts'
import { compareRatios, isFailure, readRatios, TOLERANCE } from './ratios.ts'
import type { Report } from './report.ts'
import { benchTokens } from './tokens.ts'

const STORED = join(import.meta.dirname, 'ratios.json')

/**
 * `npm run bench -- check`: measures what has stored ratios again and compares. Returns whether none is worse or
 * missing; with `--store`, the measured ratios replace the stored ones.
 */
export async function benchCheck(args: string[], report: Report): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      requests: { type: 'string', default: '10000' },
      store: { type: 'boolean', default: false },
    },
  })
  const { rounds, requests } = values
  const proxies = ['handover', 'nginx', 'HAProxy'].flatMap((part) => ['--only', part])
  const kinds = ['authorize', 'token', 'introspect', 'page'].flatMap((part) => ['--kind', part])
  await benchGateway(['--rounds', rounds, '--requests', requests, ...proxies, ...kinds], report)
  const workloads = ['client_credentials', 'refresh', 'introspect'].flatMap((name) => ['--workload', name])
  const tokens = ['--store', 'postgres', '--format', 'opaque', '--latency-seconds', '0', ...workloads]
  await benchTokens(['--rounds', rounds, '--requests', String(Math.ceil(Number(requests) / 2)), ...tokens], report)
  const stored = existsSync(STORED) ? readRatios(readFileSync(STORED, 'utf8')) : {}
  const comparisons = compareRatios(stored, report.ratios)
  const number = (value: number | undefined) => value?.toFixed(2) ?? '–'
  report.table({
    title: `Ratios next to the stored ones; more than ${TOLERANCE * 100} % above fails`,
    columns: ['ratio', 'stored', 'measured', 'outcome'],
    rows: comparisons.map((one) => [one.name, number(one.stored), number(one.measured), one.outcome]),
  })
  if (values.store) {
    const sorted = Object.fromEntries(Object.entries(report.ratios).sort())
    writeFileSync(STORED, `${JSON.stringify(sorted, undefined, 2)}\n`)
    return true
  }
  return !comparisons.some(isFailure)
}
