import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { CallError, call } from '../../../http/index.ts'
import type { ItemCheck } from '../../../rollouts/index.ts'

/** Where the dashboards' queries are answered. */
export interface DashboardSource {
  /** The folder of the Grafana dashboards. */
  readonly directory: string
  readonly prometheus: { readonly url: string; readonly token: string | undefined }
}

const LIMIT_MS = 5_000
const MAX_SECONDS = 30

const panelSchema: z.ZodType<Panel> = z.lazy(() =>
  z.object({
    title: z.string().default(''),
    targets: z.array(z.object({ expr: z.string().optional() })).default([]),
    panels: z.array(panelSchema).default([]),
  }),
)
interface Panel {
  readonly title: string
  readonly targets: ReadonlyArray<{ readonly expr?: string | undefined }>
  readonly panels: readonly Panel[]
}
const answerSchema = z.object({ status: z.literal('success'), data: z.object({ result: z.array(z.unknown()) }) })

/**
 * Asks Prometheus every query of the dashboards: each must be answered, and some must return data. Rejects never; ends
 * after 30 s.
 */
export async function dashboardsCheck(source: DashboardSource | undefined): Promise<ItemCheck> {
  if (source === undefined) {
    return { state: 'unknown', sentence: 'no Prometheus is configured (control.chatops.alarms); tick it by hand' }
  }
  const queries = queriesOf(source.directory)
  const until = performance.now() + MAX_SECONDS * 1_000
  let withData = 0
  for (const { title, expr } of queries) {
    if (performance.now() > until) return { state: 'open', sentence: `Prometheus takes more than ${MAX_SECONDS} s` }
    const count = await seriesOf(source.prometheus, expr)
    if (typeof count === 'string') return { state: 'open', sentence: `the panel "${title}" is not answered: ${count}` }
    if (count > 0) withData++
  }
  if (withData === 0) return { state: 'open', sentence: `none of the ${queries.length} queries returns data` }
  return { state: 'done', sentence: `${queries.length} queries are answered, ${withData} of them with data` }
}

/** The queries of all panels, with Grafana's variables replaced by values that match everything. */
export function queriesOf(directory: string): Array<{ readonly title: string; readonly expr: string }> {
  const files = readdirSync(directory).filter((name) => name.endsWith('.json'))
  const flat = (panels: readonly Panel[]): readonly Panel[] => panels.flatMap((one) => [one, ...flat(one.panels)])
  return files.flatMap((name) => {
    const read = z
      .object({ panels: z.array(panelSchema) })
      .parse(JSON.parse(readFileSync(join(directory, name), 'utf8')))
    return flat(read.panels).flatMap(({ title, targets }) =>
      targets.flatMap(({ expr }) => (expr === undefined ? [] : [{ title, expr: withoutVariables(expr) }])),
    )
  })
}

function withoutVariables(expr: string): string {
  return expr
    .replaceAll(/\$__(rate_)?interval\b/g, '5m')
    .replaceAll(/\$__range\b/g, '1h')
    .replaceAll(/\$\w+/g, '.*')
}

async function seriesOf({ url, token }: DashboardSource['prometheus'], expr: string): Promise<number | string> {
  const address = `${url.replace(/\/+$/, '')}/api/v1/query?query=${encodeURIComponent(expr)}`
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  try {
    const answer = await call({ method: 'GET', url: address, headers, timeoutMs: LIMIT_MS })
    const read = answer.status === 200 ? answerSchema.safeParse(answer.json) : undefined
    return read?.success ? read.data.data.result.length : `status ${answer.status}`
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    return error.timedOut ? `no answer within ${LIMIT_MS / 1_000} s` : 'Prometheus cannot be reached'
  }
}
