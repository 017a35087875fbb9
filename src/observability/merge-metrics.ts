/** Combines the samples of one metric from two processes. */
type Merge = (left: number, right: number) => number

const sum: Merge = (left, right) => left + right
/** Metrics for which the slowest process determines the value of the whole port. */
const LEAST = new Set(['handover_snapshot_version'])
/** Gauges that are shares of one total. */
const ADDED = new RegExp(
  '^(process_(resident_memory_bytes|virtual_memory_bytes|heap_bytes|open_fds)|handover_gateway_ledger_entries' +
    '|nodejs_(active_\\w+|heap_size_\\w+|heap_space_size_\\w+|external_memory_bytes))$',
)

/**
 * Merges the metrics of processes that share one port, each in Prometheus's text format (0.0.4): sums counters,
 * histograms and summaries, takes the maximum of gauges and the minimum of a version. Comments appear once, in the
 * order in which metrics first appear.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const comments = new Map<string, string[]>()
  const samples = new Map<string, { metric: string; value: number }>()
  for (const text of texts) {
    const kinds = new Map<string, string>()
    for (const line of text.split('\n')) {
      if (line.startsWith('# ')) noteComment(line, comments, kinds)
      else if (line !== '') addSample(line, kinds, samples, comments)
    }
  }
  const byMetric = Map.groupBy(samples, ([, { metric }]) => metric)
  const blocks = [...comments].map(([metric, lines]) => {
    const values = (byMetric.get(metric) ?? []).map(([key, { value }]) => `${key} ${textOf(value)}`)
    return [...lines, ...values].join('\n')
  })
  return `${blocks.join('\n')}\n`
}

function noteComment(line: string, comments: Map<string, string[]>, kinds: Map<string, string>): void {
  const [, word, metric = '', kind = ''] = line.split(' ', 4)
  if (word === 'TYPE') kinds.set(metric, kind)
  const known = comments.get(metric) ?? []
  if (!known.some((one) => one.startsWith(`# ${word} `))) comments.set(metric, [...known, line])
}

function addSample(
  line: string,
  kinds: ReadonlyMap<string, string>,
  samples: Map<string, { metric: string; value: number }>,
  comments: Map<string, string[]>,
): void {
  const space = line.lastIndexOf(' ')
  const key = line.slice(0, space)
  const name = key.split('{', 1)[0] ?? ''
  const base = name.replace(/_(bucket|sum|count)$/, '')
  const metric = kinds.has(name) ? name : kinds.has(base) ? base : name
  if (!comments.has(metric)) comments.set(metric, [])
  const value = numberOf(line.slice(space + 1))
  const held = samples.get(key)
  samples.set(key, { metric, value: held ? mergeOf(metric, kinds.get(metric))(held.value, value) : value })
}

function mergeOf(metric: string, kind: string | undefined): Merge {
  if (kind !== 'gauge' || ADDED.test(metric)) return sum
  return LEAST.has(metric) ? Math.min : Math.max
}

function numberOf(text: string): number {
  return text === '+Inf' ? Number.POSITIVE_INFINITY : text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text)
}

function textOf(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
