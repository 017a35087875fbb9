import { z } from 'zod'
import { shownName } from '../../../applications/index.ts'
import type { ControlClient } from '../../client/control-client.ts'
import type { ControlPlan } from '../../client/control-command.ts'
import { ENVIRONMENT_OPTIONS, environmentOf } from '../../client/environment-options.ts'
import { type CommandLine, type OptionSpec, UsageFault } from '../../command-line.ts'

/** The options of the list. */
export const LIST_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--failing': { takes: 'nothing' },
  '--not-arrived': { takes: 'nothing' },
  '--side': { takes: 'value' },
  '--search': { takes: 'value' },
  '--limit': { takes: 'value' },
  ...ENVIRONMENT_OPTIONS,
}

const PAGE = 1_000
const SHOWN = 50

const applicationSchema = z.object({
  id: z.int(),
  client_id: z.string(),
  name: z.string().nullable(),
  version: z.int(),
  iam_version: z.int().nullable(),
  arrived: z.boolean(),
  side: z.string(),
  flag: z.object({ on: z.boolean(), gate: z.string() }),
  failing: z.boolean(),
  report: z
    .object({
      successes: z.int(),
      failures: z.int(),
      error: z.string().nullable(),
      circuit_open_at: z.array(z.string()),
    })
    .nullable(),
})
type Application = z.infer<typeof applicationSchema>
const pageSchema = z.object({
  applications: z.array(applicationSchema),
  next: z.int().nullable(),
  iam_grant_types: z.array(z.string()).nullish(),
})

/** `applications list`: the selected applications, failing ones first, from all pages. */
export function listPlan(line: CommandLine): ControlPlan {
  const query = queryOf(line)
  const limit = limitOf(line)
  return async (ask) => {
    const { found, grants } = await everyPage(ask, query)
    const all = found.sort((a, b) => rank(a) - rank(b) || a.id - b.id)
    const shown = all.slice(0, limit)
    const more = all.length - shown.length
    const lines = [
      ...(shown.length === 0 ? ['no applications'] : table(shown)),
      ...(grants?.includes('password') === false
        ? ['IAM cannot serve the password grant: an application that uses it would be rejected after it moves']
        : []),
      ...(more > 0 ? [`and ${more} more; use --limit N to show more, or --search TEXT to filter`] : []),
    ]
    return { json: { applications: line.values.has('--limit') ? shown : all }, lines }
  }
}

function queryOf(line: CommandLine): URLSearchParams {
  const query = new URLSearchParams({ environment: environmentOf(line), limit: String(PAGE) })
  if (line.switches.has('--failing')) query.set('failing', 'true')
  if (line.switches.has('--not-arrived')) query.set('arrived', 'false')
  const side = line.values.get('--side')?.[0]
  if (side !== undefined && side !== 'iam' && side !== 'rails') throw new UsageFault('--side must be iam or rails')
  if (side !== undefined) query.set('side', side)
  const search = line.values.get('--search')?.[0]
  if (search === '') throw new UsageFault('--search needs a text')
  if (search !== undefined) query.set('search', search)
  return query
}

function limitOf(line: CommandLine): number {
  const text = line.values.get('--limit')?.[0]
  if (text === undefined) return SHOWN
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageFault('--limit must be a number of applications')
  return Number(text)
}

async function everyPage(
  ask: ControlClient,
  query: URLSearchParams,
): Promise<{ readonly found: Application[]; readonly grants: readonly string[] | undefined }> {
  const found: Application[] = []
  let grants: readonly string[] | undefined
  for (let after: number | null = 0; after !== null; ) {
    query.set('after', String(after))
    const page = pageSchema.parse(await ask('GET', `/api/v1/applications?${query}`))
    for (const application of page.applications) found.push(application)
    grants = page.iam_grant_types ?? undefined
    after = page.next
  }
  return { found, grants }
}

/** Order: failing, waiting for IAM, with errors, not arrived, and the rest. */
function rank({ failing, flag, arrived, report }: Application): number {
  if (failing) return 0
  if (flag.on && !arrived) return 1
  if ((report?.failures ?? 0) > 0) return 2
  return arrived ? 4 : 3
}

const GATES: Readonly<Record<string, string>> = {
  boolean: 'on for all',
  actor: 'its own',
  percentage_of_actors: 'percentage',
  feature_group: 'feature group',
  opt_out: 'opted out',
  none: 'none',
}

function table(applications: readonly Application[]): string[] {
  const rows = applications.map((one) => [
    String(one.id),
    one.name === null || one.name === '' ? shownName(one.client_id) : shownName(one.name),
    one.side,
    GATES[one.flag.gate] ?? one.flag.gate,
    one.arrived ? 'yes' : one.iam_version === null ? 'no' : `${one.iam_version} of ${one.version}`,
    lately(one),
  ])
  const all = [['ID', 'NAME', 'SIDE', 'GATE', 'ARRIVED', 'RECENTLY AT IAM'], ...rows]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length))) ?? []
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function lately({ report, failing }: Application): string {
  if (report === null) return '-'
  const { successes, failures, error, circuit_open_at: open } = report
  const said = [
    ...(failures > 0 ? [`${failures} of ${successes + failures} failed${error === null ? '' : `, ${error}`}`] : []),
    ...(failures === 0 && successes > 0 ? [`${successes} succeeded`] : []),
    ...(open.length > 0 ? [`circuit open at ${open.join(', ')}`] : []),
  ].join('; ')
  return failing ? `FAILING: ${said}` : said || '-'
}
