import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { ROOT } from '../support/program.ts'

/** One alert as the rules file has it. */
export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook_url: string }
}

/** One recorded expression. */
export interface RecordingRule {
  readonly record: string
  readonly expr: string
}

interface RuleGroup {
  readonly name: string
  readonly rules: ReadonlyArray<AlertRule | RecordingRule>
}

/** The text of a file of this checkout. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** Everything in the shipped rules file. */
export function ruleGroups(): readonly RuleGroup[] {
  return (parse(readText('observability/prometheus/handover.rules.yml')) as { groups: RuleGroup[] }).groups
}

/** Every expression of the shipped dashboards, by dashboard and panel, as Grafana would send it. */
export function dashboardExpressions(): Array<{ readonly where: string; readonly expr: string }> {
  return globSync('observability/grafana/*.json', { cwd: ROOT }).flatMap((file) => {
    const { title, panels } = JSON.parse(readText(file)) as Dashboard
    return panels.flatMap((panel) =>
      panel.targets.map(({ expr }) => ({
        where: `${title} / ${panel.title}`,
        expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$application', '.+'),
      })),
    )
  })
}

interface Dashboard {
  readonly title: string
  readonly panels: ReadonlyArray<{ readonly title: string; readonly targets: ReadonlyArray<{ readonly expr: string }> }>
}

/** The shipped searches, each with its query, from the export that Kibana imports. */
export function savedSearches(): Array<{ readonly id: string; readonly query: string }> {
  const objects = readText('observability/kibana/handover.ndjson')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as SavedObject)
  return objects.flatMap(({ id, type, attributes }) => {
    if (type !== 'search') return []
    const source = attributes?.kibanaSavedObjectMeta?.searchSourceJSON ?? ''
    const { query } = JSON.parse(source) as { query: { query: string; language: string } }
    if (query.language !== 'kuery') throw new Error(`${id} is not in the Kibana query language`)
    return [{ id, query: query.query }]
  })
}

/** An object of the export; its last line is a summary instead. */
export interface SavedObject {
  readonly id: string
  readonly type: string
  readonly attributes?: { readonly kibanaSavedObjectMeta?: { readonly searchSourceJSON: string } }
  readonly references?: ReadonlyArray<{ readonly id: string; readonly type: string; readonly name: string }>
  readonly exportedCount?: number
}

/** The shipped alerts. */
export function alertRules(): AlertRule[] {
  return ruleGroups().flatMap((group) => group.rules.filter((rule) => 'alert' in rule))
}
