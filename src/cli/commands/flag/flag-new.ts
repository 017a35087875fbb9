import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeDefinition } from '../../../flags/index.ts'
import { RefusedError } from '../../client/control-client.ts'
import type { LonePlan } from '../../client/control-command.ts'
import { type CommandLine, type OptionSpec, UsageFault } from '../../command-line.ts'

/** A field of a definition, by the option that gives it. */
const FIELDS = {
  '--type': 'type',
  '--group': 'group',
  '--milestone': 'milestone',
  '--introduced-by-url': 'introduced_by_url',
  '--rollout-issue-url': 'rollout_issue_url',
  '--feature-issue-url': 'feature_issue_url',
  '--description': 'description',
} as const

/** The options of `flag new`. */
export const NEW_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  ...Object.fromEntries(Object.keys(FIELDS).map((option) => [option, { takes: 'value' } as const])),
  '--definitions-dir': { takes: 'value' },
  '--default-enabled': { takes: 'nothing' },
}

/**
 * `flag new`: writes a definition that the control plane accepts, with today as its introduction date. Writes nothing
 * if a field is missing or invalid (reports all of them), or if the file exists.
 */
export function newFlag(name: string, line: CommandLine, today: Date): LonePlan {
  const given = Object.entries(FIELDS).map(([option, field]) => [field, line.values.get(option)?.[0]] as const)
  const written = writeDefinition({
    ...Object.fromEntries(given),
    ...{ name, introduced_at: today.toISOString().slice(0, 10) },
    default_enabled: line.switches.has('--default-enabled'),
  })
  if ('faults' in written) throw new UsageFault(written.faults.map(asOption).join('; '))
  const path = join(line.values.get('--definitions-dir')?.[0] ?? 'flags', written.path)
  return {
    alone: async () => {
      if (existsSync(path)) throw new RefusedError(`${path} already exists and was not changed`)
      try {
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, written.text, { flag: 'wx' })
      } catch (error) {
        throw new RefusedError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code})`, { cause: error })
      }
      return { json: { path }, lines: [`wrote ${path}`, 'the control plane loads it at its next start'] }
    },
  }
}

/** A field error in terms of the command-line option. */
function asOption(fault: string): string {
  const [, field = '', rule = ''] = /^(\w+): (.*)$/.exec(fault) ?? []
  const option = Object.entries(FIELDS).find(([, known]) => known === field)?.[0]
  return option === undefined ? fault : `${option} ${rule}`
}
