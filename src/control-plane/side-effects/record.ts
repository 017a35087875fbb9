import type { FlagDefinition } from '../../flags/index.ts'
import { changeInWords, type FlagEvent, valueInWords } from './flag-event.ts'

/** The record of one change: title, labels and Markdown of an issue that is closed as soon as it is created. */
export interface ChangeRecord {
  readonly title: string
  readonly labels: readonly string[]
  readonly description: string
}

/** Writes the record of a change. `control` names the part of the platform that owns these flags in `host::…`. */
export function recordOf(event: FlagEvent, definition: FlagDefinition | undefined): ChangeRecord {
  const { environment, name, by, version, cause } = event
  const change = changeInWords(event)
  const { value, share, actors } = change
  const isBrake = event.kind === 'brake'
  const what = isBrake ? `The brake has been set to '${value}'` : `Feature flag '${name}' has been set to '${value}'`
  const named = actors.length === 0 ? '' : ` of ${actors.length > 3 ? `${actors.length} actors` : actors.join(', ')}`
  const whom = share === undefined ? named : ` of ${share}`
  const overrides = cause?.overrides ?? []
  const rows: ReadonlyArray<readonly [string, string | undefined]> = [
    ['Environment', environment],
    ['Value', valueInWords(change)],
    ['Actors', actors.length === 0 ? undefined : actors.join(', ')],
    ['Changed by', by],
    ['Approved after a proposal of', cause?.proposed_by],
    ['Reason', cause?.reason],
    ['Change issue', cause?.change_issue_url],
    ['Rollout issue', definition?.rollout_issue_url ?? undefined],
    ['Introduced by', definition?.introduced_by_url],
    ['By way of', cause?.door],
    ['Version', String(version)],
    ['Correlation id', cause?.correlation_id ?? undefined],
    ['Checks overridden', overrides.length === 0 ? undefined : overrides.join('; ')],
  ]
  const table = rows.flatMap(([title, text]) => (text === undefined ? [] : [`| ${title} | ${cell(text)} |`]))
  return {
    title: `${what}${whom} on ${environment}`.slice(0, 255),
    labels: [
      `host::${environment}`,
      'change',
      ...(isBrake ? ['brake'] : ['feature flag']),
      ...(overrides.length > 0 ? ['checks ignored'] : []),
    ],
    description: ['| Scope | |', '|---|---|', ...table, ''].join('\n'),
  }
}

/** Text that cannot end its table cell, start a command of the issue tracker, or become markup. */
function cell(text: string): string {
  const plain = text.replace(/\s+/g, ' ').trim()
  if (/^https?:\/\/[^\s|<>]+$/.test(plain)) return plain
  return plain.replace(/[\\`*_{}[\]<>|~@#!]/g, (mark) => (mark === '_' ? '_' : `\\${mark}`))
}
