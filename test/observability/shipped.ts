import { readFileSync } from 'node:fs'
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

/** The shipped alerts. */
export function alertRules(): AlertRule[] {
  return ruleGroups().flatMap((group) => group.rules.filter((rule) => 'alert' in rule))
}
